"""Values that are no measurements: what is refused, and from where on, in one place.

The limits are far from what is measured. Emission lines and cosmic rays stay below a hundred times the continuum, the
error under a sky line below some tens of times that of its neighbours; the hottest white dwarfs have 250,000 K and
log g = 9.5, the largest supergiants log g = -1, the most metal-poor star known [Fe/H] < -7. What lies beyond is a fill
value or a mask (-9999, 1e10), of which a single one can decide a Ridge.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pandas as pd

from moe_exp.spectra.files import ERROR, FLUX, REQUIRED_LABELS

LABEL_RANGES = {"teff": (300.0, 300_000.0), "logg": (-2.0, 10.0), "m_h": (-8.0, 2.0)}
"""What stars have, generously: teff [K], logg [dex], m_h [dex]."""

FAR_ABOVE = 1000.0
"""A pixel beyond this multiple of its star's own level is no measurement."""

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


def find_faults(flux: np.ndarray, error: np.ndarray, first_row: int) -> list[Fault]:
    """Return what is wrong with some stars of a file.

    Parameters
    ----------
    flux, error : arrays of shape (n_stars, n_pixels)
        The error with repaired ends.
    first_row : int
        Row of the first of these stars.
    """
    size = np.abs(flux)
    flux_level, error_level = star_level(size)[:, None], star_level(error)[:, None]
    flux_limit = FAR_ABOVE * np.where(flux_level > 0, flux_level, LARGEST)
    error_limit = np.minimum(flux_limit, FAR_ABOVE * error_level)
    largest, least_error, largest_error = (end[:, None] for end in (size.max(1), error.min(1), error.max(1)))
    good = (largest >= SMALLEST) & (largest <= np.minimum(flux_limit, LARGEST)) & (least_error > 0)
    if (good & (largest_error <= np.minimum(error_limit, LARGEST))).all():  # no mask of all pixels is needed
        return []
    finite, positive = np.isfinite(flux), np.isfinite(error) & (error > 0)
    bad = {
        (FLUX, "has NaN or infinite values"): ~finite,
        (FLUX, "is 0 throughout"): (size < SMALLEST).all(axis=1, keepdims=True),
        (FLUX, f"is above {FAR_ABOVE:g} times the level of its star's flux"): finite & (size > flux_limit),
        (ERROR, "is not positive and finite"): ~positive,
        (ERROR, f"is above {FAR_ABOVE:g} times the level of its star's error or flux"): positive
        & (error > error_limit),
    }
    return [
        Fault(dataset, problem, int(where.any(axis=1).sum()), *_first(where, first_row))
        for (dataset, problem), where in bad.items()
        if where.any()
    ]


def star_level(values: np.ndarray) -> np.ndarray:
    """Return the level of each star (n_stars,), which single pixels do not move: `LEVEL_QUANTILE` of its values."""
    place = round(LEVEL_QUANTILE * (values.shape[1] - 1))
    return np.partition(values, place, axis=1)[:, place].astype(float)


def add_faults(faults: Iterable[Fault]) -> list[Fault]:
    """Put what was found in several blocks of a file together, each kind once."""
    kinds = groupby(sorted(faults, key=lambda fault: (fault[:2], fault.row)), key=lambda fault: fault[:2])
    groups = [list(group) for _, group in kinds]
    return [group[0]._replace(n_stars=sum(fault.n_stars for fault in group)) for group in groups]


def _first(where: np.ndarray, first_row: int) -> tuple[int, int]:
    row, pixel = np.unravel_index(int(np.argmax(where)), where.shape)
    return first_row + int(row), int(pixel)
