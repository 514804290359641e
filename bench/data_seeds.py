"""How often several data seeds show a true difference, and refute a true null: their mean against each by itself.

python bench/data_seeds.py [--repetitions 20000]
"""

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd
from common import keep
from scipy import stats

from moe_exp.comparison.data_seeds import students_mean
from moe_exp.comparison.hypotheses import REFUTED, SUPPORTED, UNDECIDED, judge_interval
from moe_exp.evaluation.bootstrap import Interval

TRUTH = 0.008
STAR_SCATTER = 0.0067
"""Standard error of one data seed's difference by its test stars."""
SPREADS = (0.0, 0.5, 1.0)
"""Scatter of the true difference between data seeds (which stars were trained on), in units of `STAR_SCATTER`."""
HALF = stats.norm.ppf(0.975) * STAR_SCATTER


def judge_each(values: np.ndarray) -> str:
    """Judge as older versions did: the interval of every data seed by itself has to keep the bound."""
    verdicts = [judge_interval(Interval(value, value - HALF, value + HALF), "above", 0.0) for value in values]
    return next((verdict for verdict in (REFUTED, UNDECIDED) if verdict in verdicts), SUPPORTED)


def judge_mean(values: np.ndarray) -> str:
    """Judge the mean; a single data seed by the interval of its stars."""
    return judge_each(values) if len(values) == 1 else judge_interval(students_mean(values, 0.95)[0], "above", 0.0)


def count(truth: float, n_data_seeds: int, spread: float, repetitions: int) -> Sequence[float]:
    """Return the shares of supported and of refuted, first of each data seed by itself, then of the mean."""
    rng = np.random.default_rng([17, n_data_seeds])
    scatter = STAR_SCATTER * np.hypot(1, spread)
    values = truth + scatter * rng.standard_normal((repetitions, n_data_seeds))
    verdicts = [np.array([judge(row) for row in values]) for judge in (judge_each, judge_mean)]
    return [float(np.mean(each == verdict)) for each in verdicts for verdict in (SUPPORTED, REFUTED)]


def main() -> None:
    """Count verdicts on "the difference is above zero", with and without a true difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=20_000)
    repetitions = parser.parse_args().repetitions
    rows = []
    for spread in SPREADS:
        for n_data_seeds in (1, 2, 3, 5, 10):
            shown = count(TRUTH, n_data_seeds, spread, repetitions)
            null = count(0.0, n_data_seeds, spread, repetitions)
            names = (
                "true .008 supported, each",
                "null refuted, each",
                "true .008 supported, mean",
                "null refuted, mean",
            )
            shares = (shown[0], null[1], shown[2], null[3])
            row = {"spread of data seeds / of stars": f"{spread:g}", "data seeds": n_data_seeds}
            rows.append(row | {name: f"{100 * share:.1f} %" for name, share in zip(names, shares, strict=True)})
    notes = [
        "each: a claim holds where the interval of every data seed keeps the bound, as versions before this did.",
        "mean: a claim holds where Student's t interval of the mean keeps the bound, as `moe_exp.comparison` does.",
        f"{repetitions:,} made-up experiments a cell; normal differences, standard error {STAR_SCATTER} a data seed.",
        "A nominal 95 % interval refutes a true null, on one side, in 2.5 %; one data seed knows no spread.",
    ]
    keep("data_seeds", "Verdicts over data seeds", pd.DataFrame(rows), notes)


if __name__ == "__main__":
    main()
