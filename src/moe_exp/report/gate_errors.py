"""Scores of gates that the comparison has no column for: RMSE, MAE, retained oracle gain, accuracy."""

import numpy as np

from moe_exp.comparison import RunRecord
from moe_exp.comparison.run_labels import label_runs
from moe_exp.evaluation.scores import accuracy, oracle_gain_fraction
from moe_exp.report import formats
from moe_exp.report.context import ReportContext
from moe_exp.report.document import NOTHING, Table
from moe_exp.report.selection import KEYS, Row, Selection, model_name, where

Place = tuple[str, float, int, str]
"""Design, noise level, train size and gate."""


def error_table(selection: Selection, context: ReportContext) -> Table:
    """Return RMSE, MAE, retained oracle gain and accuracy of every gate."""
    accuracies = gate_accuracies(context)
    columns = [*selection.key_titles(), "Gate", "RMSE [dex]", "MAE [dex]", "Oracle gain, soft", "Oracle gain, hard"]
    scores = selection.comparison.scores
    rows = []
    for row in selection.sort(scores[scores["kind"] == "gate"]).to_dict("records"):
        cells = [*selection.key_cells(row), model_name(row["model"])]
        cells += map(formats.score, mean_errors(selection, row))
        cells += [formats.percent(retained_gain(selection, row, hard=hard)) for hard in (False, True)]
        if accuracies:
            found = accuracies.get(place_of(row))
            cells.append(NOTHING if found is None else formats.percent(found))
        rows.append(cells)
    caption = (
        "Errors of the gates on the covered test stars, mean over seeds, and the share of the oracle's gain "
        "over the global Ridge that soft and hard routing retain."
    )
    if accuracies:
        columns.append("Gate accuracy")
        caption += " Gate accuracy: share of stars whose largest weight is on their true bin."
    return Table(caption, columns, formats.blank_repeats(rows, len(selection.keys)))


def mean_errors(selection: Selection, row: Row) -> tuple[float, float]:
    """Return RMSE and MAE [dex] of a gate, each the mean over its trainings in all data seeds."""
    gate = selection.contender(row)
    panels = [scoring.panel for scoring in selection.comparison.scorings]
    squared = [errors.configured for panel in panels for errors in panel.entries.get(gate, {}).values()]
    return float(np.mean([np.sqrt(np.mean(e)) for e in squared])), float(
        np.mean([np.mean(np.sqrt(e)) for e in squared])
    )


def retained_gain(selection: Selection, row: Row, *, hard: bool) -> float:
    """Return the share of the oracle's gain that a gate retains; NaN where a score is missing."""
    scores = where(selection.comparison.scores, {key: row[key] for key in KEYS})
    r2 = dict(zip(scores["model"], scores["r2"], strict=True))
    name = f"{row['model']} hard" if hard else row["model"]
    if not {name, "oracle", "global_ridge"} <= r2.keys():
        return np.nan
    return oracle_gain_fraction(r2=r2[name], r2_global=r2["global_ridge"], r2_oracle=r2["oracle"])


def gate_accuracies(context: ReportContext) -> dict[Place, float]:
    """Return the accuracy of each gate, mean over its trainings in all data seeds."""
    found: dict[Place, dict[tuple[int, int], float]] = {}
    labels = label_runs(context.records)
    for record in sorted(context.records, key=lambda record: record.place):
        label = labels[record.run_id]
        place, seeds = (label.design, record.noise_level, record.n_train), (record.data_seed, record.seed)
        found.setdefault((*place, label.gate), {})[seeds] = _accuracy(record, "gate_weights")
        found.setdefault((*place, "classify"), {}).setdefault(seeds, _accuracy(record, "classify_weights"))
    return {place: float(np.mean(list(values.values()))) for place, values in found.items()}


def place_of(row: Row) -> Place:
    """Return the place of a row of scores."""
    return row["design"], row["noise_level"], row["n_train"], row["model"]


def _accuracy(record: RunRecord, weights: str) -> float:
    predictions = record.predictions
    covered = predictions.covered
    return accuracy(predictions.bin_index[covered], getattr(predictions, weights)[covered])
