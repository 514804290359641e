"""Parts as users write them: the examples and the built-in ones keep the contracts, and share no result by mistake."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from examples.own_parts import (
    BrightStars,
    CorrelatedNoise,
    DeepGate,
    KernelRidgeExperts,
    MetallicityBins,
    MomentFeatures,
    Neighbours,
    OutlierShare,
    Patient,
    SortedErrors,
    UnitMedian,
)
from moe_exp.errors import InputError
from moe_exp.evaluation.metrics import NormalisedMad
from moe_exp.evaluation.results import Evaluation
from moe_exp.experiment.checks import check
from moe_exp.experiment.pipeline import run
from moe_exp.figures.error_distribution import ErrorDistribution
from moe_exp.model.baselines import LightGbm
from moe_exp.model.bins import LabelGrid, QuantileBins
from moe_exp.model.experts import RidgeExperts
from moe_exp.model.features import GateFeatures
from moe_exp.model.gates import Training
from moe_exp.prediction.mixture import Mixture
from moe_exp.progress import Stages
from moe_exp.runs.job import run_job
from moe_exp.spectra.dataset import Dataset
from moe_exp.spectra.noise import GaussianNoise
from moe_exp.spectra.preprocessing import NoPreprocessing
from moe_exp.spectra.sources import Hdf5Data
from moe_exp.tracking import find_runs
from tests import contracts
from tests.conftest import PROJECT_ROOT
from tests.evaluation.synthetic import make_predictions
from tests.model.test_gates import SHORT, check_gate
from tests.prediction.small import SMALL

EXAMPLES = (f"hydra.searchpath=[file://{PROJECT_ROOT}/examples/conf]", "trusted_modules=[examples]")
"""What ``--config-dir=examples/conf`` does, and that the user knows what it runs."""

CHOICES = (
    ("data=hdf5",),
    ("data=hdf5", "noise=correlated"),
    ("data=hdf5", "preprocessing=unit_median"),
    ("data=hdf5", "bins=metallicity"),
    ("data=hdf5", "features=moments"),
    ("data=hdf5", "experts=kernel_ridge"),
    ("data=hdf5", "baseline=neighbours"),
)
"""The built-in parts, and each own one among them; the last changes nothing for the gate."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Dataset:
    return contracts.open_stars(tmp_path_factory.mktemp("contracts"))


@pytest.mark.parametrize("noise", [GaussianNoise(), CorrelatedNoise()])
def test_noise_keeps_its_contract(noise):
    contracts.check_noise(noise)


@pytest.mark.parametrize("preprocessing", [NoPreprocessing(), UnitMedian()])
def test_preprocessing_keeps_its_contract(dataset, preprocessing):
    contracts.check_preprocessing(preprocessing, dataset.wavelength, dataset.train.noisy_flux(np.arange(20)))


@pytest.mark.parametrize("bins", [LabelGrid(), QuantileBins(), MetallicityBins()])
def test_bins_keep_their_contract(bins):
    contracts.check_bins(bins)


@pytest.mark.parametrize("features", [GateFeatures(), MomentFeatures()])
def test_features_keep_their_contract(dataset, features):
    contracts.check_features(features, dataset)


@pytest.mark.parametrize("experts", [RidgeExperts(n_alphas=3), KernelRidgeExperts()])
def test_experts_keep_their_contract(dataset, experts):
    contracts.check_experts(experts, dataset.train)


@pytest.mark.parametrize("baseline", [LightGbm(n_trees=3), Neighbours()])
def test_baselines_keep_their_contract(dataset, baseline):
    contracts.check_baseline(baseline, dataset)


def test_the_example_of_a_gate_keeps_its_contract():
    check_gate(DeepGate(training=SHORT))


@pytest.mark.parametrize("training", [Training(max_epochs=20), Patient(max_epochs=20)])
def test_recipes_keep_their_contract(training):
    contracts.check_training(training)


