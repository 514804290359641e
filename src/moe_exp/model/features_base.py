"""The contract of gate features: noisy flux of a star in, a few numbers out."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.spectra.medium import Medium

TILE_STARS = 64
"""Stars that are measured at once: float64 copies of their spectra fit in a processor's cache."""


@dataclass(kw_only=True)
class Features(BaseEstimator, ABC):
    """Base of all gate features: what a subclass measures of a spectrum, and then projections on principal components.

    A subclass is a dataclass that writes `prepare`, which returns the names of its columns, and `measure`.

    Parameters
    ----------
    n_components : int
        How many principal components of the flux to add.

    Attributes
    ----------
    names_ : tuple of str, length n_features
        Names of the columns: those of `measure`, then the components.
    """

    n_components: int = 4

    def check(self) -> None:
        """Refuse options that make no features; a subclass adds its own and calls this one.

        Raises
        ------
        InputError
            Naming the option.
        """
        if self.n_components < 0:
            raise InputError(Code.OUT_OF_RANGE, f"features.n_components is {self.n_components}; it must be 0 or more.")

    def check_wavelength(self, wavelength: np.ndarray, *, medium: Medium | None) -> None:
        """Refuse options, and a grid that these features cannot be measured on.

        Parameters
        ----------
        wavelength : array of shape (n_pixels,)
            Grid [Å], increasing.
        medium : ``air``, ``vacuum`` or None
            What the grid is in; None if that is unknown.

        Raises
        ------
        InputError
            Saying what is missing.
        """
        self.check()

    @abstractmethod
    def prepare(self, wavelength: np.ndarray, *, medium: Medium | None) -> list[str]:
        """Keep what `measure` needs of a grid that was checked, and return the names of its columns."""

    @abstractmethod
    def measure(self, flux: np.ndarray) -> np.ndarray:
        """Return what is measured of every star by itself, (n_stars, n_columns).

        Parameters
        ----------
        flux : float64 array of shape (n_stars, n_pixels)
            Noisy flux of a few stars, finite; what a star gets must not depend on the others.
        """

    def fit(self, wavelength: np.ndarray, mean: np.ndarray, components: np.ndarray, *, medium: Medium | None) -> Self:
        """Prepare measurements and projections for a grid.

        Parameters
        ----------
        wavelength : array of shape (n_pixels,)
            Grid [Å], increasing.
        mean : array of shape (n_pixels,)
            Mean noisy flux of the training stars.
        components : array of shape (n_available, n_pixels)
            Principal components of the training stars' noisy flux, leading first; the first `n_components` are used.
        medium : ``air``, ``vacuum`` or None
            What the grid is in.

        Raises
        ------
        InputError
            If the grid does not serve, or there are fewer components than asked for.
        """
        self.check_wavelength(wavelength, medium=medium)
        if len(components) < self.n_components:
            raise InputError(
                Code.TOO_MANY_COMPONENTS,
                f"features.n_components is {self.n_components}, but there are only {len(components)}.",
            )
        self.n_pixels_ = len(wavelength)
        self.mean_ = np.array(mean, dtype=float)
        self.components_ = np.array(components[: self.n_components], dtype=float)
        measured = self.prepare(wavelength, medium=medium)
        self.names_ = (*measured, *(f"PC {i + 1}" for i in range(self.n_components)))
        return self

    def transform(self, flux: np.ndarray) -> np.ndarray:
        """Measure the features of every star.

        A star's features do not depend, to the last bit, on the stars that are measured with it.

        Parameters
        ----------
        flux : array of shape (n_stars, n_pixels)
            Noisy flux, finite.

        Returns
        -------
        features : float64 array of shape (n_stars, n_features)
        """
        if flux.ndim != 2 or flux.shape[1] != self.n_pixels_:
            raise ValueError(f"flux has shape {flux.shape}, but the features were fitted for {self.n_pixels_} pixels.")
        features = np.empty((len(flux), len(self.names_)))
        for first in range(0, len(flux), TILE_STARS):
            tile = np.array(flux[first : first + TILE_STARS], dtype=float, order="C")
            centred = tile - self.mean_
            projections = [sum_rows(centred * component) for component in self.components_]
            features[first : first + TILE_STARS] = np.column_stack([self.measure(tile), *projections])
        return features


def sum_rows(values: np.ndarray) -> np.ndarray:
    """Sum each row by numpy's pairwise sum over contiguous memory, whose order only the row's length sets."""
    return np.ascontiguousarray(values).sum(axis=1)
