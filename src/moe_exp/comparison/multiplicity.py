"""From draws of a difference to a verdict among many: two-sided p, Holm's adjustment, higher or lower."""

import numpy as np
from scipy import stats

from moe_exp.evaluation.resamples import LEAST_STARS

TOO_FEW = "too few stars"
"""Verdict on a difference that has no p because fewer than `LEAST_STARS` stars make it."""

NOT_DECIDABLE = "not decidable here"
"""Verdict on a difference whose interval is not to be trusted, see `validity`."""

TAIL_DRAWS = 10
"""Draws beyond zero from which on their share is taken as it is; rarer ones are extrapolated."""


def two_sided_p(draws: np.ndarray, *, degrees_of_freedom: float = np.inf) -> float:
    """Probability of a difference at least as far from zero, if there were none.

    Twice the share of draws on the far side of zero, (k + 1) / (n + 1) (Davison & Hinkley 1997, Bootstrap Methods and
    their Application, section 4.2), so that p < 1 - confidence where the percentile interval excludes zero, but for a
    draw at its very end. With fewer than `TAIL_DRAWS` draws there, the number of draws would set the least possible p,
    and large families could never show a difference; the tail is then continued from its last resolved draw as that of
    a normal or Student's t.

    Parameters
    ----------
    draws : array of shape (n_resamples,)
        Bootstrap draws of the difference; NaN are left out.
    degrees_of_freedom : float
        Of the tail that is continued; infinite for a normal one.

    Returns
    -------
    float
        1 when all draws are zero; NaN without draws.
    """
    draws = draws[~np.isnan(draws)]
    n_draws = len(draws)
    if not n_draws:
        return np.nan
    beyond = min(np.count_nonzero(draws <= 0), np.count_nonzero(draws >= 0))
    share = min(1.0, 2 * (beyond + 1) / (n_draws + 1))
    if beyond >= TAIL_DRAWS or n_draws < 10 * TAIL_DRAWS:
        return share
    median = float(np.median(draws))
    end = float(np.partition(draws * np.sign(median), TAIL_DRAWS)[TAIL_DRAWS])
    scale = (abs(median) - end) / stats.t.isf((TAIL_DRAWS + 1) / (n_draws + 1), degrees_of_freedom)
    return min(share, float(2 * stats.t.sf(abs(median) / scale, degrees_of_freedom))) if scale > 0 else share


def holm(p: np.ndarray) -> np.ndarray:
    """Adjust p for the number of tests, so that the chance of any false difference stays below the level.

    The i-th smallest of m becomes the largest of (m - j + 1) p_j over j <= i, at most 1 (Holm 1979, Scandinavian
    Journal of Statistics 6, 65). NaN is no test and stays NaN.

    Parameters
    ----------
    p : array of shape (n_tests,)
    """
    p = np.asarray(p, float)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(np.arange(len(order), 0, -1) * p[order]))
    return adjusted


def verdict(value: float, p: float, confidence: float, n_stars: int, trusted: bool) -> str:
    """Say what a difference on `n_stars` stars shows at an adjusted p, if its interval may be trusted."""
    if np.isnan(p):
        return "not tested" if np.isnan(value) and n_stars >= LEAST_STARS else TOO_FEW
    if not trusted:
        return NOT_DECIDABLE
    if p >= 1 - confidence or value == 0:
        return "no difference shown"
    return "higher" if value > 0 else "lower"
