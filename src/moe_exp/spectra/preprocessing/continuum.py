"""Spectra over their own pseudo-continuum: what slope, reddening and flux calibration do to them is taken away.

Real spectra differ from models in all three, and a Ridge on every pixel learns from them. What is left are the lines,
against the level that the less absorbed pixels around them have.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from scipy import sparse
from scipy.interpolate import BSpline

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.spectra.pixels import pixel_widths
from moe_exp.spectra.preprocessing.base import Preprocessing, Transform, by_tiles

CLIPPED_WEIGHT = 1e-4
"""Weight of a clipped pixel: small, but not 0, so that a curve is defined where all pixels are clipped."""

LEAST_LEVEL = 0.01
"""A continuum is never below this share of its star's mean absolute flux."""

LEAST_PIXELS = 8
"""Fewest pixels within `scale`: a curve that follows single pixels is no continuum."""

DEGREE = 3


class Curve(Protocol):
    """A way to draw a smooth curve through weighted pixels of some stars."""

    def fit(self, flux: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return the curves, (n_pixels, n_stars), as `flux` and `weight` are."""


@dataclass(frozen=True, kw_only=True)
class Continuum(Preprocessing):
    """Division by a smooth curve, from which pixels far below or above it are left out again and again.

    In each round a pixel counts if it lies no more than `low_reject` standard deviations of those that counted before
    below their curve, and no more than `high_reject` above it: lines drop out, and so do cosmic rays and residuals of
    sky lines. The defaults for lines and for the number of rounds are those of IRAF's task ``continuum`` (Valdes 1986,
    NOAO), which leaves out nothing above. The level depends a little on the noise, as everybody's does: stars are
    comparable at one noise level.

    Parameters
    ----------
    method : str
        ``spline``, a cubic one with evenly spaced knots, by least squares; or ``running``, a line through a window.
    scale : float
        Distance of the knots, or width of the window [Å]: far wider than the strongest lines.
    low_reject, high_reject : float
        Standard deviations.
    n_iterations : int
        Rounds of rejection.
    """

    method: str = "spline"
    scale: float = 150.0
    low_reject: float = 2.0
    high_reject: float = 3.0
    n_iterations: int = 10

    def check(self, wavelength: np.ndarray) -> None:
        """Refuse options that give no smooth curve."""
        if self.method not in CURVES:
            raise InputError(Code.UNKNOWN_CHOICE, f"preprocessing.method={self.method}: choose {' or '.join(CURVES)}.")
        widest = float(pixel_widths(wavelength).max())
        if not self.scale >= LEAST_PIXELS * widest:
            raise InputError(
                Code.CONTINUUM_SCALE,
                f"preprocessing.scale={self.scale:g} Å holds fewer than {LEAST_PIXELS} pixels, which are up to "
                f"{widest:.3g} Å wide; a continuum is far smoother than lines.",
            )
        if not (self.low_reject > 0 and self.high_reject > 0):
            raise InputError(
                Code.OUT_OF_RANGE,
                f"preprocessing.low_reject={self.low_reject} and preprocessing.high_reject={self.high_reject}: both "
                f"are standard deviations and must be positive.",
            )
        if self.n_iterations < 0:
            raise InputError(
                Code.OUT_OF_RANGE, f"preprocessing.n_iterations={self.n_iterations}: it must be 0 or more."
            )

    def prepare(self, wavelength: np.ndarray) -> Transform:
        """Return the division on a grid [Å], (n_pixels,)."""
        self.check(wavelength)
        return partial(by_tiles, partial(self._divide, CURVES[self.method](wavelength, self.scale)))

    def _divide(self, curve: Curve, flux: np.ndarray) -> np.ndarray:
        """Divide some stars (n_stars, n_pixels) by their continua."""
        pixels = np.ascontiguousarray(flux.T, dtype=float)
        floor = LEAST_LEVEL * _sum_pixels(np.abs(pixels)) / len(pixels)
        return (pixels / np.maximum(self.find(curve, pixels), floor)).T

    def find(self, curve: Curve, flux: np.ndarray) -> np.ndarray:
        """Return the continua of some stars, (n_pixels, n_stars) as `flux`."""
        weight = np.ones_like(flux)
        for _ in range(self.n_iterations):
            residual = flux - curve.fit(flux, weight)
            sigma = np.sqrt(_sum_pixels(weight * residual**2) / _sum_pixels(weight))
            kept = (residual >= -self.low_reject * sigma) & (residual <= self.high_reject * sigma)
            weight = np.where(kept, 1.0, CLIPPED_WEIGHT)
        return curve.fit(flux, weight)


class SplineCurve:
    """Cubic splines with evenly spaced knots, by weighted least squares; there are none in a gap of the grid.

    Parameters
    ----------
    wavelength : array of shape (n_pixels,)
        Å, increasing.
    scale : float
        Distance of the knots [Å], adapted so that they divide the grid evenly.
    """

    def __init__(self, wavelength: np.ndarray, scale: float) -> None:
        low, high = wavelength[0], wavelength[-1]
        inner = with_pixels_between(np.linspace(low, high, max(1, round((high - low) / scale)) + 1), wavelength)
        knots = np.concatenate([[low] * DEGREE, inner, [high] * DEGREE])
        self._basis = sparse.csr_array(BSpline.design_matrix(wavelength, knots, DEGREE))
        self._n = self._basis.shape[1]
        self._pairs = [(i, j) for i in range(self._n) for j in range(i, min(i + DEGREE + 1, self._n))]
        columns = self._basis.tocsc()
        products = sparse.hstack([columns[:, [i]] * columns[:, [j]] for i, j in self._pairs])
        self._products, self._values = sparse.csr_array(products.T), sparse.csr_array(self._basis.T)

    def fit(self, flux: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return the splines, (n_pixels, n_stars)."""
        moments, right = self._products @ weight, self._values @ (weight * flux)
        normal = np.zeros((flux.shape[1], self._n, self._n))
        for (i, j), moment in zip(self._pairs, moments, strict=True):
            normal[:, i, j] = normal[:, j, i] = moment
        return self._basis @ np.ascontiguousarray(np.linalg.solve(normal, right.T[..., None])[..., 0].T)