@pytest.mark.parametrize("metric", [NormalisedMad(title="NMAD"), OutlierShare(title="outliers")])
def test_metrics_keep_their_contract(metric):
    contracts.check_metric(metric)


@pytest.mark.parametrize("figure", [ErrorDistribution(), SortedErrors()])
def test_figures_keep_their_contract(figure):
    contracts.check_figure(figure, Evaluation(n_resamples=20).evaluate(make_predictions(200), seed=0))


@pytest.mark.parametrize("source", [Hdf5Data, BrightStars])
def test_data_keeps_its_contract(many_stars, tmp_path, source):
    contracts.check_data(source(path=str(many_stars), n_train=300, n_val=50, n_test=50), tmp_path)


def test_no_part_of_ones_own_gets_or_leaves_a_result_of_another(configure, many_stars, tmp_path):
    """Each on a cache that all others used before it, in one order and in the other."""
    small = (*(text for text in SMALL if text != "data=hdf5"), "data.n_train=400", f"data.path={many_stars}", *EXAMPLES)
    experiments = [configure(*small, *typed) for typed in CHOICES]

    def score(cache, experiment):
        return run(replace(experiment, cache_dir=tmp_path / cache), Stages()).results.scores

    forth = [score("forth", each) for each in experiments]
    back = [score("back", each) for each in reversed(experiments)][::-1]
    for one, other in zip(forth, back, strict=True):
        pd.testing.assert_frame_equal(one, other)
    r2 = [scores.loc["soft", "r2"] for scores in forth]
    assert len(set(r2)) == len(r2) - 1
    assert r2[-1] == r2[0]
    assert "neighbours" in forth[-1].index


def test_a_run_of_ones_own_parts_is_logged_told_and_kept(configure, tracking, many_stars, tmp_path):
    own = ("data=bright", "experts=kernel_ridge", "bins=metallicity", "features=moments", "gate=deep")
    own += ("training=patient", "preprocessing=unit_median")
    also = ("tracking.figure_formats=[png]", "metric=[outliers,nmad]", "figure=[sorted_errors]")
    small = [text for text in SMALL if text not in ("data=hdf5", "features=pca")]
    experiment = configure(*small, *EXAMPLES, *own, *also, f"data.path={many_stars}")
    run_job(experiment, PROJECT_ROOT)
    [logged] = find_runs(tracking)
    assert {"test/outliers", "test/nmad", "reference/classify_outliers"} <= set(logged.metrics)
    assert logged.tags["metric.outliers"] == "off by more than 0.5 dex"
    [figure] = (tmp_path / "mlruns").rglob("sorted_errors+*.png")
    scores = pd.read_csv(figure.parents[1] / "tables" / "scores.csv", index_col="model")
    assert scores.loc["soft", "outliers"] == logged.metrics["test/outliers"]
    outcome = run(experiment, Stages())
    error = np.abs(outcome.results.predictions.configured["soft"] - outcome.results.predictions.y)
    assert logged.metrics["test/outliers"] == np.mean(error > 0.5)
    Mixture.of(outcome.model).save(tmp_path / "model")
    flux = outcome.dataset.test.observe(np.arange(5))
    again = Mixture.load(tmp_path / "model").predict(flux)
    pd.testing.assert_frame_equal(again, Mixture.of(outcome.model).predict(flux))


def test_runs_whose_noise_was_drawn_otherwise_are_refused(dataset):
    noisy = [dataset.observed(noise, NoPreprocessing()).test for noise in (GaussianNoise(), CorrelatedNoise())]
    assert noisy[0].noise_draw != noisy[1].noise_draw == replace(noisy[1], noise_level=1.0).noise_draw


def test_a_metric_does_not_take_the_name_of_one_that_every_run_has(configure):
    metric = "+metrics={rmse: {_target_: moe_exp.evaluation.metrics.NormalisedMad, title: x}}"
    with pytest.raises(InputError, match="metrics.rmse: every run has a metric of this name"):
        check(configure("experiment=smoke", metric))
