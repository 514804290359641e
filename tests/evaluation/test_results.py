from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import r2_score

from moe_exp.errors import InputError
from moe_exp.evaluation.metrics import NormalisedMad
from moe_exp.evaluation.results import Evaluation
from moe_exp.evaluation.tables import bin_key
from tests.evaluation.synthetic import make_predictions

EVALUATION = Evaluation(n_resamples=200)
PREDICTIONS = make_predictions(900)
RESULTS = EVALUATION.evaluate(PREDICTIONS, seed=0)

NAMES = {
    "test/r2", "test/r2_ci_low", "test/r2_ci_high", "test/rmse", "test/mae", "test/bias", "test/r2_clipped",
    "test/r2_unclipped", "test/r2_all_stars", "test/delta_r2", "test/delta_r2_ci_low", "test/delta_r2_ci_high",
    "test/delta_r2_vs_global", "test/delta_r2_vs_global_ci_low", "test/delta_r2_vs_global_ci_high",
    "test/delta_r2_n_carriers", "test/delta_r2_vs_global_n_carriers", "test/delta_r2_trusted",
    "test/delta_r2_vs_global_trusted", "test/delta_mae", "test/delta_mae_vs_global",
    "test/oracle_gain_fraction", "test/worst5_error_share", "test/gate_accuracy", "test/n_stars", "test/coverage",
    "reference/classify_r2", "reference/global_ridge_r2", "reference/oracle_r2", "reference/hard_r2",
    "reference/classify_accuracy",
}  # fmt: skip
BIN_NAMES = {"bin_r2", "bin_delta_r2"}


def test_metric_names() -> None:
    metrics = RESULTS.metrics()
    assert {name for name in metrics if not name.startswith("bin_")} == NAMES
    assert {name for name in metrics if name.endswith("/0_cool_metal_poor")} == {
        f"{name}/0_cool_metal_poor" for name in BIN_NAMES
    }
    assert len(metrics) == len(NAMES) + 9 * len(BIN_NAMES)
    assert bin_key(8, "Hot Metal-rich") == "8_hot_metal_rich"
    assert bin_key(3, "Teff 2 [M/H] 1") == "3_teff_2_m_h_1"


def test_metrics_equal_scikit_learn_on_covered_stars() -> None:
    metrics, covered = RESULTS.metrics(), PREDICTIONS.covered
    for name, model in (("test/r2", "soft"), ("reference/hard_r2", "hard"), ("reference/classify_r2", "classify")):
        expected = r2_score(PREDICTIONS.y[covered], PREDICTIONS.clipped[model][covered])
        assert metrics[name] == pytest.approx(expected, abs=1e-12)
    assert metrics["test/r2_all_stars"] == pytest.approx(r2_score(PREDICTIONS.y, PREDICTIONS.clipped["soft"]))
    members = PREDICTIONS.bin_index == 4
    assert metrics["bin_r2/4_mid_solar"] == pytest.approx(
        r2_score(PREDICTIONS.y[members], PREDICTIONS.clipped["soft"][members])
    )
    assert metrics["test/n_stars"] == covered.sum() == RESULTS.bins["n_stars"].sum()
    assert metrics["test/coverage"] == covered.mean()


def test_differences_are_differences_and_lie_in_their_intervals() -> None:
    metrics = RESULTS.metrics()
    assert metrics["test/delta_r2"] == pytest.approx(metrics["test/r2"] - metrics["reference/classify_r2"])
    assert metrics["test/delta_r2_vs_global"] == pytest.approx(
        metrics["test/r2"] - metrics["reference/global_ridge_r2"]
    )
    for name in ("r2", "delta_r2", "delta_r2_vs_global"):
        assert metrics[f"test/{name}_ci_low"] < metrics[f"test/{name}"] < metrics[f"test/{name}_ci_high"]
    bins = RESULTS.bins
    np.testing.assert_allclose(bins["delta_r2"], bins["r2"] - bins["classify_r2"])
    np.testing.assert_allclose(bins["delta_r2_vs_global"], bins["r2"] - bins["global_ridge_r2"])


def test_a_difference_says_whether_it_is_to_be_trusted() -> None:
    unclipped = EVALUATION.evaluate(replace(PREDICTIONS, clip=False), seed=0)
    assert RESULTS.metrics()["test/delta_r2_trusted"] == 1
    assert unclipped.metrics()["test/delta_r2_trusted"] == 0
    bins = RESULTS.bins
    assert (bins["delta_r2_n_carriers"] < 40).all()
    assert (bins["delta_r2_trusted"] == 0).all()
    covered, logg = PREDICTIONS.covered, PREDICTIONS.y
    mae = [np.mean(np.abs(PREDICTIONS.clipped[model] - logg)[covered]) for model in ("soft", "classify")]
    assert RESULTS.metrics()["test/delta_mae"] == pytest.approx(mae[0] - mae[1])


def test_clipping_is_as_configured_and_both_are_reported() -> None:
    clipped, unclipped = RESULTS.metrics(), EVALUATION.evaluate(replace(PREDICTIONS, clip=False), seed=0).metrics()
    assert clipped["test/r2"] == clipped["test/r2_clipped"] > clipped["test/r2_unclipped"] == unclipped["test/r2"]
    assert clipped["test/r2_clipped"] == unclipped["test/r2_clipped"]


