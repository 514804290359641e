"""That each stage of a run gets what belongs to it: every stage is made again by hand, outside the pipeline."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from moe_exp.experiment.pipeline import run
from moe_exp.progress import Stages

SMALL = (
    "data=hdf5",
    "data.n_train=800",
    "data.n_val=190",
    "data.n_test=200",
    "data.noise_level=1.0",
    "features=pca",
    "bins.m_h_edges=[-1.9,-1.0,-0.2,0.4]",
    "training.max_epochs=20",
    "training.learning_rate=0.003",
    "evaluation.n_resamples=50",
    "seed=3",
)
"""Noise that makes clipping matter, stars outside every bin, splits of different sizes, a recipe and a seed apart."""


@pytest.fixture
def run_small(configure, many_stars):
    def run_with(*overrides):
        experiment = configure(*SMALL, f"data.path={many_stars}", *overrides)
        return experiment, run(experiment, Stages())

    return run_with


def noisy_flux(stars):
    return stars.noisy_flux(np.arange(len(stars)))


def logg_of(stars):
    return stars.labels["logg"].to_numpy(float)


def test_experts_are_fitted_to_the_training_stars_with_the_seed_of_the_run(run_small):
    experiment, outcome = run_small()
    train, bins = outcome.dataset.train, outcome.mixture.bins

    def fit(seed):
        return experiment.experts.fit(
            train,
            bins.assign_stars(train.labels),
            bins.names_,
            n_components=8,
            seed=seed,
            device="cpu",
            advance=lambda n: None,
        ).describe()

    pd.testing.assert_frame_equal(outcome.mixture.experts.describe(), fit(3))
    assert (fit(3)["cv_r2"] != fit(4)["cv_r2"]).all()


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("gate", ["mlp", "classify"])
def test_the_gate_is_trained_on_its_own_covered_stars_with_the_seed_of_the_run(run_small, gate, clip):
    experiment, outcome = run_small(f"gate={gate}", f"experts.clip={clip}")
    stars, mixture = outcome.dataset.gate, outcome.mixture
    flux, logg = noisy_flux(stars), logg_of(outcome.dataset.train)
    predictions = mixture.experts.predict(flux).experts
    if clip:
        predictions = np.clip(predictions, logg.min(), logg.max())
    bin_index = mixture.bins.assign_stars(stars.labels)
    covered = bin_index >= 0
    assert 0 < covered.sum() < len(stars)
    by_hand = replace(experiment.gate, training=experiment.training).fit(
        mixture.features.transform(flux)[covered],
        logg_of(stars)[covered],
        expert_predictions=predictions[covered],
        bin_index=bin_index[covered],
        seed=3,
    )
    weights = by_hand.predict_weights(mixture.features.transform(noisy_flux(outcome.dataset.test)))
    np.testing.assert_allclose(outcome.results.predictions.gate_weights, weights, rtol=1e-9, atol=1e-12)


def test_every_model_is_clipped_to_the_labels_of_the_training_stars(run_small):
    _, outcome = run_small("baseline=lightgbm", "baseline.n_trees=5", "baseline.learning_rate=1.0")
    train, test = logg_of(outcome.dataset.train), logg_of(outcome.dataset.test)
    assert train.min() < test.min() < test.max() < train.max()
    predictions = outcome.results.predictions
    for name in ("global_ridge", "lightgbm"):
        limited = np.clip(predictions.unclipped[name], train.min(), train.max())
        np.testing.assert_array_equal(predictions.clipped[name], limited)
    assert (predictions.clipped["global_ridge"] != predictions.unclipped["global_ridge"]).any()
    covered = predictions.covered
    mixed = np.sum(
        predictions.gate_weights
        * np.clip(outcome.mixture.experts.predict(noisy_flux(outcome.dataset.test)).experts, train.min(), train.max()),
        axis=1,
    )
    np.testing.assert_allclose(predictions.clipped["soft"][covered], mixed[covered], rtol=1e-9)


def test_the_baseline_learns_from_the_training_stars_and_predicts_the_test_stars(run_small):
    experiment, outcome = run_small("baseline=lightgbm", "baseline.n_trees=5")
    dataset = outcome.dataset
    predict = experiment.baseline.fit(dataset.train, seed=3, advance=lambda n: None)
    by_hand = predict(noisy_flux(dataset.test))
    np.testing.assert_array_equal(outcome.results.predictions.unclipped["lightgbm"], by_hand)


def test_predictions_stand_beside_the_stars_that_they_are_of(run_small):
    _, outcome = run_small()
    test, predictions = outcome.dataset.test, outcome.results.predictions
    np.testing.assert_array_equal(predictions.y, logg_of(test))
    np.testing.assert_array_equal(predictions.stars["star_index"], test.rows)
    np.testing.assert_array_equal(predictions.stars["bin_index"], outcome.mixture.bins.assign_stars(test.labels))
    global_ridge = outcome.mixture.experts.predict(noisy_flux(test)).global_ridge
    np.testing.assert_allclose(predictions.unclipped["global_ridge"], global_ridge, rtol=1e-12)
