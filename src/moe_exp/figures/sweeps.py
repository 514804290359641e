"""Runs side by side: R² against noise level and against train size."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moe_exp.codes import Code
from moe_exp.comparison import Comparison
from moe_exp.errors import InputError
from moe_exp.figures.heat_maps import delta_r2_heat_map, title_of
from moe_exp.figures.style import (
    PAGE_WIDTH,
    display_name,
    finish,
    minus,
    model_colour,
    new_figure,
    set_title,
)

PANEL_HEIGHT = 2.9
"""Height of a row of panels, inches."""

PANELS_A_ROW = 3

DODGE = 0.009
"""Sideways distance between models at one position, as a share of the axis."""

LEGEND_WIDTH = 1.15
"""Room for one name in a legend, inches."""

LONGEST_TAIL = 0.5
"""Intervals are cut this far below the lowest value, as a share of the range of values."""

AXES = {"noise_level": "Noise level (multiples of the error)", "n_train": "Training stars"}
"""What a sweep can go along, with its label."""


def sweep_figures(comparison: Comparison) -> dict[str, Figure]:
    """Draw every figure that the comparison has the runs for, by file name without suffix.

    A single pair has no heat map: its row of colours would say less than the table of its bins.
    """
    scores = comparison.scores
    figures = {f"r2_by_{along}": r2_along(comparison, along) for along in AXES if scores[along].nunique() > 1}
    counts = comparison.pairs["factor"].value_counts(sort=False)
    for factor in counts.index[counts > 1]:
        figures[f"delta_r2_per_bin_by_{factor}"] = delta_r2_heat_map(comparison, factor)
    return figures


def r2_along(comparison: Comparison, along: str) -> Figure:
    """Draw R² of every gate and reference against noise level or train size, a panel for each other condition.

    Parameters
    ----------
    comparison : Comparison
    along : str
        ``"noise_level"`` or ``"n_train"``.

    Raises
    ------
    InputError
        If `along` is another column, or no model was scored at two of its values.
    """
    if along not in AXES:
        raise InputError(Code.UNKNOWN_CHOICE, f"along={along}: choose {' or '.join(AXES)}.")
    scores = comparison.scores[comparison.scores["kind"] != "hard routing"]
    others = [name for name in ("n_train", "noise_level", "design") if name != along]
    panels = [(key, table) for key, table in scores.groupby(others) if table[along].nunique() > 1]
    if not panels:
        raise InputError(
            Code.NOTHING_TO_DRAW, f"{along}: no model was scored at two values of it under otherwise equal conditions."
        )
    n_columns = 2 if len(panels) in (2, 4) else min(len(panels), PANELS_A_ROW)
    n_rows = -(-len(panels) // n_columns)
    figure = new_figure(PAGE_WIDTH if n_columns > 1 else 0.65 * PAGE_WIDTH, PANEL_HEIGHT * n_rows + 0.4)
    grid = figure.subplots(n_rows, n_columns, sharey=True, squeeze=False)
    used = list(grid.flat[: len(panels)])
    for axes in grid.flat[len(panels) :]:
        axes.remove()
    bottom = _lowest_shown(pd.concat([table for _, table in panels]))
    for axes, (key, table) in zip(used, panels, strict=True):
        _draw_sweep(axes, table, along, bottom)
        axes.set_title(_condition(dict(zip(others, key, strict=True))), fontsize=7)
        finish(axes, x=AXES[along], y=f"R² of {comparison.label.name} (dimensionless)" if axes in grid[:, 0] else "")
    _add_legend(figure, used)
    confidence = f"{100 * comparison.settings.confidence:.10g} % interval"
    set_title(figure, f"{title_of(comparison, int(scores['n_stars'].iloc[0]))}, {confidence}")
    return figure


def _draw_sweep(axes: Axes, table: pd.DataFrame, along: str, bottom: float) -> None:
    """Draw a line with intervals for every model of one condition; what lies below `bottom` becomes an arrow there."""
    positions = sorted(table[along].unique())
    scale = np.log if along == "n_train" else np.asarray
    width = float(scale(positions[-1]) - scale(positions[0]))
    models = list(dict.fromkeys(table["model"]))
    for place, model in enumerate(models):
        of_model = table[table["model"] == model].sort_values(along)
        x = scale(of_model[along].to_numpy(float)) + DODGE * width * (place - (len(models) - 1) / 2)
        y, low, high = (of_model[name].to_numpy(float) for name in ("r2", "r2_ci_low", "r2_ci_high"))
        colour = model_colour(model, model)
        style = "o-" if (of_model["kind"] == "gate").all() else "s--"
        axes.plot(x, np.maximum(y, bottom), style, color=colour, markersize=3.5, linewidth=1, label=model)
        axes.vlines(x, np.maximum(low, bottom), np.maximum(high, bottom), color=colour, linewidth=1.4)
        for left in x[low < bottom]:
            axes.plot(left, bottom, "v", color=colour, markersize=4, clip_on=False)
        for left, value in zip(x[y < bottom], y[y < bottom], strict=True):
            number = minus(f"{value:.3g}")
            axes.annotate(number, (left, bottom), (4, 4), textcoords="offset points", fontsize=6.5, color=colour)
    axes.set_xticks(scale(np.asarray(positions, float)), [f"{position:,g}" for position in positions])
    axes.set_xmargin(0.12)
    axes.grid(axis="y", color="#E5E5E5", linewidth=0.6)
    axes.set_axisbelow(True)


def _lowest_shown(scores: pd.DataFrame) -> float:
    """Return where the axis of R² ends: at the lowest interval, unless that would hide what happens above."""
    values = scores["r2"].to_numpy(float).clip(min=0)
    return float(max(0, scores["r2_ci_low"].min(), values.min() - LONGEST_TAIL * np.ptp(values)))


def _add_legend(figure: Figure, panels: Iterable[Axes]) -> None:
    """Name every model of any panel once, below all."""
    handles: dict[str, Artist] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(display_name(label), handle)
    names = list(handles)
    n_columns = int(figure.get_figwidth() / LEGEND_WIDTH)
    figure.legend(
        [handles[name] for name in names], names, loc="outside lower center", ncols=n_columns, fontsize=7, frameon=False
    )


def _condition(values: dict[str, object]) -> str:
    """Return what all models of a panel share."""
    words = {"n_train": "{:,} training stars", "noise_level": "noise level {:g}", "design": "{}"}
    return ", ".join(words[name].format(value) for name, value in values.items() if value != "")
