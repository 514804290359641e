from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from moe_exp.comparison import Comparison, RunRecord, compare
from moe_exp.errors import InputError
from moe_exp.figures import delta_r2_heat_map, r2_along, sweep_figures
from tests.comparison.made_up import make_record
from tests.figures.legible import assert_legible

GRID = [
    make_record(gate, n_train=n_train, noise_level=noise_level, models=["lightgbm"])
    for gate in ("mlp", "linear")
    for n_train in (32_000, 100_000)
    for noise_level in (0.1, 0.5)
]
COMPARED = compare(GRID, n_resamples=100)


def thrown_off(record: RunRecord) -> RunRecord:
    soft = record.predictions.unclipped["soft"].copy()
    soft[np.flatnonzero(record.predictions.covered)[0]] = -90
    predictions = replace(record.predictions, unclipped={**record.predictions.unclipped, "soft": soft})
    return replace(record, clip=False, predictions=predictions)


WILD = compare([thrown_off(GRID[0]), replace(GRID[1], clip=False)], n_resamples=100)
DESIGNS = compare(
    [
        make_record("a_gate_of_the_users_own", n_train=n_train, data_seed=data_seed, design={"training": training})
        for n_train in (1000, 32_000, 100_000)
        for data_seed in (0, 1)
        for training in ("published", "converged", "none at all")
    ],
    n_resamples=100,
)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("compared", [COMPARED, WILD, DESIGNS], ids=["grid", "wild", "designs"])
def test_every_figure_has_labelled_axes_and_text_inside_its_edges(compared: Comparison) -> None:
    for name, figure in sweep_figures(compared).items():
        assert_legible(figure, name)


def test_figures_are_those_that_the_runs_allow() -> None:
    by_factor = {f"delta_r2_per_bin_by_{factor}" for factor in ("gate", "n_train", "noise_level")}
    assert set(sweep_figures(COMPARED)) == {"r2_by_noise_level", "r2_by_n_train"} | by_factor
    assert set(sweep_figures(compare([GRID[0], GRID[4]], n_resamples=50))) == {"delta_r2_per_bin_by_gate"}
    assert not sweep_figures(compare(GRID[:1], n_resamples=50))  # one pair: one row


def test_lines_show_the_scores() -> None:
    figure = r2_along(COMPARED, "n_train")
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    scores = COMPARED.scores[(COMPARED.scores["noise_level"] == 0.1) & (COMPARED.scores["model"] == "mlp")]
    np.testing.assert_array_equal(lines["mlp"].get_ydata(), scores.sort_values("n_train")["r2"])
    assert "noise level 0.1" in texts(figure)
    assert "LightGBM" in texts(figure)


def test_a_value_off_the_axis_is_written() -> None:
    value = WILD.scores[(WILD.scores["model"] == "mlp")]["r2"].min()
    assert value < 0
    assert f"{value:.3g}".replace("-", "−") in texts(r2_along(WILD, "noise_level"))


def test_cells_show_the_differences_and_bold_ones_differ() -> None:
    figure = delta_r2_heat_map(COMPARED, "noise_level")
    cells = [text for text in figure.axes[0].texts if text.get_text()]
    pairs = COMPARED.pairs[COMPARED.pairs["factor"] == "noise_level"]
    bins = COMPARED.bin_pairs[COMPARED.bin_pairs["factor"] == "noise_level"]
    first = [pairs["delta_r2"].iloc[0], *bins["delta_r2"].iloc[:9]]
    marks = ["" if trusted else "?" for trusted in [pairs["trusted"].iloc[0], *bins["trusted"].iloc[:9]]]
    assert set(marks) == {"", "?"}
    numbers = [f"{value:+.4f}{mark}".replace("-", "−") for value, mark in zip(first, marks, strict=True)]
    assert [cell.get_text() for cell in cells[:10]] == numbers
    verdicts = [pairs["verdict"].iloc[0], *bins["verdict"].iloc[:9]]
    assert [cell.get_weight() == "bold" for cell in cells[:10]] == [word in ("higher", "lower") for word in verdicts]


def test_what_there_is_not_is_refused() -> None:
    single = compare(GRID[:1], n_resamples=50)
    with pytest.raises(InputError, match="noise_level: no model was scored at two values of it"):
        r2_along(single, "noise_level")
    with pytest.raises(InputError, match="along=seed: choose noise_level or n_train"):
        r2_along(single, "seed")
    with pytest.raises(InputError, match="factor=n_train: no two gates differ in it alone"):
        delta_r2_heat_map(single, "n_train")
