"""What every preprocessing is, and the one that does nothing."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

import numpy as np

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.machine import usable_cores
from moe_exp.spectra.medium import SHORTEST, Medium, convert

Transform = Callable[[np.ndarray], np.ndarray]
"""Noisy flux (n_stars, n_pixels) in, the same shape and type out."""

TILE_STARS = 16
"""Stars that one thread transforms at a time: copies in float64 fit in a processor's cache."""


class NativeWidth(NamedTuple):
    """Full width at half maximum of the lines that an instrument makes of infinitely narrow ones."""

    fwhm: float | None = None
    """Å, the same at every wavelength"""
    resolution: float | None = None
    """resolving power, wavelength over width"""

    def at(self, wavelength: np.ndarray) -> np.ndarray:
        """Return the width [Å] at each wavelength [Å]."""
        if self.fwhm is not None:
            return np.full_like(wavelength, self.fwhm)
        assert self.resolution is not None
        return wavelength / self.resolution

    def check(self, option: str, fwhm: str = "fwhm", resolution: str = "resolution") -> None:
        """Refuse a width that is said twice, not at all, or is none; fields are named as the YAML file does."""
        said = [value for value in self if value is not None]
        if len(said) != 1 or not (np.isfinite(said[0]) and said[0] > 0):
            raise InputError(
                Code.LINE_WIDTH,
                f"{option}.{fwhm}={self.fwhm} and {option}.{resolution}={self.resolution}: give one of them, the width "
                f"of lines in Å or the resolving power at which the spectra were taken, and null for the other.",
            )


@dataclass(frozen=True, kw_only=True)
class Preprocessing(ABC):
    """Something that is done to every spectrum of a run alike, star by star.

    What becomes of a star must not depend on the stars that are transformed with it: results of stages are shared.
    """

    needs_medium: ClassVar[bool] = True
    """Whether it matters what the wavelengths are in."""

    def check(self, wavelength: np.ndarray) -> None:
        """Refuse options that cannot work on a grid [Å], (n_pixels,), by raising `InputError`."""
        return

    @abstractmethod
    def prepare(self, wavelength: np.ndarray) -> Transform:
        """Return what transforms spectra on a grid [Å], (n_pixels,)."""

    def on_grid(self, wavelength: np.ndarray, medium: Medium | None) -> Transform:
        """Return the same for a grid in a medium: widths are those in air, so that spectra in vacuum come out alike.

        A grid that reaches below `moe_exp.spectra.medium.SHORTEST`, or of no known medium, is taken as it is.
        """
        if self.needs_medium and medium == "vacuum" and wavelength.min() >= SHORTEST:
            wavelength = convert(wavelength, medium=medium, to="air")
        return self.prepare(wavelength)

    def seen_by(self, instrument: NativeWidth | None) -> Self:
        """Return what brings spectra of another instrument to the same result; None if that is not known."""
        return self


@dataclass(frozen=True, kw_only=True)
class NoPreprocessing(Preprocessing):
    """Spectra as they are, bit for bit."""

    needs_medium: ClassVar[bool] = False

    def prepare(self, wavelength: np.ndarray) -> Transform:
        """Return what gives flux back."""
        return _as_is


def _as_is(flux: np.ndarray) -> np.ndarray:
    return flux


def by_tiles(transform: Transform, flux: np.ndarray) -> np.ndarray:
    """Apply a transform to some stars at a time, in threads; one that goes star by star gives the same in any tile."""
    transformed = np.empty_like(flux)

    def fill(start: int) -> None:
        transformed[start : start + TILE_STARS] = transform(flux[start : start + TILE_STARS])

    with ThreadPoolExecutor(usable_cores()) as threads:
        list(threads.map(fill, range(0, len(flux), TILE_STARS)))
    return transformed
