"""Scores, intervals and worst stars as tables, one row per model, bin, interval or star."""

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from moe_exp.evaluation import scores
from moe_exp.evaluation.bootstrap import Delta, Interval, R2Bootstrap
from moe_exp.evaluation.metrics import Metric
from moe_exp.evaluation.predictions import STAR_COLUMNS, Predictions

FEW_STARS = 30
"""A bin with fewer test stars is marked wherever its score stands."""

SCORES = ("r2", "rmse", "mae", "bias", "r2_clipped", "r2_unclipped", "r2_all_stars")
"""What is said of every model of every run."""


def score_table(predictions: Predictions, pooled: R2Bootstrap, metrics: Mapping[str, Metric]) -> pd.DataFrame:
    """Return one row per model, all scores on covered stars but for r2_all_stars, which includes the fallback.

    Further metrics follow under their own names.
    """
    covered = predictions.covered
    y = predictions.y
    rows = {}
    for model in predictions.models:
        configured = predictions.configured[model]
        rows[model] = interval_columns("r2", pooled.r2(model)) | {
            "rmse": scores.rmse(y[covered], configured[covered]),
            "mae": scores.mae(y[covered], configured[covered]),
            "bias": scores.bias(y[covered], configured[covered]),
            "r2_clipped": scores.r2(y[covered], predictions.clipped[model][covered]),
            "r2_unclipped": scores.r2(y[covered], predictions.unclipped[model][covered]),
            "r2_all_stars": scores.r2(y, configured),
            **{name: metric.measure(y[covered], configured[covered]) for name, metric in metrics.items()},
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def bin_table(predictions: Predictions, per_bin: Sequence[R2Bootstrap]) -> pd.DataFrame:
    """Return one row per bin: R² of the run's gate, its differences to the references, R² of every other model."""
    rows = []
    for index, bootstrap in enumerate(per_bin):
        delta = delta_against_classify(bootstrap, predictions.gate)
        row: dict[str, object] = {"index": index, "name": predictions.bin_names[index], "n_stars": bootstrap.n_stars}
        row |= interval_columns("r2", bootstrap.r2("soft"))
        row |= delta_columns("delta_r2", delta)
        row |= delta_columns("delta_r2_vs_global", bootstrap.delta("soft", "global_ridge"))
        values = zip(bootstrap.models, bootstrap.values.tolist(), strict=True)
        row |= {f"{model}_r2": value for model, value in values if model != "soft"}
        rows.append(row)
    return pd.DataFrame(rows)


def interval_table(predictions: Predictions, pooled: R2Bootstrap, per_bin: Sequence[R2Bootstrap]) -> pd.DataFrame:
    """Return the whole bootstrap, one row per group of stars (bin_index -1: all covered), quantity and model."""
    names = ("all covered stars", *predictions.bin_names)
    rows: list[dict[str, object]] = []
    for index, (name, bootstrap) in enumerate(zip(names, (pooled, *per_bin), strict=True), start=-1):
        head = {"bin_index": index, "name": name, "n_stars": bootstrap.n_stars, "n_resamples": len(bootstrap.draws)}
        for quantity, model, interval in _intervals(bootstrap, predictions.gate):
            rows.append(head | {"quantity": quantity, "model": model, "confidence": bootstrap.confidence})
            rows[-1] |= interval._asdict()
    return pd.DataFrame(rows)


def worst_star_table(predictions: Predictions, n_worst: int) -> pd.DataFrame:
    """Return the covered stars of largest squared error of the run's gate, with their share of the sum over all."""
    members = np.flatnonzero(predictions.covered)
    soft = predictions.configured["soft"]
    worst = scores.worst_stars(predictions.y[members], soft[members], n_worst)
    rows = members[worst.position]
    table = predictions.stars.iloc[rows][list(STAR_COLUMNS)].reset_index(drop=True)
    residual = soft[rows] - predictions.y[rows]
    return table.assign(prediction=soft[rows], residual=residual, error_share=worst.error_share)


def delta_against_classify(bootstrap: R2Bootstrap, gate: str) -> Delta | None:
    """Return R² of the run's gate minus the classify reference; None when the gate is classify itself."""
    return None if gate == "classify" else bootstrap.delta("soft", "classify")


def interval_columns(name: str, interval: Interval) -> dict[str, float]:
    """Return a value and the ends of its interval under their column names."""
    return {name: interval.value, f"{name}_ci_low": interval.low, f"{name}_ci_high": interval.high}


def delta_columns(name: str, delta: Delta | None) -> dict[str, float]:
    """Like `interval_columns`, with how many stars carry the difference, whether that is enough, and that of the MAE.

    NaN where there is no difference to speak of.
    """
    interval = delta.interval if delta else Interval(np.nan, np.nan, np.nan)
    n_carriers, trusted, mae = np.nan, np.nan, np.nan
    if delta:
        n_carriers, trusted, mae = delta.carriers.n_carriers, float(delta.carriers.trusted), delta.mae
    columns = interval_columns(name, interval) | {f"{name}_n_carriers": n_carriers, f"{name}_trusted": trusted}
    return columns | {name.replace("r2", "mae"): mae}


def bin_key(index: int, name: str) -> str:
    """Return a bin's name within metric names, for example ``0_cool_metal_poor``."""
    return f"{index}_{re.sub('[^a-z0-9]+', '_', name.lower()).strip('_')}"


def _intervals(bootstrap: R2Bootstrap, gate: str) -> Iterator[tuple[str, str, Interval]]:
    for model in bootstrap.models:
        yield "r2", model, bootstrap.r2(model)
    delta = delta_against_classify(bootstrap, gate)
    if delta:
        yield "delta_r2", "soft", delta.interval
    yield "delta_r2_vs_global", "soft", bootstrap.delta("soft", "global_ridge").interval
