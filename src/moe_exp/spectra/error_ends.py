"""Repair of errors at the ends of a spectrum, where resampling leaves pixels without a value."""

import numpy as np

MAX_REPAIRED = 8
"""Most pixels at either end of an error vector that may be NaN and are repaired."""


def repair_ends(error: np.ndarray) -> np.ndarray:
    """Return `error` (n_stars, n_pixels) with NaN at the ends replaced by the nearest finite pixel of the same star."""
    if not np.isnan(np.hstack([error[:, :MAX_REPAIRED], error[:, -MAX_REPAIRED:]])).any():
        return error
    error = error.copy()
    for flipped in (error, error[:, ::-1]):
        for pixel in reversed(range(min(MAX_REPAIRED, error.shape[1] - 1))):
            missing = np.isnan(flipped[:, pixel])
            flipped[missing, pixel] = flipped[missing, pixel + 1]
    return error
