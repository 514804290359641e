"""Where the strongest lines of cool stars lie in a set of spectra, and which medium that tells.

Wavelengths in air and in vacuum differ by 82 km/s, more than most libraries are off their rest frame. Stars that all
move by just that much cannot be told from stars at rest in the other medium; any other motion tells no medium.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.constants import speed_of_light
from scipy.optimize import least_squares

from moe_exp.spectra.medium import Medium
from moe_exp.spectra.plausibility import lower_median

KMS = speed_of_light / 1e3

TOLERANCE = 25.0
"""Farthest [km/s] that lines may lie from each other, and from the wavelengths of their medium; the middle is at 41."""

WIDTHS = (5.0, 220.0)
"""Standard deviation of a line [km/s]: from R = 25,000 to R = 600."""

START_WIDTH = 80.0
START_VELOCITIES = np.arange(-600.0, 601.0, 20.0)
"""Where the search for a line begins [km/s]."""

MIN_EXPLAINED = 0.4
"""Share of the variance in its window that a line has to explain."""

MIN_DEPTH = 0.02
"""Depth of a line below its continuum that tells something."""

MIN_PIXELS = 6

N_GROUPS = 8
"""Groups of stars whose scatter says how well the lines of all are measured."""


class KnownLine(NamedTuple):
    """A line, or several that blend at low resolution."""

    name: str
    air: tuple[float, ...]
    """wavelengths of the components, Å"""
    vacuum: tuple[float, ...]
    depths: tuple[float, ...]
    """of the components, in units of the deepest"""
    margin: float
    """Å by which the window reaches beyond the components"""


LINES = (
    KnownLine("Mg b", (5167.322, 5172.684, 5183.604), (5168.761, 5174.125, 5185.048), (0.8, 0.9, 1.0), 12.0),
    KnownLine("Na D", (5889.951, 5895.924), (5891.583, 5897.558), (1.0, 0.9), 16.0),
    KnownLine("H alpha", (6562.80,), (6564.61,), (1.0,), 12.0),
    KnownLine("Ca II 8498", (8498.02,), (8500.36,), (1.0,), 12.0),
    KnownLine("Ca II 8542", (8542.09,), (8544.44,), (1.0,), 12.0),
    KnownLine("Ca II 8662", (8662.14,), (8664.52,), (1.0,), 12.0),
)
"""Wavelengths of the NIST Atomic Spectra Database, depths of G and K stars."""


@dataclass(frozen=True)
class LinePositions:
    """How far lines lie from where they belong.

    Attributes
    ----------
    lines : tuple of KnownLine
        Those that the grid holds, n_lines.
    from_air : array of shape (n_lines,)
        Velocity [km/s] against the wavelengths in air; NaN where the spectra show no such line.
    error : float
        Standard error [km/s] of the lines' median, from the scatter between groups of stars.
    """

    lines: tuple[KnownLine, ...]
    from_air: np.ndarray
    error: float

    @property
    def from_vacuum(self) -> np.ndarray:
        """Velocity [km/s] against the wavelengths in vacuum, (n_lines,)."""
        return self.from_air - KMS * np.array([line.vacuum[-1] / line.air[-1] - 1 for line in self.lines])

    @property
    def medium(self) -> Medium | None:
        """The medium that the lines tell; None if they do not decide.

        They decide if more than half of those that the grid holds agree with each other, and their median lies within
        `TOLERANCE` of one medium and three standard errors on this side of the middle between both.
        """
        air, vacuum = _median(self.from_air), _median(self.from_vacuum)
        n_agreeing = np.sum(np.abs(self.from_air - air) <= TOLERANCE)
        nearest = min(abs(air), abs(vacuum))
        decided = nearest <= TOLERANCE and 3 * self.error <= abs(air + vacuum) / 2
        if 2 * n_agreeing <= len(self.lines) or not decided:
            return None
        return "air" if nearest == abs(air) else "vacuum"

    def describe(self) -> str:
        """Say how far the lines lie from both media."""
        measured = np.flatnonzero(np.isfinite(self.from_air))
        if not len(measured):
            held = ", ".join(line.name for line in self.lines)
            return f"no known line was found ({held})" if held else "the grid holds no known line"
        names = ", ".join(self.lines[number].name for number in measured)
        scale = np.median([self.lines[number].air[-1] for number in measured]) / KMS
        air, vacuum = _median(self.from_air), _median(self.from_vacuum)
        return (
            f"{names} lie {scale * air:+.2f} Å ({air:+.0f} +- {self.error:.0f} km/s) from their wavelengths in air and "
            f"{scale * vacuum:+.2f} Å ({vacuum:+.0f} km/s) from those in vacuum"
        )


def measure_lines(wavelength: np.ndarray, flux: np.ndarray) -> LinePositions:
    """Measure the known lines in the mean of some spectra.

    Parameters
    ----------
    wavelength : array of shape (n_pixels,)
        Å, increasing.
    flux : array of shape (n_stars, n_pixels)
        Finite, or NaN where masked; in any unit, each star's own too.
    """
    lines = tuple(line for line in LINES if _window(wavelength, line).sum() >= MIN_PIXELS and _covers(wavelength, line))
    level = lower_median(flux)
    scaled = flux[level > 0].astype(float) / level[level > 0, None]
    n_groups = min(N_GROUPS, len(scaled))
    if not lines or not n_groups:
        return LinePositions(lines, np.full(len(lines), np.nan), error=np.nan)
    groups = [_average(scaled[first::n_groups]) for first in range(n_groups)]
    medians = [_median(_velocities(wavelength, group, lines)) for group in groups]
    error = float(np.std(medians, ddof=1) / np.sqrt(n_groups)) if n_groups > 1 else 0.0
    return LinePositions(lines, _velocities(wavelength, _average(scaled), lines), error)


def _average(spectra: np.ndarray) -> np.ndarray:
    """Return the mean of the known pixels of some spectra, (n_pixels,); NaN where none is."""
    known = ~np.isnan(spectra)
    n_known = known.sum(axis=0)
    total = np.where(known, spectra, 0).sum(axis=0)
    return np.divide(total, n_known, out=np.full(len(total), np.nan), where=n_known > 0)


def _window(wavelength: np.ndarray, line: KnownLine) -> np.ndarray:
    return (wavelength >= line.air[0] - line.margin) & (wavelength <= line.vacuum[-1] + line.margin)


def _covers(wavelength: np.ndarray, line: KnownLine) -> bool:
    return wavelength[0] <= line.air[0] - line.margin and wavelength[-1] >= line.vacuum[-1] + line.margin


def _median(velocities: np.ndarray) -> float:
    measured = velocities[np.isfinite(velocities)]
    return float(np.median(measured)) if len(measured) else np.nan


def _velocities(wavelength: np.ndarray, spectrum: np.ndarray, lines: tuple[KnownLine, ...]) -> np.ndarray:
    """Return the velocity of each line against its wavelength in air, (n_lines,) km/s; NaN where there is none."""
    windows = [_window(wavelength, line) & np.isfinite(spectrum) for line in lines]
    return np.array(
        [_velocity(wavelength[seen], spectrum[seen], line) for seen, line in zip(windows, lines, strict=True)]
    )


def _velocity(x: np.ndarray, y: np.ndarray, line: KnownLine) -> float:
    """Fit Gaussians of one velocity and width on a straight continuum."""
    if len(x) < MIN_PIXELS:
        return np.nan

    def solve(shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        design = _design(x, line, velocity=shape[0], width=np.exp(shape[1]))
        heights = np.linalg.lstsq(design, y)[0]
        return heights, y - design @ heights

    def misfit(shape: np.ndarray) -> np.ndarray:
        return solve(shape)[1]

    trials = [np.array([velocity, np.log(START_WIDTH)]) for velocity in START_VELOCITIES]
    start = trials[np.argmin([np.sum(misfit(shape) ** 2) for shape in trials])]
    fit = least_squares(misfit, start, x_scale=[50.0, 0.5])
    heights, residual = solve(fit.x)
    explained = 1 - np.sum(residual**2) / np.sum((y - _straight(x) @ np.linalg.lstsq(_straight(x), y)[0]) ** 2)
    width = np.exp(fit.x[1])
    seen = -heights[0] > MIN_DEPTH * heights[1] and explained > MIN_EXPLAINED and WIDTHS[0] < width < WIDTHS[1]
    return float(fit.x[0]) if seen else np.nan


def _straight(x: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones_like(x), x - x.mean()])


def _design(x: np.ndarray, line: KnownLine, *, velocity: float, width: float) -> np.ndarray:
    centres = np.array(line.air) * (1 + velocity / KMS)
    profiles = np.exp(-0.5 * ((x[:, None] - centres) / (centres * width / KMS)) ** 2)
    return np.column_stack([profiles @ line.depths, _straight(x)])
