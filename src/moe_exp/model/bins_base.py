"""The contract of bins: labels of a star in, the index of the bin that holds it out."""

from abc import ABC, abstractmethod
from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator


class Bins(BaseEstimator, ABC):
    """Base of all divisions of the (Teff, [M/H]) plane; a subclass is a dataclass of its options.

    Attributes
    ----------
    names_ : tuple of str, length n_bins
        Name of each bin, for example ``"Cool Metal-poor"``; set by `fit`, as whatever else `assign` needs, in
        attributes that end in an underscore and hold numbers or text.
    """

    names_: tuple[str, ...]

    def check(self) -> None:
        """Refuse options that make no bins, by raising `InputError`."""
        return

    @abstractmethod
    def fit(self, teff: np.ndarray, m_h: np.ndarray) -> Self:
        """Set names and whatever `assign` needs.

        Parameters
        ----------
        teff, m_h : arrays of shape (n_stars,)
            Labels of the experts' training stars [K, dex], in the order of their star index.
        """

    @abstractmethod
    def assign(self, teff: np.ndarray, m_h: np.ndarray) -> np.ndarray:
        """Return the bin of every star, each by its own labels alone.

        Parameters
        ----------
        teff, m_h : arrays of shape (n_stars,)
            Labels [K, dex].

        Returns
        -------
        bin_index : int array of shape (n_stars,)
            Index of the bin, -1 for a star outside every bin.
        """

    def assign_stars(self, labels: pd.DataFrame) -> np.ndarray:
        """Return the bin of every star of a table with the columns ``teff`` [K] and ``m_h`` [dex]; see `assign`."""
        return self.assign(labels["teff"].to_numpy(float), labels["m_h"].to_numpy(float))

    def describe(self) -> tuple[str, ...]:
        """Return where each bin lies, in words; by default its name says it."""
        return self.names_
