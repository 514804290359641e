"""Runs side by side: what every pair of gates gains or loses in each bin."""

from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from moe_exp.codes import Code
from moe_exp.comparison import Comparison
from moe_exp.errors import InputError
from moe_exp.figures.style import PAGE_WIDTH, finish, minus, new_figure, set_title, star_count

LABEL_WIDTH = 34
"""Characters in a line of a heat map's row label."""

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Weights of red, green and blue (Rec. 709), to choose between black and white numbers."""


def delta_r2_heat_map(comparison: Comparison, factor: str) -> Figure:
    """Draw the R² difference of every pair in all covered stars and in each bin.

    A number in bold differs from zero after Holm's adjustment; one with a question mark is not to be
    trusted. The colours end at the 90 % quantile of the
    differences' size, so that one wild bin does not wash out the others; each number is printed.

    Parameters
    ----------
    comparison : Comparison
    factor : str
        What the pairs differ in: ``"gate"``, ``"n_train"`` or ``"noise_level"``.

    Raises
    ------
    InputError
        If no pair differs in `factor`.
    """
    pairs, bin_pairs = (table[table["factor"] == factor] for table in (comparison.pairs, comparison.bin_pairs))
    if not len(pairs):
        raise InputError(Code.NOTHING_TO_DRAW, f"factor={factor}: no two gates differ in it alone.")
    n_bins = len(comparison.bin_names)
    delta = np.column_stack([pairs["delta_r2"], bin_pairs["delta_r2"].to_numpy().reshape(-1, n_bins)]).astype(float)
    shown, trusted = (
        np.column_stack([pairs[name], bin_pairs[name].to_numpy().reshape(-1, n_bins)])
        for name in ("verdict", "trusted")
    )
    rows = [
        minus("\n".join([contrast, *wrap(condition, LABEL_WIDTH)]))
        for contrast, condition in pairs[["contrast", "condition"]].to_numpy()
    ]
    counts = [pairs["n_stars"].iloc[0], *bin_pairs["n_stars"].iloc[:n_bins]]
    columns = [f"{name}\n({n:,})" for name, n in zip(["all bins", *comparison.bin_names], counts, strict=True)]
    figure = new_figure(PAGE_WIDTH, 2 + 0.125 * max(row.count("\n") + 1.6 for row in rows) * len(rows))
    axes = figure.add_subplot()
    _draw_cells(figure, axes, delta, np.isin(shown, ["higher", "lower"]), np.where(trusted.astype(bool), "", "?"))
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xticks(range(n_bins + 1), columns, rotation=40, ha="right", rotation_mode="anchor")
    finish(axes, x="True bin (test stars)")
    axes.tick_params(length=0, labelsize=6.5)
    marks = "" if trusted.all() else "; ?: not to be trusted"
    set_title(figure, title_of(comparison, int(counts[0])) + f"; bold: differs from 0 after Holm's adjustment{marks}")
    return figure


def _draw_cells(figure: Figure, axes: Axes, delta: np.ndarray, bold: np.ndarray, marks: np.ndarray) -> None:
    """Draw differences (n_rows, n_columns) as coloured cells with their numbers, each followed by its mark."""
    size = np.abs(delta[np.isfinite(delta)])
    limit = next((end for end in (np.quantile(size, 0.9), size.max()) if end > 0), 1.0) if len(size) else 1.0
    image = axes.imshow(delta, cmap="PuOr_r", vmin=-limit, vmax=limit, aspect="auto")
    for (row, column), value in np.ndenumerate(delta):
        if np.isfinite(value):
            dark = np.dot(image.to_rgba(value)[:3], LUMINANCE) < 0.45
            axes.text(
                column,
                row,
                minus(f"{value:+.4f}{marks[row, column]}"),
                ha="center",
                va="center",
                fontsize=5.5,
                weight="bold" if bold[row, column] else "normal",
                color="white" if dark else "black",
            )
    axes.axvline(0.5, color="white", linewidth=3)
    beyond = "both" if len(size) and size.max() > limit else "neither"
    bar = figure.colorbar(
        image, ax=axes, location="top", pad=0.02, aspect=60, shrink=0.6, extend=beyond, ticks=MaxNLocator(5)
    )
    bar.set_label("ΔR² (dimensionless)", fontsize=7)
    bar.ax.tick_params(labelsize=7)


def title_of(comparison: Comparison, n_stars: int) -> str:
    """Return the number of stars, and of data seeds where there are several."""
    n_seeds = len(comparison.data_seeds)
    return star_count(n_stars) + (f" of {n_seeds} data seeds, their mean" if n_seeds > 1 else "")
