"""Whether an interval over stars may be trusted: what carries the number, as far as its own stars can tell.

A sum over stars whose tail is so heavy that a few of them carry it has no interval that holds as often as it says. What
the stars of a test set cannot tell is whether others, rarer than one in it, would err by far more: where nothing limits
predictions an interval is not to be trusted, however quiet its stars are. The limits are calibrated in
``bench/results/validity.md``.
"""

from typing import NamedTuple

import numpy as np

LEAST_CARRIERS = 40
"""An interval that fewer stars carry is not to be trusted."""

HEAVIEST_TAIL = 0.75
"""Nor is one whose stars' contributions have a larger tail index; beyond 0.5 their variance is infinite."""

TAIL_STARS = 10
"""The tail is measured on the square root of the number of stars, and at least on these."""


class Carriers(NamedTuple):
    """What carries a sum over stars."""

    n_carriers: float
    """(sum |d|)² / sum d² of the stars' contributions: n for n equal ones, 1 where one outweighs all others"""
    tail_index: float
    """of the largest contributions: 1 where their number falls as 1 / size (Hill 1975, Annals of Statistics 3, 1163)"""
    limited: bool
    """whether what one star could contribute has a limit: that of clipped predictions"""

    @property
    def trusted(self) -> bool:
        """Whether an interval may be trusted; true where there is nothing to carry."""
        return not self.mark

    @property
    def mark(self) -> str:
        """Why an interval is not to be trusted; empty where it may be."""
        if np.isnan(self.n_carriers):
            return ""
        if self.n_carriers < LEAST_CARRIERS:
            number = round(self.n_carriers)
            return f"carried by {number} star{'' if number == 1 else 's'}: not to be trusted"
        if self.tail_index > HEAVIEST_TAIL:
            return f"carried by a heavy tail (index {self.tail_index:.2f}): not to be trusted"
        return "" if self.limited else "predictions without limit: not to be trusted"


def find_carriers(contributions: np.ndarray, *, limited: bool) -> Carriers:
    """Measure what carries a sum; where no star contributes anything, both measures are NaN.

    Parameters
    ----------
    contributions : array of shape (n_stars,)
        What each star adds, in any unit.
    limited : bool
    """
    size = np.sort(np.abs(contributions))[::-1]
    if not len(size) or not size[0] > 0:
        return Carriers(np.nan, np.nan, limited)
    size = size / size[0]
    return Carriers(float(np.sum(size) ** 2 / np.sum(size**2)), _tail_index(size), limited)


def _tail_index(size: np.ndarray) -> float:
    """Return the mean logarithm of the largest sizes over the next, for sizes in falling order, (n_stars,)."""
    n_tail = min(max(TAIL_STARS, round(len(size) ** 0.5)), len(size) - 1)
    if n_tail < 1 or not size[n_tail] > 0:
        return np.inf
    return float(np.mean(np.log(size[:n_tail] / size[n_tail])))
