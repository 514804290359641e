"""Spectra of one wavelength grid on another, so that what lies between two wavelengths stays the same."""

import numpy as np
from scipy.interpolate import CubicSpline


def pixel_edges(wavelength: np.ndarray) -> np.ndarray:
    """Return where pixels begin and end, (n_pixels + 1,): half-way between centres, and as far beyond the ends."""
    middle = (wavelength[1:] + wavelength[:-1]) / 2
    return np.concatenate([[2 * wavelength[0] - middle[0]], middle, [2 * wavelength[-1] - middle[-1]]])


def resample(flux: np.ndarray, wavelength: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Return the mean flux density in the pixels of another grid, within the first.

    Flux is summed up from the blue end; the sums, which are known exactly at every edge of a pixel, are interpolated by
    a cubic spline, and their differences over the new pixels are the new flux. What two edges of the old grid enclose
    is conserved, as by a step function over the old pixels (Carnall 2017, arXiv:1705.05165), but a finer grid shows no
    steps.

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
    old, new = pixel_edges(wavelength), pixel_edges(to)
    if not covers(wavelength, to):
        raise ValueError(f"{new[0]:.6g} to {new[-1]:.6g} Å are not within {old[0]:.6g} to {old[-1]:.6g} Å")
    sums = np.zeros((len(flux), len(old)))
    np.cumsum(flux * np.diff(old), axis=1, out=sums[:, 1:])
    return np.diff(CubicSpline(old, sums, axis=1)(new), axis=1) / np.diff(new)


def covers(wavelength: np.ndarray, to: np.ndarray) -> bool:
    """Whether the pixels of a grid hold those of another; a thousandth of a pixel is rounding."""
    old, new = pixel_edges(wavelength), pixel_edges(to)
    slack = 1e-3 * (new[1] - new[0])
    return bool(old[0] <= new[0] + slack and new[-1] <= old[-1] + slack)
