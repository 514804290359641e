from dataclasses import replace
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from moe_exp.evaluation.external import evaluate_external
from moe_exp.evaluation.results import Evaluation, Results
from moe_exp.figures import (
    GATE_COLOURS,
    add_line,
    all_figures,
    delta_r2_per_bin,
    gate_colour,
    logg_against_catalogue,
    predicted_against_true,
    r2_of_models,
    say_setting,
    training_curve,
)
from moe_exp.figures.reliability import reliability
from moe_exp.figures.residuals import running_percentiles
from moe_exp.figures.style import DPI
from tests.evaluation.synthetic import make_coverage, make_predictions
from tests.figures.legible import assert_legible

CURVE = pd.DataFrame({"epoch": [1, 2, 3], "train_loss": [0.5, 0.2, 0.1], "holdout_loss": [0.5, 0.3, 0.35]})


def evaluate(gate: str = "mlp") -> Results:
    return Evaluation(n_resamples=200).evaluate(make_predictions(900, gate=gate), seed=0)


RESULTS = evaluate()


def evaluate_wild() -> Results:
    """A gate that is thrown off by one star of one bin, and an empty bin, under a name nobody knows."""
    predictions = make_predictions(300, gate="a_gate_of_the_users_own")
    soft = predictions.clipped["soft"].copy()
    soft[np.flatnonzero(predictions.bin_index == 4)[0]] = -200
    bin_index = np.where(predictions.bin_index == 2, -1, predictions.bin_index)
    wild = replace(
        predictions,
        clipped={**predictions.clipped, "soft": soft},
        stars=predictions.stars.assign(bin_index=bin_index),
    )
    return Evaluation(n_resamples=200).evaluate(wild, seed=0)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("results", [RESULTS, evaluate("classify"), evaluate_wild()], ids=lambda results: results.gate)
def test_every_figure_has_labelled_axes_and_text_inside_its_edges(results: Results) -> None:
    figures = all_figures(results, CURVE, published={"mlp": 0.94, "linear": 0.935}, loss="Mean squared error [dex²]")
    assert len(figures) == 7
    for name, figure in figures.items():
        assert_legible(figure, name)


def test_pixels_suffice_for_print() -> None:
    figure = r2_of_models(RESULTS)
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    width = int.from_bytes(buffer.getvalue()[16:20], "big")
    assert width == round(3.5 * DPI) == 1050


def test_the_same_results_give_the_same_pixels() -> None:
    pictures = []
    for _ in range(2):
        buffer = BytesIO()
        delta_r2_per_bin(RESULTS).savefig(buffer, format="png")
        pictures.append(buffer.getvalue())
    assert pictures[0] == pictures[1]


def row_names(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_yticklabels()]


def test_numbers_of_stars_are_shown() -> None:
    shown = texts(delta_r2_per_bin(RESULTS))
    for name, bootstrap in zip(RESULTS.predictions.bin_names, RESULTS.per_bin, strict=True):
        assert f"{name} ({bootstrap.n_stars:,})" in shown
    for name, figure in all_figures(RESULTS).items():
        assert f"{RESULTS.n_stars} covered test stars" in figure.get_suptitle(), name


def test_published_values_are_labelled_and_take_a_row_of_their_own() -> None:
    assert "published" not in texts(r2_of_models(RESULTS))
    figure = r2_of_models(RESULTS, published={"mlp": 0.94, "lightgbm": 0.913})
    assert texts(figure).count("published") == 1
    assert row_names(figure) == ["mlp", "hard routing", "oracle (true bin)", "classify", "global Ridge", "LightGBM"]


def test_differences_are_against_classify_unless_that_is_the_gate() -> None:
    assert "mlp − classify" in delta_r2_per_bin(RESULTS).axes[0].get_xlabel()
    assert "classify − global Ridge" in delta_r2_per_bin(evaluate("classify")).axes[0].get_xlabel()


def test_a_line_below_the_title_makes_a_figure_stand_alone() -> None:
    setting = say_setting("mine", n_train=[32_000, 100_000], noise_level=[0.2], clip=[True])
    assert setting == "mine, 32,000 and 100,000 training stars, noise level 0.2, clipped"
    for name, figure in all_figures(RESULTS, CURVE).items():
        add_line(figure, setting)
        assert_legible(figure, name)
        assert figure.get_suptitle().replace("\n", " ").endswith(setting), name


