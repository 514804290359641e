"""Metrics beside those that every run has: one number of labels and predictions, for every model of a run."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

MAD_TO_SIGMA = 1.482602
"""Standard deviation of Gaussian numbers over their median absolute deviation."""


@dataclass(frozen=True, kw_only=True)
class Metric(ABC):
    """Base of all metrics of a user's own; a subclass is a frozen dataclass that writes `measure`.

    Parameters
    ----------
    title : str
        What a table calls it, with its unit.
    """

    title: str

    @abstractmethod
    def measure(self, y: np.ndarray, predicted: np.ndarray) -> float:
        """Return the metric of one model.

        Parameters
        ----------
        y, predicted : arrays of shape (n_stars,)
            Label and prediction of the covered test stars, in the label's unit; at least two.
        """


@dataclass(frozen=True, kw_only=True)
class NormalisedMad(Metric):
    """Scatter that a few wild stars do not move: 1.48 times the median absolute deviation from the median error."""

    def measure(self, y: np.ndarray, predicted: np.ndarray) -> float:
        """Return it in the label's unit."""
        error = predicted - y
        return float(MAD_TO_SIGMA * np.median(np.abs(error - np.median(error))))
