"""Two steps, one after the other."""

from dataclasses import dataclass, field, replace
from functools import partial
from typing import Self

import numpy as np

from moe_exp.spectra.preprocessing.base import NativeWidth, Preprocessing, Transform
from moe_exp.spectra.preprocessing.continuum import Continuum
from moe_exp.spectra.preprocessing.resolution import Resolution


@dataclass(frozen=True, kw_only=True)
class ResolutionAndContinuum(Preprocessing):
    """One resolution first, then division by the continuum that is seen at it.

    Parameters
    ----------
    resolution : Resolution
    continuum : Continuum
    """

    resolution: Resolution = field(default_factory=Resolution)
    continuum: Continuum = field(default_factory=Continuum)

    def check(self, wavelength: np.ndarray) -> None:
        """Refuse what either step refuses."""
        self.resolution.check(wavelength)
        self.continuum.check(wavelength)

    def seen_by(self, instrument: NativeWidth | None) -> Self:
        """Return both steps for another instrument's spectra."""
        return replace(self, resolution=self.resolution.seen_by(instrument))

    def prepare(self, wavelength: np.ndarray) -> Transform:
        """Return both steps on a grid [Å], (n_pixels,)."""
        return partial(_in_order, self.resolution.prepare(wavelength), self.continuum.prepare(wavelength))


def _in_order(first: Transform, second: Transform, flux: np.ndarray) -> np.ndarray:
    return second(first(flux))
