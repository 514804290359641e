"""Which stars decide a difference: what becomes of it when one of them is left out."""

from typing import NamedTuple

import numpy as np


class Influence(NamedTuple):
    """The stars of one difference."""

    without: np.ndarray
    """(n_stars,) the difference when each star is left out"""
    influence: np.ndarray
    """(n_stars,) the difference on all stars minus that without the star: positive where the star raises it"""

    def largest(self, n_stars: int) -> np.ndarray:
        """Return positions of the stars of largest influence, either sign, largest first."""
        size = np.where(np.isnan(self.influence), -1, np.abs(self.influence))
        return np.argsort(-size, kind="stable")[:n_stars]


def leave_one_out(y: np.ndarray, squared_error: np.ndarray, reference: np.ndarray) -> Influence:
    """Leave each star out of R² of a model minus R² of a reference, in closed form.

    The difference is D / S with D the sum over stars of the reference's minus the model's squared error, and S the sum
    of (y - mean y)². Without star i, D loses its term and S loses n / (n - 1) (y_i - mean y)².

    Parameters
    ----------
    y : array of shape (n_stars,)
    squared_error, reference : arrays of shape (n_stars,)
        Squared errors of the two models, or their means over seeds.
    """
    n_stars = len(y)
    gain = reference - squared_error
    distance = (y - np.mean(y)) ** 2
    variation, total = np.sum(distance), np.sum(gain)
    left = variation - distance * n_stars / max(n_stars - 1, 1)
    without = (total - gain) / np.where(left > 1e-12 * variation, left, np.nan)
    return Influence(without, total / variation - without)
