"""Spectra at one resolution: what a finer instrument saw, convolved to the lines of a coarser one."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import numpy as np
from scipy import sparse
from scipy.special import ndtr

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.spectra.preprocessing.base import NativeWidth, Preprocessing, Transform, by_tiles

FWHM_OF_SIGMA = 2 * np.sqrt(2 * np.log(2))

REACH = 5.0
"""Standard deviations at which a kernel ends: 6e-7 of it lie beyond."""

SAME_WIDTH = 1e-6
"""Relative difference of widths that is rounding."""


@dataclass(frozen=True, kw_only=True)
class Resolution(Preprocessing):
    """Convolution with a Gaussian that widens lines from the native width to `fwhm`.

    Widths of Gaussians add in squares, so that the kernel's is sqrt(fwhm² - native²), at each wavelength its own. It is
    integrated over each pixel, which widens lines by a twelfth of a squared pixel more; beyond the ends of the grid
    and in its gaps, the nearest pixel stands for what is not known. Noise becomes smaller by it, and correlated between
    pixels, as that of a real spectrum does.

    Parameters
    ----------
    fwhm : float
        Full width at half maximum [Å] that lines are brought to, the same at every wavelength.
    native_fwhm, native_resolution : float or None
        What the spectra have: a width [Å], or a resolving power. One of them.
    """

    fwhm: float = 3.0
    native_fwhm: float | None = None
    native_resolution: float | None = None

    @property
    def native(self) -> NativeWidth:
        """Width of lines in the spectra."""
        return NativeWidth(self.native_fwhm, self.native_resolution)

    def check(self, wavelength: np.ndarray) -> None:
        """Refuse widths that are missing, and to sharpen."""
        self.native.check("preprocessing", "native_fwhm", "native_resolution")
        if not (np.isfinite(self.fwhm) and self.fwhm > 0):
            raise InputError(Code.LINE_WIDTH, f"preprocessing.fwhm={self.fwhm}: it must be a width in Å.")
        native = self.native.at(wavelength)
        finer = self.fwhm < native * (1 - SAME_WIDTH)
        if finer.any():
            raise InputError(
                Code.LINE_WIDTH,
                f"preprocessing.fwhm={self.fwhm:g} Å is sharper than the spectra in {finer.sum()} of {len(finer)} "
                f"pixels, whose lines are {native.min():.3g} to {native.max():.3g} Å wide; a convolution only widens. "
                f"Give {native.max():.3g} or more.",
            )

    def seen_by(self, instrument: NativeWidth | None) -> Self:
        """Return the convolution of another instrument's spectra to the same width."""
        if instrument is None:
            return self
        return replace(self, native_fwhm=instrument.fwhm, native_resolution=instrument.resolution)

    def prepare(self, wavelength: np.ndarray) -> Transform:
        """Return the convolution on a grid [Å], (n_pixels,)."""
        self.check(wavelength)
        width = np.sqrt(np.maximum(self.fwhm**2 - self.native.at(wavelength) ** 2, 0))
        kernel = gaussian_kernel(wavelength, sigma=width / FWHM_OF_SIGMA)
        return partial(by_tiles, partial(_convolve, kernel))


def gaussian_kernel(wavelength: np.ndarray, *, sigma: np.ndarray) -> sparse.csr_array:
    """Return the matrix that convolves with a Gaussian, (n_pixels, n_pixels); each row sums to one.

    Parameters
    ----------
    wavelength : array of shape (n_pixels,)
        Centres of the pixels, increasing.
    sigma : array of shape (n_pixels,)
        Standard deviation at each pixel, in the same unit; 0 leaves a pixel as it is.
    """
    edges = np.concatenate([[-np.inf], (wavelength[1:] + wavelength[:-1]) / 2, [np.inf]])
    n_pixels = len(wavelength)
    first, last = (np.searchsorted(wavelength, wavelength + side * REACH * sigma) for side in (-1, 1))
    count = np.minimum(last + 1, n_pixels) - np.maximum(first - 1, 0)
    row = np.repeat(np.arange(n_pixels), count)
    ends = np.cumsum(count)
    column = np.arange(ends[-1]) - np.repeat(ends - count, count) + np.maximum(first - 1, 0)[row]
    safe = np.maximum(sigma, np.finfo(float).tiny ** 0.5)[row]
    low, high = ((edges[column + side] - wavelength[row]) / safe for side in (0, 1))
    matrix = sparse.csr_array((ndtr(high) - ndtr(low), (row, column)), shape=(n_pixels, n_pixels))
    return sparse.csr_array(sparse.diags_array(1 / matrix.sum(axis=1)) @ matrix)


def _convolve(kernel: sparse.csr_array, flux: np.ndarray) -> np.ndarray:
    """Convolve stars (n_stars, n_pixels); a product with a sparse matrix sums each pixel in an order of its own."""
    return (kernel @ np.ascontiguousarray(flux.T, dtype=float)).T
