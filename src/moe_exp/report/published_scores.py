"""Published scores beside measured ones: R², errors, accuracies; without an interval there is only a gap to state."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from moe_exp.comparison.run_labels import label_runs
from moe_exp.evaluation.scores import r2
from moe_exp.report import formats
from moe_exp.report.context import ReportContext
from moe_exp.report.selection import KEYS, Row, Selection, interval_of, model_name

YES, NO, PARTLY = "yes", "no", "partly"


class Claim(NamedTuple):
    """One published number and what was measured."""

    row: Row
    """names the condition: has a value for each of `KEYS`"""
    words: str
    published: str
    measured: str
    answer: str


def score_claims(selection: Selection, context: ReportContext) -> Iterator[Claim]:
    """Yield all published scores of the designs that were run."""
    for row in selection.comparison.scores.to_dict("records"):
        yield from _r2(selection, row)
    for row in selection.comparison.gate_errors.to_dict("records"):
        yield from _errors(selection, row)
        yield from _accuracy(selection, row)
    yield from _all_stars(selection, context)


def _r2(selection: Selection, row: Row) -> Iterator[Claim]:
    found = selection.published.of(row, "r2")
    if found is not None:
        value, low, high = interval_of(row, "r2")
        inside = low <= found["value"] <= high
        answer = f"{YES}: within the interval" if inside else f"{NO}: {_gap(value, found['value'])}"
        words = f"R² of {model_name(row['model'])}"
        yield Claim(row, words, formats.published(found), formats.score(value, low, high), answer)


def _gap(value: float, published: float) -> str:
    return f"measured − published = {formats.difference(value - published)}"


def _errors(selection: Selection, row: Row) -> Iterator[Claim]:
    """Yield RMSE, MAE and, with the classify gate, what hard routing retains of the oracle's gain."""
    model = model_name(row["model"])
    measured = {name: row[name] for name in ("rmse", "mae")}
    words = {name: f"{name.upper()} of {model} [dex]" for name in measured}
    if row["model"] == "classify":
        measured["oracle_gain_fraction"] = row["oracle_gain_hard"]
        words["oracle_gain_fraction"] = "share of the oracle's gain that hard routing of classify retains"
    for quantity, value in measured.items():
        published_model = "hard" if quantity == "oracle_gain_fraction" else row["model"]
        found = selection.published.of({**row, "model": published_model}, quantity)
        if found is not None and np.isfinite(value):
            gap = _gap(value, found["value"])
            yield Claim(row, words[quantity], formats.published(found), formats.score(value), gap)


def _accuracy(selection: Selection, row: Row) -> Iterator[Claim]:
    found = selection.published.of(row, "gate_accuracy")
    if found is not None:
        value, low, high = row["accuracy"], found["low"], found["high"]
        place = "below" if value < low else "above" if value > high else "within"
        answer = f"{YES if place == 'within' else NO}: {place} the published range"
        published = f"{100 * low:.1f} to {100 * high:.1f} %"
        yield Claim(row, f"accuracy of the {row['model']} gate", published, formats.percent(value), answer)


def _all_stars(selection: Selection, context: ReportContext) -> Iterator[Claim]:
    """Yield R² of the global Ridge on all test stars, covered or not."""
    labels = label_runs(context.records)
    found: dict[tuple[object, ...], Claim] = {}
    for record in sorted(context.records, key=lambda record: record.place):
        row = {key: getattr(record, key) for key in ("n_train", "noise_level")}
        row |= {"design": labels[record.run_id].design, "model": "global_ridge"}
        published = selection.published.of(row, "r2", stars="all")
        if published is not None and record.predictions.has_gate:
            value = r2(record.predictions.y, record.predictions.configured["global_ridge"])
            words = "R² of the global Ridge on all test stars, covered or not"
            answer = _gap(value, published["value"])
            claim = Claim(row, words, formats.published(published), formats.score(value), answer)
            found.setdefault(tuple(row[key] for key in KEYS), claim)
    yield from found.values()
