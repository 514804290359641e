"""Estimates over data seeds: the mean of independent experiments, each with stars, noise and trainings of its own.

The values of k data seeds scatter by all that there is: which stars were trained on, which were tested, how a training
went. Their mean has Student's t interval with k - 1 degrees of freedom, which is exact for normal scatter whatever the
share of each cause (Student 1908, Biometrika 6, 1). What the bootstrap of each data seed says of its test stars is part
of that scatter and is not added again. Two data seeds hardly know their scatter, and their interval says so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from moe_exp.comparison.training_seeds import Estimate
from moe_exp.evaluation.bootstrap import Interval, percentile_interval
from moe_exp.evaluation.validity import Carriers, find_carriers


@dataclass(frozen=True, eq=False)
class Pooled:
    """A score, or a difference of two, over all data seeds that have it.

    Attributes
    ----------
    interval : Interval
        Of the mean; for one data seed that of its estimate.
    p : float
        Probability of a mean at least as far from zero, if the truth were zero.
    scatter : str
        What the interval contains: ``"stars"``, ``"stars and seeds"`` or, for several data seeds, ``"data seeds"``.
    n_seeds : int
        Fewest training seeds behind any of the data seeds.
    seed_sd : float
        Standard deviation between training seeds, root mean square over data seeds; NaN where one has but one.
    data_seeds : tuple of int
    data_seed_sd : float
        Standard deviation between data seeds; NaN for one.
    carriers : Carriers
        What carries the value, over the stars of all data seeds.
    """

    interval: Interval
    p: float
    scatter: str
    n_seeds: int
    seed_sd: float
    data_seeds: tuple[int, ...]
    data_seed_sd: float
    carriers: Carriers


def pool(estimates: Sequence[tuple[int, Estimate]], *, confidence: float) -> Pooled:
    """Put the estimates of different data seeds together; those that are not finite are left out.

    Where one data seed has too few stars for an interval, the mean has none either.

    Parameters
    ----------
    estimates : sequence of (data seed, Estimate)
        At least one.
    confidence : float
    """
    known = [(seed, found) for seed, found in estimates if np.isfinite(found.interval.value)] or list(estimates[:1])
    seeds, found = tuple(seed for seed, _ in known), [estimate for _, estimate in known]
    n_seeds = min(estimate.n_seeds for estimate in found)
    seed_sd = float(np.sqrt(np.mean([estimate.seed_sd**2 for estimate in found])))
    carriers = carriers_of(found)
    if len(found) == 1:
        [one] = found
        interval = percentile_interval(one.interval.value, one.draws, confidence)
        return Pooled(interval, one.p, one.scatter, n_seeds, seed_sd, seeds, np.nan, carriers)
    values = np.array([estimate.interval.value for estimate in found])
    interval, p = students_mean(values, confidence)
    if np.isnan([estimate.interval.low for estimate in found]).any():
        interval, p = Interval(interval.value, np.nan, np.nan), np.nan
    data_seed_sd = float(np.std(values, ddof=1))
    return Pooled(interval, p, "data seeds", n_seeds, seed_sd, seeds, data_seed_sd, carriers)


def carriers_of(estimates: Sequence[Estimate]) -> Carriers:
    """Return what carries the mean of some estimates."""
    contributions = np.concatenate([estimate.contributions for estimate in estimates])
    return find_carriers(contributions, limited=all(estimate.limited for estimate in estimates))


def students_mean(values: np.ndarray, confidence: float) -> tuple[Interval, float]:
    """Return the mean of independent values, (n,), with Student's t interval, and the two-sided p of a mean of zero."""
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))
    half = error * stats.t.ppf((1 + confidence) / 2, len(values) - 1)
    if error == 0:
        return Interval(mean, mean, mean), float(mean == 0)
    return Interval(mean, mean - half, mean + half), float(2 * stats.t.sf(abs(mean) / error, len(values) - 1))


def replicate_rows(
    names: dict[str, object], quantity: str, estimates: Sequence[tuple[int, Estimate]]
) -> Iterator[dict[str, object]]:
    """Yield what each data seed says by itself, under the columns that name a score or a difference."""
    for data_seed, found in estimates if len(estimates) > 1 else ():
        value, low, high = found.interval
        row = {"quantity": quantity, "data_seed": data_seed} | names
        yield row | {"value": value, "ci_low": low, "ci_high": high, "n_seeds": found.n_seeds}
