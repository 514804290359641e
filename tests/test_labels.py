"""Another label than log g: what is predicted, what it is called, and what is refused."""

import re

import numpy as np
import pandas as pd
import pytest

from moe_exp.comparison import compare
from moe_exp.errors import InputError
from moe_exp.evaluation.predictions import Predictions
from moe_exp.experiment.checks import check
from moe_exp.experiment.config import flatten
from moe_exp.experiment.pipeline import Outcome, run
from moe_exp.experiment.side_by_side import make_record
from moe_exp.figures import all_figures
from moe_exp.prediction.layouts import as_rvtab
from moe_exp.prediction.mixture import Mixture
from moe_exp.progress import Stages
from moe_exp.report import ReportContext, make_document
from moe_exp.report.html import to_html
from moe_exp.report.markdown import to_markdown
from moe_exp.runs.model_card import write_card
from moe_exp.runs.recording import describe
from moe_exp.spectra.files import LABELS
from moe_exp.spectra.label import Label
from tests.conftest import write_stars
from tests.prediction.small import SMALL
from tests.report.made_up import MadeUpRun


@pytest.fixture(scope="module")
def stars(tmp_path_factory):
    """Give a file whose label table has columns of its own: a number, one with fill values, and a text."""
    path = write_stars(tmp_path_factory.mktemp("labels") / "stars.h5", 1200, random_order=True)
    table = pd.DataFrame(pd.read_hdf(path))
    colour = 3 - table["T_eff"] / 3000
    table = table.assign(colour=colour, gap=np.where(np.arange(1200) == 7, -9999.0, colour), name="star")
    table.to_hdf(path, key=LABELS, format="table", mode="a")
    return path


@pytest.fixture
def run_label(configure, stars):
    def run_with(label, *overrides):
        return run(configure(*SMALL, f"data.path={stars}", f"data.label={label}", *overrides), Stages())

    return run_with


def told(outcomes: list[Outcome]) -> str:
    """Return all that is said of some runs: report, descriptions, cards, and what figures have for text."""
    records = [make_record(outcome) for outcome in outcomes]
    runs = [
        MadeUpRun(record.run_id, record.name, flatten(outcome.experiment.values, outcome.experiment.choices))
        for record, outcome in zip(records, outcomes, strict=True)
    ]
    comparison = compare(records, n_resamples=50)
    document = make_document(comparison, ReportContext(runs=runs, records=records))
    texts = [to_html(document), to_markdown(document)]
    for outcome in outcomes:
        texts += [describe(outcome), write_card(outcome, run_id="1", name="mixture")]
        texts += Mixture.of(outcome.model).columns
        figures = all_figures(outcome.results, outcome.mixture.gate.curve_)
        axes = [each for figure in figures.values() for each in figure.axes]
        texts += [each.get_xlabel() + each.get_ylabel() + each.get_title() for each in axes]
    return re.sub(r"base64,[^\"]+", "", "\n".join(texts))


def test_a_report_on_metallicity_never_says_log_g(run_label, tmp_path):
    outcomes = [run_label("M_H", f"gate={gate}") for gate in ("linear", "classify")]
    text = told(outcomes)
    assert not re.search(r"log[ _]?g\b(?!ing)", text.replace("data.simulator.logg", ""), re.IGNORECASE)
    for said in ("Metallicity ([M/H]) is regressed", "R² of [M/H]", "M_H_error", "[M/H] from spectra", "RMSE [dex]"):
        assert said in text.replace("\\", ""), said
    predictions = outcomes[0].results.predictions
    labels = outcomes[0].dataset.test.labels
    np.testing.assert_array_equal(predictions.y, labels["m_h"])
    assert outcomes[0].results.metrics()["test/r2"] > 0.5
    train = outcomes[0].dataset.train.labels["m_h"]
    assert outcomes[0].mixture.experts.label_range == (train.min(), train.max())
    digest = predictions.write(tmp_path / "predictions.parquet")
    np.testing.assert_array_equal(Predictions.read(tmp_path / "predictions.parquet", digest).y, predictions.y)
    Mixture.of(outcomes[0].model).save(tmp_path / "model")
    again = Mixture.load(tmp_path / "model").predict(outcomes[0].dataset.test.observe(np.arange(4)))
    covered = predictions.covered[:4]
    np.testing.assert_allclose(again["M_H"][covered], predictions.configured["soft"][:4][covered], atol=1e-5)


def test_a_temperature_has_kelvin(run_label):
    outcome = run_label("T_eff", "gate=linear")
    assert outcome.results.metrics()["test/r2"] > 0.9
    axes = all_figures(outcome.results, outcome.mixture.gate.curve_, loss=outcome.mixture.gate.loss_label)
    assert axes["r2_of_models"].axes[0].get_xlabel() == "R² of Teff (dimensionless)"
    assert "RMSE [K]" in write_card(outcome, run_id="1", name="mixture").replace("\\", "")


def test_any_own_column_of_numbers_can_be_predicted(run_label, configure, stars):
    outcome = run_label("colour", "gate=linear")
    assert outcome.results.metrics()["test/r2"] > 0.9
    assert outcome.results.predictions.label.in_unit("RMSE") == "RMSE"
    before = outcome.dataset.test.digest
    data = configure(*SMALL, f"data.path={stars}", "data.label=T_eff").data
    assert data.open(outcome.experiment.cache_dir, Stages()).test.digest != before


def test_runs_of_different_labels_are_not_compared(run_label):
    records = [make_record(run_label(label, "gate=linear")) for label in ("M_H", "T_eff")]
    with pytest.raises(InputError, match="the labels that are predicted differ: data.label="):
        compare(records, n_resamples=50)


@pytest.mark.parametrize("label", ["name", "Fe_H"])
def test_a_label_that_is_no_column_of_numbers_is_refused_before_work(configure, stars, label):
    with pytest.raises(InputError, match=f"data.label={label}: the label table has no such column.*T_eff, log_g, M_H"):
        check(configure(*SMALL, f"data.path={stars}", f"data.label={label}"))
    with pytest.raises(InputError, match=f"data.label={label}: .* it has log_g, T_eff, M_H, a_M, C_M, mag"):
        check(configure("experiment=smoke", f"data.label={label}"))


def test_fill_values_of_a_label_are_counted_and_refused(run_label):
    with pytest.raises(InputError, match=r"gap is no measurement in 1 of 1200 stars \(first: row 7 with -9999\)"):
        run_label("gap")


def test_columns_of_fits_follow_the_label():
    table = pd.DataFrame(columns=["T_eff", "T_eff_error", "flag"])
    assert list(as_rvtab(table, Label("T_eff"))) == ["TEFF", "TEFF_ERR", "TEFF_WARN"]
