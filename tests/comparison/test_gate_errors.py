import numpy as np
import pytest

from moe_exp.comparison import RunRecord, compare
from tests.comparison.made_up import make_record
from tests.report.made_up import make_weighted_record

SEEDS = [(data_seed, seed) for data_seed in (0, 1) for seed in (0, 1)]
RECORDS = {
    gate: [
        make_weighted_record(gate, data_seed=data_seed, seed=seed, n_stars=300 + 50 * data_seed)
        for data_seed, seed in SEEDS
    ]
    for gate in ("mlp", "linear")
}


def by_hand(record: RunRecord) -> dict[str, float]:
    predictions, covered = record.predictions, record.predictions.covered
    error = (predictions.clipped["soft"] - predictions.y)[covered]
    truth = np.eye(9)[predictions.bin_index[covered]]
    weights = predictions.gate_weights[covered]
    return {
        "rmse": np.linalg.norm(error) / np.sqrt(len(error)),
        "mae": np.abs(error).sum() / covered.sum(),
        "accuracy": ((weights * truth).sum(axis=1) == weights.max(axis=1)).mean(),
    }


def test_errors_and_accuracy_are_means_over_all_trainings():
    table = compare([*RECORDS["mlp"], *RECORDS["linear"]], n_resamples=50).gate_errors.set_index("model")
    assert set(table.index) == {"classify", "linear", "mlp"}  # classify is the reference of every run
    for gate, records in RECORDS.items():
        for name in ("rmse", "mae", "accuracy"):
            assert table.loc[gate, name] == pytest.approx(np.mean([by_hand(record)[name] for record in records]))


def test_the_oracles_gain_is_shared_out_by_r2():
    compared = compare([make_record("mlp")], n_resamples=50)
    r2 = compared.scores.set_index("model")["r2"]
    table = compared.gate_errors.set_index("model")
    for gate in ("mlp", "classify"):
        assert r2["global_ridge"] + table.loc[gate, "oracle_gain_soft"] * (
            r2["oracle"] - r2["global_ridge"]
        ) == pytest.approx(r2[gate])
    assert table.loc["mlp", "oracle_gain_hard"] != table.loc["mlp", "oracle_gain_soft"]
    assert np.isnan(table.loc["classify", "oracle_gain_hard"])  # this run says nothing of its hard routing
