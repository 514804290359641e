"""Percentile intervals made as wide as the stars' own uncertainty of their scatter asks for.

A percentile interval takes the scatter of its sample for the true one, as a normal quantile does. A sample that knows
its scatter badly, because few stars carry it, needs Student's t instead (expanded percentile interval; Hesterberg 2015,
The American Statistician 69, 371), with the degrees of freedom that its kurtosis leaves to its variance (Satterthwaite
1946, Biometrics Bulletin 2, 110). How much oftener the truth is then held: ``bench/results/validity.md``.
"""

import numpy as np
from scipy import special


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


def degrees_of_freedom_of_ratio(above: np.ndarray, below: np.ndarray) -> float:
    """Return what the variance of a ratio of two sums over stars, as an R² is, is worth by their influence on it.

    Parameters
    ----------
    above, below : arrays of shape (n_stars,)
        What each star adds to either sum.
    """
    total = np.sum(below)
    return degrees_of_freedom(above - np.sum(above) / total * below) if total > 0 else np.inf


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
    moved = draws.copy()
    moved[known] = _move(draws[known], np.sort(draws[known]), degrees_of_freedom)
    return moved


def expanded_quantiles(draws: np.ndarray, degrees_of_freedom: float, shares: np.ndarray) -> np.ndarray:
    """Return the quantiles of `expand` without moving more draws than these lie between, in a tenth of the time.

    Parameters
    ----------
    draws : array of shape (n_resamples,)
        NaN are left out; there must be others.
    degrees_of_freedom : float
    shares : array of shape (n_quantiles,)
        Of the draws that lie below each, from 0 to 1.
    """
    ordered = np.sort(draws[~np.isnan(draws)])
    place = shares * (len(ordered) - 1)
    ends = ordered[[np.floor(place).astype(int), np.ceil(place).astype(int)]]
    if np.isfinite(degrees_of_freedom):
        ends = _move(ends, ordered, degrees_of_freedom)  # which keeps their order
    return np.array([np.quantile(pair, share) for pair, share in zip(ends.T, place % 1, strict=True)])


def _move(draws: np.ndarray, ordered: np.ndarray, degrees_of_freedom: float) -> np.ndarray:
    """Move some draws by their rank, the mean one of equals, among all (n_resamples,), which are in rising order."""
    rank = (np.searchsorted(ordered, draws, "left") + np.searchsorted(ordered, draws, "right")) / 2
    share = rank / len(ordered)
    normal, student = special.ndtri(share), special.stdtrit(degrees_of_freedom, share)
    factor = np.divide(student, normal, out=np.ones_like(draws), where=normal != 0)
    median = np.median(ordered)
    return median + factor * (draws - median)