def with_pixels_between(knots: np.ndarray, wavelength: np.ndarray) -> np.ndarray:
    """Leave out knots, but the first and the last, until enough pixels lie between all to tell a cubic piece."""
    kept, n_between = [knots[0]], 0
    for knot, count in zip(knots[1:], np.histogram(wavelength, knots)[0], strict=True):
        n_between += count
        if n_between > DEGREE:
            kept.append(knot)
            n_between = 0
    return np.array([*kept[: max(1, len(kept) - 1)], knots[-1]])


class RunningCurve:
    """Straight lines through a window around each pixel, which is cut off at the ends of the grid.

    A line, not a mean, which would bend a slope at the ends (local regression; Cleveland 1979, JASA 74, 829). Beside
    gaps of the grid, a window reaches to half of `LEAST_PIXELS` on either side at least.

    Parameters
    ----------
    wavelength : array of shape (n_pixels,)
        Å, increasing.
    scale : float
        Width of the window [Å].
    """

    def __init__(self, wavelength: np.ndarray, scale: float) -> None:
        place, reach = np.arange(len(wavelength)), LEAST_PIXELS // 2
        first = np.searchsorted(wavelength, wavelength - scale / 2)
        last = np.searchsorted(wavelength, wavelength + scale / 2, side="right")
        self._first = np.minimum(first, np.maximum(place - reach, 0))
        self._last = np.maximum(last, np.minimum(place + reach + 1, len(wavelength)))
        self._x = ((wavelength - wavelength.mean()) / scale)[:, None]

    def fit(self, flux: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return the value of each pixel's own line there, (n_pixels, n_stars)."""
        total, x, y = self._sum(weight), self._sum(weight * self._x), self._sum(weight * flux)
        xx, xy = self._sum(weight * self._x**2), self._sum(weight * self._x * flux)
        slope = (total * xy - x * y) / (total * xx - x**2)
        return (y + slope * (total * self._x - x)) / total

    def _sum(self, values: np.ndarray) -> np.ndarray:
        sums = np.zeros((len(values) + 1, values.shape[1]))
        np.cumsum(values, axis=0, out=sums[1:])
        return sums[self._last] - sums[self._first]


CURVES: dict[str, Callable[[np.ndarray, float], Curve]] = {"spline": SplineCurve, "running": RunningCurve}


def _sum_pixels(values: np.ndarray) -> np.ndarray:
    """Sum over pixels one after the other, (n_stars,): numpy's order would depend on the number of stars."""
    return (sparse.csr_array(np.ones((1, len(values)))) @ values)[0]
