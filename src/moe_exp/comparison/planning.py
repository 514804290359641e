"""How many stars or seeds would resolve a difference of some size, from the scatter that runs have shown.

The mean over D data seeds of the mean over k training seeds on n test stars has the variance
(t² + s² / k + v² / n) / D, with t² between data seeds (which stars were trained on), s² between training seeds and v²
between stars, of which a part falls with k; see `levels`. A difference d is found with some power where the standard
error is d / (z + z'), z the quantile of the two-sided verdict and z' that of the power, normal or, with several data
seeds, of Student's t with D - 1 degrees of freedom (Cohen 1988, Statistical Power Analysis).
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from moe_exp.comparison.levels import LEVELS
from moe_exp.comparison.summary import Comparison
from moe_exp.comparison.tables import PAIR_COLUMNS

MOST_DATA_SEEDS = 100_000


class Plan(NamedTuple):
    """How much of each kind would do, all else as it is; NaN for what is unknown, infinite for what would not help."""

    stars: float
    seeds: float
    data_seeds: float


def plan_table(comparison: Comparison, difference: float, *, power: float) -> pd.DataFrame:
    """Return a row for every pair of the comparison: what scatters, and how much of each kind would do."""
    shown = comparison.pairs[[*PAIR_COLUMNS, "delta_r2", "mark"]].merge(comparison.levels, on=PAIR_COLUMNS)
    rows = [
        {
            f"needs_{kind}": n
            for kind, n in plan(row, difference, power, comparison.settings.confidence)._asdict().items()
        }
        for row in shown.to_dict("records")
    ]
    return shown.assign(**pd.DataFrame(rows, columns=[f"needs_{kind}" for kind in Plan._fields]))


def plan(levels: Mapping[Any, Any], difference: float, power: float, confidence: float) -> Plan:
    """Say how many stars, training seeds or data seeds would find a difference; scatter that is unknown counts as none.

    Parameters
    ----------
    levels : mapping
        Standard deviations and numbers under the names of their columns; see `level_table`.
    difference : float
        In R², above zero.
    power : float
        Chance to find it.
    confidence : float
        Of the two-sided verdict.
    """
    n_stars, n_seeds, n_data_seeds = (levels[f"n_{level}s"] for level in LEVELS)
    star, seed, data_seed, rest = np.nan_to_num(
        [*(levels[f"sd_{level}"] ** 2 for level in LEVELS), levels["sd_rest"] ** 2]
    )
    of = stats.t(n_data_seeds - 1) if n_data_seeds > 1 else stats.norm
    allowed = (difference / (of.ppf((1 + confidence) / 2) + of.ppf(power))) ** 2 * n_data_seeds
    total = data_seed + seed / n_seeds + star / n_stars

    def enough(n: int) -> bool:
        t = stats.t(n - 1)
        return total / n <= (difference / (t.ppf((1 + confidence) / 2) + t.ppf(power))) ** 2

    of_trainings = seed + rest / n_stars
    return Plan(
        stars=_needed(star, allowed - data_seed - seed / n_seeds),
        seeds=np.nan if n_seeds == 1 else _needed(of_trainings, allowed - (total - of_trainings / n_seeds)),
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