def test_a_further_metric_is_taken_of_every_model_on_covered_stars() -> None:
    results = EVALUATION.evaluate(PREDICTIONS, seed=0, further={"nmad": NormalisedMad(title="NMAD")})
    covered = PREDICTIONS.covered
    error = {model: (values - PREDICTIONS.y)[covered] for model, values in PREDICTIONS.configured.items()}
    expected = {model: 1.482602 * np.median(np.abs(each - np.median(each))) for model, each in error.items()}
    assert results.scores["nmad"].to_dict() == pytest.approx(expected)
    metrics = results.metrics()
    assert metrics["test/nmad"] == pytest.approx(expected["soft"])
    assert metrics["reference/oracle_nmad"] == pytest.approx(expected["oracle"])
    assert set(metrics) - set(RESULTS.metrics()) == {
        "test/nmad",
        *(f"reference/{m}_nmad" for m in expected if m != "soft"),
    }


def test_uncovered_stars_only_change_the_score_of_all_stars() -> None:
    shift = np.where(PREDICTIONS.covered, 0, 3.0)
    moved = replace(PREDICTIONS, clipped={k: v + shift for k, v in PREDICTIONS.clipped.items()})
    before, after = RESULTS.metrics(), EVALUATION.evaluate(moved, seed=0).metrics()
    assert {name for name in before if before[name] != after[name]} == {"test/r2_all_stars"}


def test_the_classify_gate_has_no_difference_to_itself() -> None:
    results = EVALUATION.evaluate(make_predictions(900, gate="classify"), seed=0)
    metrics = results.metrics()
    assert results.delta is None
    assert not [name for name in metrics if "delta_r2" in name and "vs_global" not in name]
    assert metrics["reference/classify_r2"] == metrics["test/r2"]
    assert "delta_r2_vs_global" in set(results.intervals["quantity"])


def test_runs_of_different_gates_share_their_resamples() -> None:
    other = EVALUATION.evaluate(make_predictions(900, gate="classify"), seed=0)
    np.testing.assert_array_equal(
        other.pooled.delta("global_ridge", "classify").draws, RESULTS.pooled.delta("global_ridge", "classify").draws
    )
    assert EVALUATION.evaluate(PREDICTIONS, seed=0).metrics() == RESULTS.metrics()
    assert EVALUATION.evaluate(PREDICTIONS, seed=1).metrics() != RESULTS.metrics()


def test_an_empty_bin_and_a_bin_of_one_star_are_left_out_of_the_metrics() -> None:
    bin_index = PREDICTIONS.bin_index.copy()
    bin_index[bin_index == 2] = -1
    bin_index[np.flatnonzero(bin_index == 5)[1:]] = -1
    moved = replace(PREDICTIONS, stars=PREDICTIONS.stars.assign(bin_index=bin_index))
    results = EVALUATION.evaluate(moved, seed=0)
    assert results.bins.set_index("index").loc[[2, 5], "n_stars"].tolist() == [0, 1]
    metrics = results.metrics()
    assert not [name for name in metrics if name.startswith(("bin_r2/2", "bin_r2/5", "bin_delta_r2/2"))]
    assert np.isfinite(list(metrics.values())).all()


def test_too_few_covered_stars_are_refused() -> None:
    outside = replace(PREDICTIONS, stars=PREDICTIONS.stars.assign(bin_index=-1))
    with pytest.raises(InputError, match="0 of 900 test stars lie in a bin; scores need at least 2"):
        EVALUATION.evaluate(outside, seed=0)
    with pytest.raises(InputError, match="evaluation.n_worst_stars=0"):
        Evaluation(n_worst_stars=0).evaluate(PREDICTIONS, seed=0)


def test_worst_stars_are_named() -> None:
    soft = PREDICTIONS.clipped["soft"].copy()
    star, outside = np.flatnonzero(PREDICTIONS.covered)[17], np.flatnonzero(~PREDICTIONS.covered)[0]
    soft[star] += 20
    soft[outside] += 50
    results = EVALUATION.evaluate(replace(PREDICTIONS, clipped={**PREDICTIONS.clipped, "soft": soft}), seed=0)
    first = results.worst_stars.iloc[0]
    assert first["star_index"] == PREDICTIONS.stars["star_index"][star]
    assert first["residual"] == soft[star] - PREDICTIONS.y[star]
    assert first["error_share"] > 0.8
    assert results.metrics()["test/worst5_error_share"] == pytest.approx(results.worst_stars["error_share"].sum())


def test_a_better_gate_retains_more_of_the_oracles_gain() -> None:
    as_oracle = replace(PREDICTIONS, clipped={**PREDICTIONS.clipped, "soft": PREDICTIONS.clipped["oracle"]})
    assert EVALUATION.evaluate(as_oracle, seed=0).oracle_gain_fraction == 1
    assert RESULTS.oracle_gain_fraction < 1


def test_interval_table_has_a_row_for_every_interval() -> None:
    table = RESULTS.intervals
    assert len(table) == 10 * (5 + 2)
    pooled = table[(table["bin_index"] == -1) & (table["quantity"] == "delta_r2")].iloc[0]
    assert RESULTS.delta is not None
    assert (pooled["value"], pooled["low"], pooled["high"]) == RESULTS.delta.interval
