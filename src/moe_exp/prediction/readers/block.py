"""Some spectra of a file, on one wavelength grid."""

from typing import NamedTuple

import numpy as np

from moe_exp.spectra.medium import Medium

BLOCK_STARS = 1024


class Block(NamedTuple):
    """Spectra as a file has them, bad pixels marked."""

    star: list[str]
    """(n_stars,) what the file calls each"""
    wavelength: np.ndarray
    """(n_pixels,) Å, increasing"""
    medium: Medium | None
    """what the wavelengths are in, if the file or its kind says so"""
    flux: np.ndarray
    """(n_stars, n_pixels) flux density per Å in any unit; NaN in bad pixels"""
    velocity: np.ndarray
    """(n_stars,) radial velocity [km/s] in the frame of the wavelengths; NaN where nothing tells it"""


def blank_bad(flux: np.ndarray, error: np.ndarray | None, bad: np.ndarray | None = None) -> np.ndarray:
    """Return flux, float64, that is NaN where it, its error or a flag says that a pixel is bad."""
    values = np.array(flux, float)
    known = np.isfinite(values)
    if error is not None:
        known &= np.isfinite(error) & (np.asarray(error) > 0)
    if bad is not None:
        known &= ~np.asarray(bad, bool)
    values[~known] = np.nan
    return values


def unknown_velocity(n_stars: int) -> np.ndarray:
    """Return NaN for each star."""
    return np.full(n_stars, np.nan)
