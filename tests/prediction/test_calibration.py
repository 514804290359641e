"""Calibration stars are predicted by gates that never saw them, and what is promised is measured on the test stars."""

from dataclasses import replace

import numpy as np
import pytest

from moe_exp.evaluation.coverage import Coverage
from moe_exp.experiment.pipeline import run
from moe_exp.figures import calibration, interval_widths
from moe_exp.model import mixture as mixtures
from moe_exp.model.mixture import N_FOLDS, cross_fit_weights, limit
from moe_exp.prediction.flags import Flag
from moe_exp.prediction.intervals import LEVELS
from moe_exp.prediction.mixture import Mixture
from moe_exp.progress import Stages
from moe_exp.runs.recording import noisier_metrics
from tests.figures.legible import assert_legible
from tests.prediction.small import SMALL


@pytest.fixture
def outcome(configure, many_stars):
    options = ("gate=classify", "data.n_val=300", "data.n_train=700", "bins.m_h_edges=[-1.9,-1.0,-0.2,0.4]")
    return run(configure(*SMALL, f"data.path={many_stars}", *options), Stages())


def test_weights_come_from_gates_that_never_saw_the_star(outcome, monkeypatch):
    mixture, stars = outcome.mixture, outcome.dataset.gate
    bin_index = mixture.bins.assign_stars(stars.labels)
    inputs = limit(_measure(mixture, stars), mixture.experts, clip=True)
    trained = []
    whole = mixtures.fit_gate

    def spy(gate, stars, bin_index, *arguments, **options):
        trained.append(bin_index.copy())
        assert not hasattr(gate, "n_experts_")
        return whole(gate, stars, bin_index, *arguments, **options)

    monkeypatch.setattr(mixtures, "fit_gate", spy)
    weights, fold = cross_fit_weights(mixture.gate, stars, bin_index, inputs, seed=0)
    assert len(trained) == N_FOLDS
    covered = bin_index >= 0
    assert 0 < covered.sum() < len(covered)
    for number, seen in enumerate(trained):
        assert (seen[fold == number] == -1).all()
        np.testing.assert_array_equal(seen[fold != number], bin_index[fold != number])
        gate = whole(mixture.gate, stars, seen, inputs, seed=0)
        own = covered & (fold == number)
        np.testing.assert_array_equal(weights[own], gate.predict_weights(inputs.features[own]))
    np.testing.assert_allclose(weights.sum(axis=1), 1)


def _measure(mixture, stars):
    flux = stars.noisy_flux(np.arange(len(stars)))
    return mixtures.measure_flux(flux, mixture.features, mixture.experts)


def test_a_run_says_how_its_intervals_and_flags_do_on_its_test_stars(outcome):
    coverage, predictions, test = outcome.coverage, outcome.predictions, outcome.dataset.test
    table = Mixture.of(outcome.model).predict(test.observe(np.arange(len(test))))
    covered = predictions["covered"].to_numpy()
    logg = predictions["logg"].to_numpy()
    inside = (table["log_g_low"] <= logg) & (logg <= table["log_g_high"])
    metrics = coverage.metrics()
    assert metrics["interval/coverage"] == pytest.approx(inside[covered].mean(), abs=0.01)
    assert metrics["interval/coverage_68"] == pytest.approx(
        (np.abs(table["log_g"] - logg) <= table["log_g_error"])[covered].mean(), abs=0.01
    )
    assert 0.85 < metrics["interval/coverage"] <= 1
    assert metrics["flag/share"] == pytest.approx((table["flag"] > 0).mean(), abs=0.01)
    assert list(coverage.table["group"][:2]) == ["all", "Cool Metal-poor"]
    assert {"interval_coverage/0_cool_metal_poor", "interval_coverage/snr_0", "flag_share/uncertain"} <= set(metrics)
    assert coverage.half_widths.shape == (len(test), len(LEVELS))


def test_intervals_are_tried_at_more_noise_than_they_were_calibrated_for(outcome):
    noisier, test = outcome.noisier_coverage, outcome.dataset.test
    flux, clear = test.observe(np.arange(50)), replace(test, noise_level=0.0).observe(np.arange(50))
    masked = np.zeros(50)
    model = outcome.model
    judged = model.judge(model.fitted.measure(clear + 1.5 * (flux - clear)), masked)
    np.testing.assert_allclose(noisier.error[:50], judged.evidence.predicted - test.labels["logg"][:50], atol=1e-4)
    assert noisier.noise.mean() > 1.2 * outcome.coverage.noise.mean()
    found = noisier_metrics(outcome)
    assert found["interval/coverage_noisier"] == noisier.metrics()["interval/coverage"]
    assert found["interval/mean_width_noisier"] > outcome.coverage.metrics()["interval/mean_width"]


def test_widths_are_those_of_covered_stars_at_each_content(outcome):
    coverage = outcome.coverage
    table = coverage.widths.set_index("content")
    row, errors = table.loc[0.95], np.abs(coverage.error[coverage.covered])
    assert row["coverage"] == coverage.metrics()["interval/coverage"]
    assert row["mean_width"] == pytest.approx(coverage.metrics()["interval/mean_width"])
    assert np.mean(errors <= row["constant_width"] / 2) == pytest.approx(row["coverage"], abs=0.01)
    assert table["mean_width"].is_monotonic_increasing
    figure = interval_widths(coverage, outcome.noisier_coverage, outcome.mixture.label)
    assert_legible(figure, "interval_widths")
    for line, each in zip(figure.axes[0].lines[1::2], (coverage, outcome.noisier_coverage), strict=False):
        np.testing.assert_array_equal(line.get_ydata(), each.widths["coverage"])


def test_the_figure_shows_every_group_of_stars(outcome):
    figure = calibration(outcome.coverage)
    left, right = figure.axes
    assert len(left.lines) == 2 + len(outcome.coverage.bin_names)
    shown = [text.get_text() for text in right.get_xticklabels()]
    assert shown[0] == "Cool Metal-poor"
    assert shown[-10::9] == ["S/N lowest tenth", "S/N highest tenth"]
    assert_legible(figure, "calibration")


def test_tenths_by_signal_to_noise_hold_equal_numbers_of_covered_stars_the_noisiest_first():
    rng = np.random.default_rng(0)
    noise, bins = rng.permutation(1000) / 100, np.where(np.arange(1000) < 200, -1, 0)
    wide = (noise < 5)[:, None] * np.full(len(LEVELS), 10.0)
    coverage = Coverage(
        error=np.ones(1000),
        half_widths=wide,
        flags=np.where(np.arange(1000) < 100, Flag.NOISE.value, 0),
        bin_index=bins,
        bin_names=("only",),
        noise=noise,
    )
    table = coverage.table.set_index("group")
    tenths = table.loc["S/N 1 of 10":]
    assert (tenths["n_stars"] == 80).all()
    assert list(tenths["coverage_95"].round()) == [0] * 5 + [1] * 5
    assert table.loc["all", "coverage_95"] == np.mean(noise[bins >= 0] < 5)
    assert coverage.metrics()["flag/rmse_ratio"] == pytest.approx(1)
    assert coverage.metrics()["flag_share/noise"] == 0.1
