"""A sweep that might have been: records of made-up runs, and what a store would hold of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from moe_exp.comparison import RunRecord
from moe_exp.report import ReportContext
from tests.comparison.made_up import make_record

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass(frozen=True)
class MadeUpRun:
    run_id: str
    name: str
    parameters: dict[str, str]
    tags: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    started: float = 1_795_500_000.0


def make_weighted_record(gate: str, **options) -> RunRecord:
    """Like `make_record`, with weights that a gate could have."""
    record = make_record(gate, models=("lightgbm",), **options)
    predictions = record.predictions
    rng = np.random.default_rng([5, record.seed, len(gate)])
    logits = rng.normal(size=predictions.gate_weights.shape)
    logits[np.arange(len(logits)), np.maximum(predictions.bin_index, 0)] += 4
    weights = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return replace(record, predictions=replace(predictions, gate_weights=weights, classify_weights=weights))


def make_run(record: RunRecord) -> MadeUpRun:
    parameters = {
        "gate": record.gate,
        "data": "simulated",
        "preprocessing": "none",
        "data.n_train": str(record.n_train),
        "data.n_val": "10000",
        "data.n_test": str(len(record.predictions)),
        "data.noise_level": f"{record.noise_level:g}",
        "data.seed": str(record.data_seed),
        "data.simulator.n_pixels": "4096",
        "data.simulator.resolution": "5000.0",
        "seed": str(record.seed),
        "bins": "grid",
        "bins.teff_edges": "[3750.0, 4500.0, 5250.0, 6000.0]",
        "training": "converged",
        "training.batch_size": "512",
        "experts.alpha_min": "0.001",
        "experts.alpha_max": "100000.0",
        "experts.n_alphas": "9",
        "experts.n_folds": "5",
        "experts.clip": str(record.clip),
    }
    tags = {
        "mlflow.source.git.commit": COMMIT,
        "git.dirty": "false",
        "data.digest": f"0a1b2c3d-{record.n_train}-{record.data_seed}",
        "data.test_digest": record.test_digest,
        "data.noise_draw": record.noise_draw,
        "version.moe_exp": "0.1.0",
        "version.numpy": "2.1.0",
        "machine.host": "observatory",
        "machine.cores": "2",
        "machine.python": "3.11.9",
        "gate": record.gate,
        "gate.trained_for": "classification" if "classify" in record.gate else "regression",
        "gate.converged": "true",
    }
    metrics = {"time/experts_s": 812.5, "time/gate_s": 9.25, "gate/n_epochs": 41.0, "test/r2": 0.93}
    return MadeUpRun(record.run_id, record.name, parameters, tags, metrics)


def make_context(records: Sequence[RunRecord], **options) -> ReportContext:
    return ReportContext(runs=tuple(map(make_run, records)), records=tuple(records), **options)
