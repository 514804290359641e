"""Scores on stars of another library, held against arithmetic."""

import numpy as np
import pandas as pd
import pytest

from moe_exp.evaluation.bootstrap import bootstrap_r2
from moe_exp.evaluation.external import evaluate_external
from moe_exp.evaluation.predictions import MODELS, Predictions
from moe_exp.evaluation.results import Evaluation
from moe_exp.evaluation.scores import scatter, slope
from tests.evaluation.synthetic import make_coverage

RANGES = {"teff": (4000.0, 6000.0), "logg": (1.0, 5.0), "m_h": (-2.0, 0.5)}


@pytest.fixture
def make():
    def make_results(n_stars=400, *, seed=0, predict=lambda logg, rng: logg + 0.3, n_visits=1, **options):
        rng = np.random.default_rng(seed)
        logg = rng.uniform(0.5, 5.2, n_stars)
        stars = pd.DataFrame(
            {
                "star_index": np.arange(n_stars),
                "star_id": np.arange(n_stars) // n_visits,
                "teff": rng.uniform(3800, 6500, n_stars),
                "logg": logg,
                "m_h": rng.uniform(-2.2, 0.6, n_stars),
                "bin_index": rng.integers(-1, 2, n_stars),
            }
        )
        models = {model: predict(logg, rng) for model in MODELS}
        weights = np.full((n_stars, 2), 0.5)
        predictions = Predictions(
            stars=stars,
            bin_names=("a", "b"),
            gate="mlp",
            clip=True,
            clipped=models,
            unclipped=models,
            gate_weights=weights,
            classify_weights=weights,
        )
        settings = Evaluation(n_resamples=200)
        coverage = make_coverage(predictions)
        return evaluate_external(predictions, coverage, RANGES, settings, title="Stars", seed=0, **options)

    return make_results


def scores_of(results, group, model="soft"):
    table = results.scores
    return table[(table["group"] == group) & (table["model"] == model)].iloc[0]


def test_groups_part_the_stars_and_only_those_within_the_range_are_scored_together(make):
    results = make()
    stars = results.predictions.stars
    within = stars["bin_index"] >= 0
    for name, (low, high) in RANGES.items():
        within &= (stars[name] >= low) & (stars[name] <= high)
    np.testing.assert_array_equal(results.within, within)
    n_stars = {group: scores_of(results, group)["n_stars"] for group in ("all", "giants", "dwarfs", "outside")}
    assert n_stars["all"] + n_stars["outside"] == 400
    assert n_stars["giants"] + n_stars["dwarfs"] == n_stars["all"] == within.sum()
    assert n_stars["giants"] == (within & (stars["logg"] < 3.5)).sum()
    assert results.metrics()["outside_n_stars"] == n_stars["outside"]


def test_a_constant_error_is_bias_and_no_scatter(make):
    row = scores_of(make(predict=lambda logg, rng: logg + 0.3), "all")
    assert (row["bias"], row["rmse"], row["slope"]) == pytest.approx((0.3, 0.3, 1.0))
    assert row["scatter"] == pytest.approx(0, abs=1e-12)


def test_bias_and_scatter_add_up_to_the_error(make):
    row = scores_of(make(predict=lambda logg, rng: 0.5 * logg + rng.normal(1, 0.4, len(logg))), "all")
    assert row["bias"] ** 2 + row["scatter"] ** 2 == pytest.approx(row["rmse"] ** 2)
    assert row["slope"] == pytest.approx(0.5, abs=0.1)
    assert row["r2_ci_low"] < row["r2"] < row["r2_ci_high"]


def test_visits_of_a_star_are_drawn_together_and_count_once(make):
    scattered = {"predict": lambda logg, rng: logg + rng.normal(0, 0.4, len(logg))}
    results = make(n_visits=4, other_logg=np.full(400, 3.0), **scattered)
    row, members = scores_of(results, "all"), results.within
    star = results.predictions.star[members]
    soft = results.predictions.configured["soft"][members]
    drawn = bootstrap_r2(
        results.predictions.y[members],
        {"soft": soft},
        star=star,
        n_resamples=200,
        seed=0,
        stage="bootstrap external all",
    )
    assert (row["r2"], row["r2_ci_low"], row["r2_ci_high"]) == drawn.r2("soft")
    assert (row["r2_ci_low"], row["r2_ci_high"]) != tuple(
        scores_of(make(**scattered), "all")[["r2_ci_low", "r2_ci_high"]]
    )
    assert row["n_stars"] == results.metrics()["in_both_n_stars"] == len(set(star)) < members.sum()


def test_slope_is_that_of_the_fitted_line():
    rng = np.random.default_rng(1)
    y, predicted = rng.normal(size=(2, 50))
    assert slope(y, predicted) == pytest.approx(np.polyfit(y, predicted, 1)[0])
    assert np.isnan(slope(np.ones(5), np.arange(5.0)))
    assert np.isnan(scatter(np.empty(0), np.empty(0)))


def test_perfect_predictions_reach_the_ceiling_of_catalogues_that_err_alike(make):
    truth = np.random.default_rng(0).uniform(0.5, 5.2, 40_000)
    error, other_error = 0.3 * np.random.default_rng(9).standard_normal((2, 40_000))
    results = make(40_000, predict=lambda logg, rng: logg - error, other_logg=truth - error + other_error)
    np.testing.assert_allclose(results.predictions.y, truth)
    assert results.disagreement == pytest.approx(0.3 * np.sqrt(2), rel=0.02)
    assert scores_of(results, "all")["r2"] == pytest.approx(results.r2_ceiling, abs=0.002)


def test_without_a_second_catalogue_there_is_no_ceiling(make):
    metrics = make().metrics()
    assert "r2_ceiling" not in metrics
    assert metrics["in_both_n_stars"] == 0
    only_one = np.r_[3.0, np.full(399, np.nan)]
    assert "r2_ceiling" not in make(other_logg=only_one).metrics()


def test_no_star_within_the_range_leaves_no_score_but_a_count(make):
    results = make(30, predict=lambda logg, rng: logg)
    assert results.metrics().keys() >= {"r2", "giants_bias", "dwarfs_scatter", "outside_rmse", "oracle_r2"}
    none = make(1, seed=3)
    assert none.metrics()["n_stars"] == none.within.sum()


def test_the_table_of_stars_says_which_lie_outside(make):
    frame = make(other_logg=np.full(400, 3.0)).to_frame()
    np.testing.assert_allclose(frame["residual"], 0.3)
    assert set(MODELS) | {"within", "other_logg", "teff", "logg", "m_h"} <= set(frame)


def test_intervals_are_held_against_the_labels_of_stars_within_the_range_and_of_those_without_a_flag(make):
    results = make(predict=lambda logg, rng: logg + rng.normal(0, 0.5, len(logg)))
    error = np.abs(results.predictions.configured["soft"] - results.predictions.y)
    flagged = np.arange(400) % 4 == 0
    found, within = results.metrics(), results.within
    assert found["coverage"] == np.mean(error[within] <= 1)
    assert found["coverage_68"] == np.mean(error[within] <= 0.5)
    assert found["unflagged_coverage"] == np.mean(error[within & ~flagged] <= 1)
    assert found["flagged_share"] == np.mean(flagged[within])
    assert {"logg_sigma", "half_width_95", "flag"} <= set(results.to_frame())
