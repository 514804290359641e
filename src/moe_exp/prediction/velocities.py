"""Radial velocities of stars whose files do not tell them, against the mean spectrum of the training stars."""

from typing import NamedTuple

import numpy as np

from moe_exp.spectra.known_lines import KMS

FARTHEST, STEP = 600.0, 10.0
"""Velocities [km/s] that are tried: up to which, and how far apart."""

DEGREE = 5
"""Of the polynomial that stands for the continuum of both spectra."""

LEAST_PIXELS = 100


class Velocity(NamedTuple):
    """A radial velocity."""

    value: float
    """km/s"""
    error: float
    """1 sigma, km/s; NaN where nothing was measured"""


def measure_velocity(
    wavelength: np.ndarray, flux: np.ndarray, template_wavelength: np.ndarray, template: np.ndarray
) -> Velocity:
    """Find the shift of a template that fits a spectrum best, by least squares of both over their continua.

    The error is that of noise alone, from the curvature of the sum of squares at its minimum. Both are NaN where too
    few pixels are known, or the fit still improves at the end of what is tried.

    Parameters
    ----------
    wavelength, flux : arrays of shape (n_pixels,)
        Å in the medium of the template; NaN in bad pixels.
    template_wavelength, template : arrays of shape (n_template_pixels,)
    """
    margin = 1 + FARTHEST / KMS
    low, high = template_wavelength[0] * margin, template_wavelength[-1] / margin
    used = np.isfinite(flux) & (wavelength >= low) & (wavelength <= high)
    if used.sum() < LEAST_PIXELS:
        return Velocity(np.nan, np.nan)
    x = wavelength[used]
    position = 2 * (x - x[0]) / (x[-1] - x[0]) - 1
    star = _flatten(position, flux[used])
    trials = np.arange(-FARTHEST, FARTHEST + STEP / 2, STEP)
    squares = np.empty(len(trials))
    for index, velocity in enumerate(trials):
        shifted = _flatten(position, np.interp(x / (1 + velocity / KMS), template_wavelength, template))
        depth = (star @ shifted) / (shifted @ shifted)
        squares[index] = np.sum((star - max(depth, 0.0) * shifted) ** 2)
    best = int(np.argmin(squares))
    if best in (0, len(trials) - 1):
        return Velocity(np.nan, np.nan)
    before, least, behind = squares[best - 1 : best + 2]
    curvature = (before - 2 * least + behind) / STEP**2
    if not curvature > 0:
        return Velocity(np.nan, np.nan)
    value = trials[best] + (before - behind) / (2 * curvature * STEP)
    return Velocity(float(value), float(np.sqrt(2 * least / len(x) / curvature)))


def _flatten(position: np.ndarray, flux: np.ndarray) -> np.ndarray:
    """Return flux over its continuum, about zero."""
    continuum = np.polynomial.chebyshev.chebval(position, np.polynomial.chebyshev.chebfit(position, flux, DEGREE))
    return flux / np.where(np.abs(continuum) > 0, continuum, 1.0) - 1
