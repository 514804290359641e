"""Stars with too many masked pixels: refused or left out of their split, never used in silence."""

import logging
from collections.abc import Mapping

import numpy as np

from moe_exp.codes import Code, tagged
from moe_exp.errors import InputError
from moe_exp.spectra.plausibility import describe_value
from moe_exp.spectra.star_files import StarFiles

log = logging.getLogger(__name__)

REFUSE, DROP = "refuse", "drop"


def leave_out(
    stars: Mapping[str, tuple[StarFiles, np.ndarray]], pixels: np.ndarray, *, max_masked: float, too_masked: str
) -> dict[str, np.ndarray]:
    """Return the rows of each split without the stars that have too many pixels masked, in the same order.

    What a split loses it does not get elsewhere: which stars test, train a gate or train experts must not hang on what
    is masked in others.

    Parameters
    ----------
    stars : mapping of option name to files and rows
    pixels : bool array of shape (n_pixels,)
        Those that are used; others do not count.
    max_masked : float
        Largest share of masked pixels.
    too_masked : ``refuse`` or ``drop``

    Raises
    ------
    InputError
        If there are such stars and they are to be refused, or a split has no others: with their number and the first.
    """
    limit = max_masked * pixels.sum()
    bad = {option: files.masks.count_pixels(rows, pixels) > limit for option, (files, rows) in stars.items()}
    found = {option: where for option, where in bad.items() if where.any()}
    if found and (too_masked == REFUSE or any(where.all() for where in found.values())):
        raise InputError(Code.STARS_TOO_MASKED, _describe(stars, found, max_masked, too_masked))
    for option, where in found.items():
        log.warning(
            tagged(
                Code.STARS_TOO_MASKED,
                "%s: %d of %d star(s) left out: more than %g of their pixels are masked (data.max_masked)",
            ),
            *(option, where.sum(), len(where), max_masked),
        )
    return {option: rows[~bad[option]] for option, (_, rows) in stars.items()}


def _describe(
    stars: Mapping[str, tuple[StarFiles, np.ndarray]], bad: Mapping[str, np.ndarray], max_masked: float, too_masked: str
) -> str:
    counts = ", ".join(f"{where.sum():,} of {len(where):,} star(s) of {option}" for option, where in bad.items())
    option, where = next(iter(bad.items()))
    files, rows = stars[option]
    row = int(rows[where].min())
    place, values = files.look_at_masked(row)
    held = ", ".join(f"{name} {describe_value(value)}" for name, value in values.items())
    advice = "Give other stars" if too_masked == DROP else "Leave them out with data.too_masked=drop"
    return (
        f"{counts} have more than {max_masked:g} of their pixels masked, as data.max_masked allows (first: "
        f"{files.locate(row)}, whose pixel {place} has {held}). {advice}, or allow a larger share."
    )
