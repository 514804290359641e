"""Spectra of one wavelength grid on another, so that what lies between two wavelengths stays the same."""

import numpy as np
from scipy.interpolate import CubicSpline

from moe_exp.spectra.pixels import known_share, pixel_edges

ROUNDING = 1e-3
"""Share of a pixel that may lie beyond another grid."""


def resample(flux: np.ndarray, wavelength: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Return the mean flux density in the pixels of another grid, within the first.

    Flux is summed up from the blue end; the sums, which are known exactly at every edge of a pixel, are interpolated by
    a cubic spline, and their differences over the new pixels are the new flux. What two edges of the old grid enclose
    is conserved, as by a step function over the old pixels (Carnall 2017, arXiv:1705.05165), but a finer grid shows no
    steps. A gap of the old grid counts as a pixel with the mean flux of those beside it.

    Parameters
    ----------
    flux : array of shape (n_stars, n_pixels)
        Flux density, as a mean over each pixel.
    wavelength : array of shape (n_pixels,)
        Å, increasing.
    to : array of shape (n_new,)
        Å, increasing, in the same medium.

    Raises
    ------
    ValueError
        If the new pixels reach beyond the old ones.
    """
    (old, is_old), (new, is_new) = pixel_edges(wavelength), pixel_edges(to)
    slack = ROUNDING * (new[1] - new[0])
    if new[0] < old[0] - slack or new[-1] > old[-1] + slack:
        raise ValueError(f"{new[0]:.6g} to {new[-1]:.6g} Å are not within {old[0]:.6g} to {old[-1]:.6g} Å")
    behind_gap = np.flatnonzero(~is_old) - np.arange(np.sum(~is_old))
    bridged = np.insert(flux, behind_gap, (flux[:, behind_gap - 1] + flux[:, behind_gap]) / 2, axis=1)
    sums = np.zeros((len(flux), len(old)))
    np.cumsum(bridged * np.diff(old), axis=1, out=sums[:, 1:])
    return (np.diff(CubicSpline(old, sums, axis=1)(new), axis=1) / np.diff(new))[:, is_new]


def find_covered(wavelength: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Return which pixels of another grid those of a first hold, (n_new,) bool; a thousandth of one is rounding."""
    return known_share(wavelength, to) >= 1 - ROUNDING
