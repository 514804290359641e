"""Percentile intervals made as wide as the stars' own uncertainty of their scatter asks for.

A percentile interval takes the scatter of its sample for the true one, as a normal quantile does. A sample that knows
its scatter badly, because few stars carry it, needs Student's t instead (expanded percentile interval; Hesterberg 2015,
The American Statistician 69, 371), with the degrees of freedom that its kurtosis leaves to its variance (Satterthwaite
1946, Biometrics Bulletin 2, 110). How much oftener the truth is then held: ``bench/results/validity.md``.
"""

import numpy as np
from scipy import special, stats


def degrees_of_freedom(influence: np.ndarray) -> float:
    """Return what the variance of some values is worth, 2 n / (kurtosis - 1); infinite where they do not vary.

    Parameters
    ----------
    influence : array of shape (n_stars,)
        How far each star moves the number, in any unit; their mean is zero.
    """
    squares = influence**2
    total, fourth = np.sum(squares), np.sum(squares**2)
    if not fourth > 0:
        return np.inf
    n_effective = total**2 / fourth
    return float(2 * n_effective / max(1 - n_effective / len(influence), 1e-9))


def expand_ratio(draws: np.ndarray, above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """Expand draws of a ratio of two sums over stars, as an R² is, by the scatter of the stars' influence on it.

    Parameters
    ----------
    draws : array of shape (n_resamples,)
    above, below : arrays of shape (n_stars,)
        What each star adds to either sum.
    """
    total = np.sum(below)
    return expand(draws, degrees_of_freedom(above - np.sum(above) / total * below)) if total > 0 else draws


def expand(draws: np.ndarray, degrees_of_freedom: float) -> np.ndarray:
    """Move draws from their median as a quantile of Student's t lies further out than the normal one of its rank.

    Parameters
    ----------
    draws : array of shape (n_resamples,)
        NaN stay, and have no rank.
    degrees_of_freedom : float
    """
    known = np.flatnonzero(~np.isnan(draws))
    if not len(known) or not np.isfinite(degrees_of_freedom):
        return draws
    share = (stats.rankdata(draws[known]) - 0.5) / len(known)
    normal, student = special.ndtri(share), special.stdtrit(degrees_of_freedom, share)
    factor = np.divide(student, normal, out=np.ones(len(known)), where=normal != 0)
    median = np.median(draws[known])
    moved = draws.copy()
    moved[known] = median + factor * (draws[known] - median)
    return moved
