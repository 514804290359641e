"""How many stars or seeds would resolve a difference of some size, from the scatter that runs have shown.

The mean over D data seeds of the mean over k training seeds on n test stars has the variance
(t² + s² / k + v² / n) / D, with t² between data seeds (which stars were trained on), s² between training seeds and v²
between stars. A difference d is found with some power where the standard error is d / (z + z'), z the quantile of the
two-sided verdict and z' that of the power, normal or, with several data seeds, of Student's t with D - 1 degrees of
freedom (Cohen 1988, Statistical Power Analysis).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from moe_exp.comparison.pairs import find_pairs
from moe_exp.comparison.summary import Comparison
from moe_exp.comparison.training_seeds import Estimate

MOST_DATA_SEEDS = 100_000


class Scatter(NamedTuple):
    """The standard deviations behind one difference, and on how much they rest; NaN for what one seed cannot tell."""

    star: float
    """of what a single star says; the mean of n has this over the root of n"""
    seed: float
    """between training seeds; it holds some of the stars' scatter too"""
    data_seed: float
    """between data seeds, beyond what stars and training seeds explain"""
    n_stars: int
    n_seeds: int
    n_data_seeds: int


class Plan(NamedTuple):
    """How much of each kind would do, all else as it is; NaN for what is unknown, infinite for what would not help."""

    stars: float
    seeds: float
    data_seeds: float


def plan_table(comparison: Comparison, difference: float, *, power: float) -> pd.DataFrame:
    """Return a row for every pair of the comparison: what scatters, and how much of each kind would do."""
    deltas: dict[tuple[str, str], list[Estimate]] = {}
    for scoring in comparison.scorings:
        for pair in find_pairs(scoring.panel)[0]:
            found = scoring.delta(pair.model, pair.reference)
            deltas.setdefault((pair.contrast, pair.condition), []).append(found)
    rows: list[dict[Any, Any]] = []
    for row in comparison.pairs[["contrast", "condition", "delta_r2", "mark"]].to_dict("records"):
        scatter = measure_scatter(deltas[row["contrast"], row["condition"]])
        needed = plan(scatter, difference, power=power, confidence=comparison.settings.confidence)
        rows.append({**row, **scatter._asdict(), **{f"needs_{kind}": n for kind, n in needed._asdict().items()}})
    return pd.DataFrame(rows)


def measure_scatter(deltas: Sequence[Estimate]) -> Scatter:
    """Return the scatter of one difference over the data seeds that have it; variances are means over these."""
    n_stars = int(np.mean([len(delta.contributions) for delta in deltas]))
    star = np.mean([len(delta.contributions) ** 2 * np.var(delta.contributions, ddof=1) for delta in deltas])
    n_seeds = min(delta.n_seeds for delta in deltas)
    seed = np.mean([delta.seed_sd**2 for delta in deltas]) if n_seeds > 1 else np.nan
    data_seed = np.nan
    if len(deltas) > 1:
        explained = star / n_stars + np.nan_to_num(seed) / n_seeds
        data_seed = max(0.0, np.var([delta.interval.value for delta in deltas], ddof=1) - explained)
    star_sd, seed_sd, data_seed_sd = np.sqrt([star, seed, data_seed]).tolist()
    return Scatter(star_sd, seed_sd, data_seed_sd, n_stars, n_seeds, len(deltas))


def plan(scatter: Scatter, difference: float, *, power: float, confidence: float) -> Plan:
    """Say how many stars, training seeds or data seeds would find a difference; scatter that is unknown counts as none.

    Parameters
    ----------
    scatter : Scatter
    difference : float
        In R², above zero.
    power : float
        Chance to find it.
    confidence : float
        Of the two-sided verdict.
    """
    star, seed, data_seed = np.nan_to_num(np.square(scatter[:3]))
    of = stats.t(scatter.n_data_seeds - 1) if scatter.n_data_seeds > 1 else stats.norm
    allowed = (difference / (of.ppf((1 + confidence) / 2) + of.ppf(power))) ** 2 * scatter.n_data_seeds
    of_stars, of_seeds = star / scatter.n_stars, seed / scatter.n_seeds
    total = data_seed + of_seeds + of_stars

    def enough(n_data_seeds: int) -> bool:
        t = stats.t(n_data_seeds - 1)
        return total / n_data_seeds <= (difference / (t.ppf((1 + confidence) / 2) + t.ppf(power))) ** 2

    return Plan(
        stars=_needed(star, allowed - data_seed - of_seeds),
        seeds=np.nan if np.isnan(scatter.seed) else _needed(seed, allowed - data_seed - of_stars),
        data_seeds=_first(enough),
    )


def _needed(variance: float, allowed: float) -> float:
    """Return the number over which a variance has to be averaged."""
    return float(np.ceil(variance / allowed)) if allowed > 0 else np.inf


def _first(enough: Callable[[int], bool]) -> float:
    """Return the least number from two on that is enough, by bisection; infinite beyond `MOST_DATA_SEEDS`."""
    low, high = 1, 2
    while not enough(high):
        low, high = high, 2 * high
        if high > MOST_DATA_SEEDS:
            return np.inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return float(high)
