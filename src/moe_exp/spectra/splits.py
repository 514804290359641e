"""Which stars train the experts, which train the gate, and which test.

Test stars are reserved first, then the gate's, and training stars are taken from what is left: a larger `n_train` never
moves the other two, and n training stars are the first n of any larger number. A star that was seen several times goes
to one split with all of its rows: a size counts rows, and the split gets as near to it as whole stars allow, but one
star at least.
"""

import math
from collections.abc import Mapping

import numpy as np

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.random_streams import random_stream

Size = int | float | None


def stable_order(star: np.ndarray, *, seed: int, shuffled: bool) -> np.ndarray:
    """Return the order in which rows are handed out, (n_rows,): stars as stored, or shuffled once by `data.seed`.

    Parameters
    ----------
    star : int array of shape (n_rows,)
        Which star a row shows, numbered from 0 in the order in which they first appear; its rows stay together.
    seed : int
    shuffled : bool
    """
    n_stars = int(star.max(initial=-1)) + 1
    order = random_stream(seed, "split").permutation(n_stars) if shuffled else np.arange(n_stars)
    return np.argsort(np.argsort(order)[star], kind="stable")


def count_stars(size: Size, *, option: str, available: int, remaining: int) -> int:
    """Turn a size into a number of stars: a count, a fraction of those available, or null for all that remain.

    1 is one star, 1.0 all that are available.
    """
    if size is None:
        return remaining
    if 0 < size < 1 or (isinstance(size, float) and size == 1):
        return round(size * available)
    if not math.isfinite(size) or size < 1 or size != int(size):
        raise InputError(
            Code.SPLIT_SIZE, f"{option}={size} is neither a number of stars nor a fraction between 0 and 1."
        )
    return int(size)


def hand_out(order: np.ndarray, star: np.ndarray, sizes: Mapping[str, Size]) -> dict[str, np.ndarray]:
    """Give each split its stars from the head of `order`, one split after the other.

    Parameters
    ----------
    order : array of shape (n_rows,)
        Rows in the order in which they are handed out, those of one star together.
    star : int array of shape (n_rows,)
        Which star each row shows.
    sizes : mapping of option name to size
        Splits in the order in which they are served, under the names that the configuration uses.

    Returns
    -------
    dict of option name to array of rows, in the order in which they were handed out

    Raises
    ------
    InputError
        If more stars are asked for than there are, or a split would be empty.
    """
    available = remaining = len(order)
    counts = {}
    for option, size in sizes.items():
        counts[option] = count_stars(size, option=option, available=available, remaining=max(remaining, 0))
        remaining -= counts[option]
    if remaining < 0 or min(counts.values()) < 1:
        wanted = " + ".join(f"{option}={number:,}" for option, number in counts.items())
        raise InputError(
            Code.FILES_TOO_SMALL,
            f"{wanted} stars are asked for, at least one each, but the files hold {available:,}. Ask for fewer, or for "
            f"fractions such as 0.2, or give more files.",
        )
    edges = np.flatnonzero(np.diff(star[order], prepend=-1, append=-1))
    handed_out, start = {}, 0
    for option, count in counts.items():
        end = available if sizes[option] is None else _nearest_edge(edges, start, count, option)
        handed_out[option], start = order[start:end], end
    return handed_out


def _nearest_edge(edges: np.ndarray, start: int, count: int, option: str) -> int:
    """Return where `count` rows from `start` end, as near as a star ends there; of two as near the first."""
    later = edges[edges > start]
    if not len(later):
        raise InputError(
            Code.FILES_TOO_SMALL,
            f"{option}={count}: no star is left, as all visits of a star go to one split. Ask for fewer.",
        )
    return int(later[np.argmin(np.abs(later - start - count))])
