"""Values that are no measurements: what is refused, and from where on, in one place.

The limits are far from what is measured. Emission lines and cosmic rays stay below a hundred times the continuum, the
error under a sky line below some tens of times that of its neighbours; the hottest white dwarfs have 250,000 K and
log g = 9.5, the largest supergiants log g = -1, the most metal-poor star known [Fe/H] < -7. What lies beyond is a fill
value or a mask (-9999, 1e10), of which a single one can decide a Ridge.
"""

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pandas as pd

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.spectra.files import ERROR, FLUX, REQUIRED_LABELS

LABEL_RANGES = {"teff": (300.0, 300_000.0), "logg": (-2.0, 10.0), "m_h": (-8.0, 2.0)}
"""What stars have, generously: teff [K], logg [dex], m_h [dex]."""

FILL_VALUES = (999.0, 9999.0, 99999.0, 999999.0)
"""Sizes of numbers that stand for none in a column whose range is not known."""

FAR_ABOVE = 1000.0
"""A pixel beyond this multiple of its star's own level is no measurement."""

FAR_BELOW = 100.0
"""Nor is flux as far below zero: no light makes it. Beside a level of 1, -999 is a fill value too."""

LEVEL_QUANTILE = 0.75
"""A star's level is this quantile of its absolute values: a quarter of them may be masked, three quarters padded."""

SMALLEST, LARGEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
"""Sizes that float32 holds with all its digits."""


class Fault(NamedTuple):
    """One kind of bad values: in how many stars, and where first."""

    dataset: str
    problem: str
    n_stars: int
    row: int
    pixel: int


def find_bad_labels(labels: pd.DataFrame) -> list[str]:
    """Say how many stars have a label (teff, logg, m_h) that is no number or that no star has, and where first."""
    finite = np.isfinite(labels[list(LABEL_RANGES)].to_numpy(float)).all(axis=1)
    bad = {f"a NaN or infinite {', '.join(REQUIRED_LABELS)}": ~finite}
    for name, column in REQUIRED_LABELS.items():
        low, high = LABEL_RANGES[column]
        bad[f"{name} outside {low:g} to {high:g}"] = finite & ~labels[column].between(low, high).to_numpy()
    return [
        f"{where.sum()} of {len(labels)} stars have {what} (first: row {int(np.argmax(where))})"
        for what, where in bad.items()
        if where.any()
    ]


def refuse_fill_values(values: pd.Series, what: str) -> None:
    """Raise `InputError` if a column of numbers, whatever it means, holds some that are none."""
    numbers = values.to_numpy(float)
    bad = ~np.isfinite(numbers) | np.isin(np.abs(numbers), FILL_VALUES)
    if bad.any():
        raise InputError(
            Code.IMPOSSIBLE_LABEL,
            f"{what} is no measurement in {bad.sum()} of {len(bad)} stars (first: row {int(np.argmax(bad))} with "
            f"{numbers[np.argmax(bad)]:g}). Mend or remove them.",
        )


def find_faults(flux: np.ndarray, error: np.ndarray, first_row: int) -> list[Fault]:
    """Return what is wrong with some stars of a file.

    Parameters
    ----------
    flux, error : arrays of shape (n_stars, n_pixels)
        The error with repaired ends; both NaN in masked pixels, in which nothing is wrong.
    first_row : int
        Row of the first of these stars.
    """
    size = np.abs(flux)
    flux_level, error_level = star_level(size)[:, None], star_level(error)[:, None]
    flux_limit = FAR_ABOVE * np.where(flux_level > 0, flux_level, LARGEST)
    lower_limit = -FAR_BELOW / FAR_ABOVE * flux_limit
    error_limit = np.minimum(flux_limit, FAR_ABOVE * error_level)
    largest, least, least_error, largest_error = (
        end[:, None] for end in (size.max(1), flux.min(1), error.min(1), error.max(1))
    )
    # The same checks on each star's extremes, which need no mask of all pixels: a new kind of fault has to be in both.
    good = (largest >= SMALLEST) & (largest <= np.minimum(flux_limit, LARGEST))
    good &= (least >= lower_limit) & (least_error > 0)
    if (good & (largest_error <= np.minimum(error_limit, LARGEST))).all():
        return []
    known = ~np.isnan(flux)
    bad = {
        (FLUX, "is 0 throughout"): known & ~(size >= SMALLEST).any(axis=1, keepdims=True),
        (FLUX, f"is above {FAR_ABOVE:g} times the level of its star's flux"): flux > flux_limit,
        (FLUX, f"is below -{FAR_BELOW:g} times the level of its star's flux"): flux < lower_limit,
        (ERROR, f"is above {FAR_ABOVE:g} times the level of its star's error or flux"): error > error_limit,
    }
    return [
        Fault(dataset, problem, int(where.any(axis=1).sum()), *_first(where, first_row))
        for (dataset, problem), where in bad.items()
        if where.any()
    ]


def star_level(values: np.ndarray) -> np.ndarray:
    """Return the level of each star (n_stars,), which single pixels do not move: `LEVEL_QUANTILE` of its values."""
    return pick_ranks(values, lambda n_known: np.rint(LEVEL_QUANTILE * (n_known - 1))).astype(float)


def lower_median(values: np.ndarray) -> np.ndarray:
    """Return the median of each row's values, the lower of the middle two where their number is even, (n_rows,)."""
    return pick_ranks(values, lambda n_known: (n_known - 1) // 2)


def pick_ranks(values: np.ndarray, rank: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return of each row (n_rows,) the value of some rank among those that are not NaN; NaN where all are.

    Parameters
    ----------
    values : array of shape (n_rows, n_columns)
    rank : callable
        Ranks, from 0, of numbers of values.
    """
    missing = np.isnan(values)
    n_missing = missing.sum(axis=1) if missing.any() else np.zeros(len(values), int)
    places = np.maximum(rank(values.shape[1] - n_missing), 0).astype(int)
    ordered = np.partition(values, np.unique(places), axis=1)  # NaN stand behind all others
    return np.take_along_axis(ordered, places[:, None], axis=1)[:, 0]


def describe_value(value: float) -> str:
    """Return a number as text, and what to do if float32 does not hold it."""
    outside = np.isfinite(value) and value != 0 and not SMALLEST <= abs(value) <= LARGEST
    unit = ", beyond the range of float32, 1e-38 to 3e38: give all in another unit" if outside else ""
    return f"{value:g}{unit}"


def add_faults(faults: Iterable[Fault]) -> list[Fault]:
    """Put what was found in several blocks of a file together, each kind once."""
    kinds = groupby(sorted(faults, key=lambda fault: (fault[:2], fault.row)), key=lambda fault: fault[:2])
    groups = [list(group) for _, group in kinds]
    return [group[0]._replace(n_stars=sum(fault.n_stars for fault in group)) for group in groups]


def _first(where: np.ndarray, first_row: int) -> tuple[int, int]:
    row, pixel = np.unravel_index(int(np.argmax(where)), where.shape)
    return first_row + int(row), int(pixel)
