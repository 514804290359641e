"""What is said of gates beside R² on the same stars: RMSE, MAE, the oracle's gain that they retain, their accuracy."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from moe_exp.comparison.contenders import Contender
from moe_exp.comparison.records import RunRecord
from moe_exp.comparison.run_labels import Labels
from moe_exp.comparison.scoring import Scoring
from moe_exp.comparison.tables import CONTENDER_COLUMNS, contender_columns
from moe_exp.evaluation.scores import accuracy, oracle_gain_fraction

CONDITION = ["design", "noise_level", "n_train"]


def gate_error_table(
    gates: Iterable[tuple[Contender, Sequence[Scoring]]],
    scores: pd.DataFrame,
    records: Iterable[RunRecord],
    labels: Mapping[str, Labels],
) -> pd.DataFrame:
    """Return one row per gate; every value is a mean over its trainings in all data seeds that have it.

    Parameters
    ----------
    gates : iterable of (Contender, its Scorings)
    scores : DataFrame
        R² of all contenders, from which the share of the oracle's gain follows; NaN where one of them was not scored.
    records : iterable of RunRecord
        Where the weights are, for the accuracy.
    labels : mapping of run id to Labels
    """
    r2 = scores.set_index([*CONDITION, "model"])["r2"].to_dict()
    accuracies = _accuracies(records, labels)
    rows = []
    for gate, scorings in gates:
        condition = gate.design, gate.noise_level, gate.n_train
        row = contender_columns(gate) | _mean_errors(gate, scorings)
        for routing, name in (("soft", gate.model), ("hard", f"{gate.model} hard")):
            found = [r2.get((*condition, model), np.nan) for model in (name, "global_ridge", "oracle")]
            row[f"oracle_gain_{routing}"] = oracle_gain_fraction(r2=found[0], r2_global=found[1], r2_oracle=found[2])
        rows.append(row | {"accuracy": accuracies.get((*condition, gate.model), np.nan)})
    oracle_gains = ["oracle_gain_soft", "oracle_gain_hard"]
    return pd.DataFrame(rows, columns=[*CONTENDER_COLUMNS, "rmse", "mae", *oracle_gains, "accuracy"])


def _mean_errors(gate: Contender, scorings: Iterable[Scoring]) -> dict[str, object]:
    squared = [errors.configured for scoring in scorings for errors in scoring.panel.entries[gate].values()]
    return {
        "rmse": float(np.mean([np.sqrt(np.mean(each)) for each in squared])),
        "mae": float(np.mean([np.mean(np.sqrt(each)) for each in squared])),
    }


def _accuracies(records: Iterable[RunRecord], labels: Mapping[str, Labels]) -> dict[tuple[str, float, int, str], float]:
    """Return the accuracy by condition and gate; the reference classify gate of a run counts where none was run."""
    found: dict[tuple[str, float, int, str], dict[tuple[int, int], float]] = {}
    for record in records:
        if not record.predictions.has_gate:
            continue
        label, seeds = labels[record.run_id], (record.data_seed, record.seed)
        condition = label.design, record.noise_level, record.n_train
        found.setdefault((*condition, label.gate), {})[seeds] = _accuracy(record, "gate_weights")
        found.setdefault((*condition, "classify"), {}).setdefault(seeds, _accuracy(record, "classify_weights"))
    return {gate: float(np.mean(list(values.values()))) for gate, values in found.items()}


def _accuracy(record: RunRecord, weights: str) -> float:
    predictions = record.predictions
    covered = predictions.covered
    return accuracy(predictions.bin_index[covered], getattr(predictions, weights)[covered])
