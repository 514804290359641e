"""Which stars decide a difference: what becomes of it when one of them is left out."""

from typing import NamedTuple

import numpy as np

from moe_exp.evaluation.resamples import sum_by_star


class Influence(NamedTuple):
    """The stars of one difference."""

    without: np.ndarray
    """(n_stars,) the difference when each star is left out"""
    influence: np.ndarray
    """(n_stars,) the difference on all stars minus that without the star: positive where the star raises it"""

    def largest(self, n_stars: int) -> np.ndarray:
        """Return numbers of the stars of largest influence, either sign, largest first."""
        size = np.where(np.isnan(self.influence), -1, np.abs(self.influence))
        return np.argsort(-size, kind="stable")[:n_stars]


def leave_one_out(y: np.ndarray, squared_error: np.ndarray, reference: np.ndarray, star: np.ndarray) -> Influence:
    """Leave each star, with all of its visits, out of R² of a model minus R² of a reference, in closed form.

    The difference is D / S with D the sum over stars of the reference's minus the model's squared error, and S the sum
    of (y - mean y)² over n visits. Without a star of m visits, D loses its terms, and S those of its visits and
    (sum of its y - mean y)² / (n - m), by which the mean moves.

    Parameters
    ----------
    y : array of shape (n_visits,)
    squared_error, reference : arrays of shape (n_visits,)
        Squared errors of the two models, or their means over seeds.
    star : int array of shape (n_visits,)
        Number of the star of each visit, from 0 in the order in which stars first appear.
    """
    centred = y - np.mean(y)
    terms = np.column_stack([np.ones(len(y)), centred, centred**2, reference - squared_error])
    n_visits, shift, distance, gain = sum_by_star(terms, star).T
    variation, total = np.sum(distance), np.sum(gain)
    left = variation - distance - shift**2 / np.maximum(len(y) - n_visits, 1)
    without = (total - gain) / np.where(left > 1e-12 * variation, left, np.nan)
    return Influence(without, total / variation - without)
