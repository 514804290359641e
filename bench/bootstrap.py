"""The paired bootstrap against scipy's, and how often its interval holds the true difference.

python bench/bootstrap.py [--repetitions 2000]
"""

import argparse
from collections.abc import Mapping

import numpy as np
import pandas as pd
from common import keep, time_best
from scipy import stats

from moe_exp.evaluation.bootstrap import Interval, bootstrap_r2

N_RESAMPLES = 10_000
N_BINS = 9
TOLERANCE = 0.06
"""Largest difference of two intervals' ends, as a share of their width: some five times the Monte Carlo error."""

Predictions = Mapping[str, np.ndarray]


def draw_sample(n_stars: int, seed: int) -> tuple[np.ndarray, Predictions]:
    """Draw labels of unit variance and two models with R² 0.90 and 0.92, whose errors correlate."""
    y, shared, own, other = np.random.default_rng([1, seed]).normal(size=(4, n_stars))
    reference = y + np.sqrt(0.07) * shared + np.sqrt(0.03) * own
    return y, {"reference": reference, "model": y + np.sqrt(0.07) * shared + np.sqrt(0.01) * other}


def resample_ours(y: np.ndarray, predictions: Predictions) -> Interval:
    """Return the interval of the difference."""
    return bootstrap_r2(y, predictions, n_resamples=N_RESAMPLES, seed=0).delta("model", "reference").interval


def resample_scipy(y: np.ndarray, predictions: Predictions) -> Interval:
    """Return the interval of the difference by ``scipy.stats.bootstrap``, vectorised."""

    def delta(y: np.ndarray, model: np.ndarray, reference: np.ndarray, axis: int) -> np.ndarray:
        total = np.sum((y - y.mean(axis=axis, keepdims=True)) ** 2, axis=axis)
        return (np.sum((y - reference) ** 2, axis=axis) - np.sum((y - model) ** 2, axis=axis)) / total

    data = (y, predictions["model"], predictions["reference"])
    found = stats.bootstrap(
        data, delta, paired=True, vectorized=True, n_resamples=N_RESAMPLES, batch=200, method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    return Interval(float(delta(*data, axis=0)), float(found.low), float(found.high))


def evaluate_all(y: np.ndarray, predictions: Predictions) -> None:
    """Resample all stars, and those of nine equal bins, as every run does."""
    bootstrap_r2(y, predictions, n_resamples=N_RESAMPLES, seed=0)
    for part in range(N_BINS):
        members = slice(part, None, N_BINS)
        own = {model: values[members] for model, values in predictions.items()}
        bootstrap_r2(y[members], own, n_resamples=N_RESAMPLES, seed=0, stage=f"bin {part}")


def measure_coverage(*, n_stars: int, n_resamples: int, n_repetitions: int) -> float:
    """Return how often the paired interval holds the true difference of R², 0.02."""
    held = 0
    for repetition in range(n_repetitions):
        y, predictions = draw_sample(n_stars, repetition)
        found = bootstrap_r2(y, predictions, n_resamples=n_resamples, seed=repetition)
        interval = found.delta("model", "reference").interval
        held += interval.low <= 0.02 <= interval.high
    return held / n_repetitions


def main() -> None:
    """Compare intervals, then times, then count how often they hold the truth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=2000)
    repetitions = parser.parse_args().repetitions
    y, predictions = draw_sample(8100, 0)
    ours, own = time_best(lambda: resample_ours(y, predictions), n_repeats=3)
    theirs, other = time_best(lambda: resample_scipy(y, predictions))
    gap = max(abs(own.low - other.low), abs(own.high - other.high)) / (other.high - other.low)
    if gap > TOLERANCE:
        raise SystemExit(f"The intervals disagree by {100 * gap:.0f} % of their width: ours {own}, scipy's {other}.")
    models = predictions | {f"model {i}": predictions["model"] + 0.01 * i for i in range(3)}
    whole, _ = time_best(lambda: evaluate_all(y, models), n_repeats=3)
    rows = [
        {"what": "one difference, ours", "seconds": ours, "times ours": 1.0},
        {"what": "one difference, scipy.stats.bootstrap", "seconds": theirs, "times ours": theirs / ours},
        {"what": "a run's evaluation, ours: 5 models, all stars and 9 bins", "seconds": whole, "times ours": np.nan},
    ]
    notes = [
        f"{len(y):,} stars, {N_RESAMPLES:,} paired resamples; ours and scipy's intervals differ by {100 * gap:.1f} % "
        f"of their width (different draws)."
    ]
    for n_stars in (100, 400, 2000):
        covered = measure_coverage(n_stars=n_stars, n_resamples=1000, n_repetitions=repetitions)
        notes.append(
            f"{n_stars} stars: 95 % intervals hold the true difference in {100 * covered:.1f} % of {repetitions}."
        )
    keep("bootstrap", "Paired bootstrap", pd.DataFrame(rows), notes)


if __name__ == "__main__":
    main()
