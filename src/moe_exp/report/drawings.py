"""Figures of the main condition with all of its gates: R², differences by bin, bootstrap distributions."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moe_exp.evaluation.bootstrap import Interval
from moe_exp.figures.style import (
    NOT_TRUSTED,
    PAGE_WIDTH,
    difference_limit,
    draw_interval,
    finish,
    gate_colour,
    minus,
    model_colour,
    name_rows,
    new_figure,
    set_title,
    star_count,
)
from moe_exp.report import formats
from moe_exp.report.selection import Row, Selection, interval_of, model_name, where

MOST_PANELS = 3
"""Train sizes that stand side by side; of more the largest are drawn."""

MOST_GATES = 4
"""Gates whose weights are drawn."""

R2_WINDOW = 0.3
"""Models whose R² is further than this below the best become an arrow with a number."""

PAIR_KEYS = ("design", "factor", "model", "n_train", "noise_level", "reference")
"""What names a pair in the tables of bins."""


def first_row(selection: Selection) -> Row:
    """Return the main condition that is drawn: of the first design."""
    scores = selection.sort(selection.at_top(selection.comparison.scores))
    return scores.iloc[0].to_dict()


def condition_of(selection: Selection) -> dict[str, object]:
    """Return the main condition as the columns that name it."""
    first = first_row(selection)
    return {key: first[key] for key in ("design", "noise_level", "n_train")}


def drawn_sizes(selection: Selection) -> list[int]:
    """Return the train sizes that are drawn side by side, ascending."""
    same = {key: value for key, value in condition_of(selection).items() if key != "n_train"}
    return sorted(where(selection.comparison.scores, same)["n_train"].unique())[-MOST_PANELS:]


def drawn_pairs(selection: Selection) -> list[dict[Any, Any]]:
    """Return the rows of gates against classify at the main condition."""
    return where(selection.against_classify, condition_of(selection)).to_dict("records")


def draw_r2(selection: Selection) -> Figure:
    """Draw R² of every model at the main noise level, a panel for each train size."""
    sizes, condition = drawn_sizes(selection), condition_of(selection)
    panels = [where(selection.comparison.scores, condition | {"n_train": size}) for size in sizes]
    names = list(
        dict.fromkeys((m, k) for panel in reversed(panels) for m, k in zip(panel["model"], panel["kind"], strict=True))
    )
    best = max(panel["r2"].max() for panel in panels)
    shown = [value for panel in panels for value in panel["r2_ci_low"] if value > best - R2_WINDOW]
    left = min([*shown, best - 0.01]) - 0.005
    figure = new_figure(PAGE_WIDTH, 1.1 + 0.24 * len(names))
    grid = figure.subplots(1, len(sizes), sharex=True, sharey=True, squeeze=False)
    for axes, size, panel in zip(grid[0], sizes, panels, strict=True):
        for row in panel.to_dict("records"):
            height = names.index((row["model"], row["kind"]))
            model = row["model"]
            colour = model_colour("hard" if row["kind"] == "hard routing" else model, model)
            draw_interval(axes, height, Interval(*interval_of(row, "r2")), (left, 1.0), colour)
            axes.text(
                1.01, height, minus(f"{row['r2']:.4f}"), transform=axes.get_yaxis_transform(), va="center", fontsize=6.5
            )
            other = selection.published.of(row, "r2")
            if other is not None:
                _draw_published(axes, other["value"], height + 0.25, left)
        axes.set_title(f"{size:,} training stars", fontsize=7)
        axes.grid(axis="x", color="#E5E5E5", linewidth=0.6)
        axes.set_axisbelow(True)
        finish(axes, x=f"R² of {selection.comparison.label.name} (dimensionless)")
    name_rows(grid[0, 0], [model_name(*name) for name in names])
    for axes in grid[0]:
        axes.tick_params(axis="y", length=0)
    set_title(figure, _title(selection))
    return figure


def _draw_published(axes: Axes, value: float, height: float, left: float) -> None:
    """Draw a published value as a diamond; at the edge, with its number, where it lies below the axis."""
    axes.plot(max(value, left), height, "D", color="#404040", fillstyle="none", markersize=3.5, clip_on=False)
    if value < left:
        number = minus(f"‹ {value:.4f}")
        axes.annotate(number, (left, height), (6, -2), textcoords="offset points", fontsize=6, color="#404040")


def draw_bins(selection: Selection) -> Figure:
    """Draw the differences from classify in all covered stars and in each bin, a colour for each gate."""
    pairs = drawn_pairs(selection)
    tables = [where(selection.comparison.bin_pairs, {key: pair[key] for key in PAIR_KEYS}) for pair in pairs]
    rows = [[pair, *table.to_dict("records")] for pair, table in zip(pairs, tables, strict=True)]
    limit = difference_limit([Interval(*interval_of(row, "delta_r2")) for of_pair in rows for row in of_pair])
    names = ["all bins", *selection.comparison.bin_names]
    figure = new_figure(0.75 * PAGE_WIDTH, 1.0 + (0.14 + 0.12 * len(pairs)) * len(names))
    axes = figure.add_subplot()
    axes.axvline(0, color="#404040", linewidth=0.8)
    axes.axhline(0.5, color="#BFBFBF", linewidth=0.6)
    for place, (pair, of_pair) in enumerate(zip(pairs, rows, strict=True)):
        shift = 0.22 * (place - (len(pairs) - 1) / 2)
        colour = gate_colour(pair["model"])
        for height, row in enumerate(of_pair):
            found = Interval(*interval_of(row, "delta_r2"))
            place_ = height + shift
            draw_interval(axes, place_, found, (-limit, limit), colour, below=shift > 0, trusted=row["trusted"])
        axes.plot([], [], "o-", color=colour, markersize=4, linewidth=1.4, label=_difference_name(pair))
    name_rows(axes, [f"{name} ({row['n_stars']:,})" for name, row in zip(names, rows[0], strict=True)])
    axes.grid(axis="x", color="#E5E5E5", linewidth=0.6)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=4, fontsize=7, frameon=False)
    set_title(figure, _title(selection))
    trusted = all(row["trusted"] for of_pair in rows for row in of_pair)
    finish(axes, x="ΔR² (dimensionless)" + ("" if trusted else f"; {NOT_TRUSTED}"))
    return figure


def draw_distributions(selection: Selection) -> Figure:
    """Draw the bootstrap distributions of the differences from classify, a panel for each; for one data seed alone."""
    pairs = drawn_pairs(selection)[:MOST_GATES]
    [scoring] = selection.comparison.scorings
    figure = new_figure(PAGE_WIDTH if len(pairs) > 1 else 0.6 * PAGE_WIDTH, 2.4)
    grid = figure.subplots(1, len(pairs), sharex=True, squeeze=False)
    for axes, pair in zip(grid[0], pairs, strict=True):
        estimate = scoring.delta(selection.contender(pair), selection.contender(pair, "reference"))
        draws = estimate.draws[np.isfinite(estimate.draws)]
        colour = gate_colour(pair["model"])
        value, low, high = estimate.interval
        axes.hist(draws, bins=50, range=tuple(np.quantile(draws, [0.0005, 0.9995])), color=colour, alpha=0.55)
        axes.axvspan(low, high, color=colour, alpha=0.15, linewidth=0)
        axes.axvline(value, color=colour, linewidth=1.2)
        axes.axvline(0, color="#404040", linewidth=0.8, linestyle="--")
        mark = f"\n{pair['mark']}".rstrip()
        axes.set_title(f"{_difference_name(pair)}: {formats.difference(*estimate.interval)}{mark}", fontsize=7)
        axes.locator_params(axis="x", nbins=5)
        finish(axes, x="ΔR² (dimensionless)", y="Number of resamples" if axes is grid[0, 0] else "")
    set_title(figure, f"{_title(selection)}, {selection.comparison.settings.n_resamples:,} resamples")
    return figure


def _difference_name(pair: Row) -> str:
    return f"{model_name(pair['model'])} − {model_name(pair['reference'])}"


def _title(selection: Selection) -> str:
    confidence = formats.level(selection.comparison.settings.confidence)
    return f"{star_count(int(first_row(selection)['n_stars']))}, {confidence} interval"