def test_residuals_are_drawn_with_their_running_scatter_and_wild_ones_at_the_edge() -> None:
    x = np.arange(400.0)
    residual = np.random.default_rng(0).standard_normal(400) * np.where(x < 200, 0.1, 1.0)
    centres, (low, median, high) = running_percentiles(x[::-1], residual[::-1])
    assert len(centres) == 10
    np.testing.assert_allclose(centres, np.arange(19.5, 400, 40))
    np.testing.assert_allclose([low[0], median[0], high[0]], np.percentile(residual[:40], [16, 50, 84]))
    assert (high - low)[:5].max() < (high - low)[5:].min()
    stars = RESULTS.predictions.stars.assign(snr=7.0 + np.arange(len(RESULTS.predictions)) % 5)
    figure = predicted_against_true(replace(RESULTS, predictions=replace(RESULTS.predictions, stars=stars)))
    assert [axes.get_xlabel() for axes in figure.axes] == [
        "True log g (dex)", "True log g (dex)", "Teff (K)", "[M/H] (dex)", "S/N in a pixel",
    ]  # fmt: skip
    drawn = [len(line.get_xdata()) for line in figure.axes[1].lines[:3]]
    assert sum(drawn) == RESULTS.n_stars
    assert drawn[1] == drawn[2] == pytest.approx(RESULTS.n_stars * 0.002, abs=1.5)


def test_weights_that_are_probabilities_lie_on_the_diagonal() -> None:
    rng = np.random.default_rng(0)
    weights = rng.dirichlet([1.0, 1.0, 1.0], 20_000)
    bin_index = (rng.random((20_000, 1)) > weights.cumsum(axis=1)).sum(axis=1)
    mean, share, error = reliability(weights, bin_index)
    assert np.all(np.abs(share - mean) < 4 * error)
    sharp = np.eye(3)[bin_index] * 0.7 + 0.1
    np.testing.assert_allclose(reliability(sharp, bin_index)[:2], [[0.1, 0.8], [0.0, 1.0]])


def test_what_is_not_to_be_trusted_is_an_open_circle() -> None:
    axes = delta_r2_per_bin(RESULTS).axes[0]
    trusted = [RESULTS.pooled.delta("soft", "classify"), *(b.delta("soft", "classify") for b in RESULTS.per_bin)]
    circles = [line for line in axes.lines if line.get_marker() == "o"]
    filled = [line.get_markerfacecolor() != "white" for line in circles]
    assert filled == [delta.carriers.trusted for delta in trusted]
    assert True in filled
    assert False in filled
    assert axes.get_xlabel().endswith("open: not to be trusted")


def test_a_wild_bin_does_not_hide_the_others() -> None:
    left, right = delta_r2_per_bin(evaluate_wild()).axes[0].get_xlim()
    assert right - left < 20


def test_a_gate_has_one_colour() -> None:
    assert len(set(GATE_COLOURS.values())) == 4
    assert gate_colour("mlp") == GATE_COLOURS["mlp"]
    assert gate_colour("unheard of") == gate_colour("unheard of") not in GATE_COLOURS.values()
    drawn = {to_rgb(line.get_color()) for line in r2_of_models(RESULTS).axes[0].lines}
    assert {to_rgb(GATE_COLOURS["mlp"]), to_rgb(GATE_COLOURS["classify"])} <= drawn


def test_training_curve_marks_the_best_epoch() -> None:
    assert "best, epoch 2" in texts(training_curve(CURVE, gate="mlp"))
    assert "training_curve" not in all_figures(RESULTS, CURVE.iloc[:0])


def test_external_stars_beyond_the_axes_are_drawn_at_their_edge_and_all_are_counted() -> None:
    predictions = make_predictions(60)
    soft = predictions.clipped["soft"].copy()
    soft[:3] = 40.0
    wild = replace(predictions, clipped={**predictions.clipped, "soft": soft})
    ranges = {"teff": (3000.0, 7000.0), "logg": (0.0, 6.0), "m_h": (-3.0, 1.0)}
    other = predictions.y + np.where(np.arange(60) % 2, 0.2, -0.2)
    external = evaluate_external(
        wild,
        make_coverage(wild),
        ranges,
        Evaluation(n_resamples=50),
        title="Mine",
        seed=0,
        logg_error=np.full(60, 0.1),
        other_logg=other,
    )
    figure = logg_against_catalogue(external)
    assert_legible(figure, "logg_against_catalogue")
    n_within = external.within.sum()
    assert {f"within training range ({n_within})", f"outside ({60 - n_within})"} <= set(texts(figure))
    assert f"error of a catalogue, {external.disagreement / np.sqrt(2):.2f} dex" in texts(figure)
    (axes,) = figure.axes
    drawn = {marker: [line for line in axes.lines if line.get_marker() == marker] for marker in ("o", "^")}
    assert sum(len(np.atleast_1d(line.get_xdata())) for line in drawn["o"]) == 57
    assert sum(len(np.atleast_1d(line.get_xdata())) for line in drawn["^"]) == 3
    assert all((np.asarray(line.get_ydata()) == axes.get_ylim()[1]).all() for line in drawn["^"])
