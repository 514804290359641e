"""What a gate does with its stars, and how it learned."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from moe_exp.evaluation.results import Results
from moe_exp.figures.style import (
    COLUMN_WIDTH,
    PAGE_WIDTH,
    finish,
    gate_colour,
    name_rows,
    new_figure,
    set_title,
    star_count,
)

MAX_NUMBERED = 12
"""Most experts for which the mean weights are printed into their cells."""


def gate_weight_distribution(results: Results) -> Figure:
    """Draw the mean weight of each expert by true bin, and the spread of the true bin's and of the largest weight."""
    predictions = results.predictions
    covered = predictions.covered
    weights, bin_index = predictions.gate_weights[covered], predictions.bin_index[covered]
    names = [f"{name} ({index})" for index, name in enumerate(predictions.bin_names)]
    figure = new_figure(PAGE_WIDTH, max(2.4, 1.1 + 0.25 * len(names)))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.1, 1))
    _draw_mean_weights(figure, left, weights, bin_index, len(names))
    _draw_spread(right, weights, bin_index, gate_colour(results.gate))
    name_rows(left, names)
    set_title(figure, f"{results.gate} gate, {star_count(len(weights))}; right: median, 25–75 % (thick), 5–95 % (thin)")
    finish(left, x="Expert (index of its bin)", y="True bin")
    finish(right, x="Gate weight (dimensionless)")
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower right", ncols=2, fontsize=7, frameon=False)
    return figure


def _draw_mean_weights(figure: Figure, axes: Axes, weights: np.ndarray, bin_index: np.ndarray, n_bins: int) -> None:
    means = np.full((n_bins, n_bins), np.nan)
    for index in np.unique(bin_index):
        means[index] = weights[bin_index == index].mean(axis=0)
    image = axes.imshow(means, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(n_bins))
    colour_bar = figure.colorbar(image, ax=axes, pad=0.02)
    colour_bar.set_label("Mean gate weight (dimensionless)", fontsize=7)
    colour_bar.ax.tick_params(labelsize=7)
    if n_bins > MAX_NUMBERED:
        return
    for (row, column), mean in np.ndenumerate(means):
        if np.isfinite(mean):
            axes.text(
                column,
                row,
                f"{mean:.2f}",
                ha="center",
                va="center",
                fontsize=6,
                color="white" if mean > 0.6 else "black",
                in_layout=False,  # within its cell: nothing makes room for it
            )


def _draw_spread(axes: Axes, weights: np.ndarray, bin_index: np.ndarray, colour: str) -> None:
    """Draw quantiles of two weights for the stars of each bin."""
    kinds = (
        ("of the true bin's expert", weights[np.arange(len(weights)), bin_index], -0.15, colour),
        ("largest of the star", weights.max(axis=1), 0.2, "#595959"),
    )
    bins = np.unique(bin_index)
    for label, values, shift, shade in kinds:
        quantiles = [np.quantile(values[bin_index == index], [0.05, 0.25, 0.5, 0.75, 0.95]) for index in bins]
        p5, p25, p50, p75, p95 = np.transpose(quantiles)
        rows = bins + shift
        axes.hlines(rows, p5, p95, color=shade, linewidth=0.8)
        axes.hlines(rows, p25, p75, color=shade, linewidth=2.6, label=label)
        axes.plot(p50, rows, "o", color=shade, markersize=3.5, markeredgecolor="white", markeredgewidth=0.5)
    axes.set_xlim(-0.02, 1.02)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="#E5E5E5", linewidth=0.6)
    axes.set_axisbelow(True)


def training_curve(curve: pd.DataFrame, *, gate: str, loss: str = "Loss") -> Figure:
    """Draw a gate's loss by epoch on the stars it learns from and on its own hold-out.

    Parameters
    ----------
    curve : DataFrame with columns epoch, train_loss, holdout_loss
    gate : str
        The gate's name.
    loss : str
        Label of the loss axis, with its unit.
    """
    figure = new_figure(COLUMN_WIDTH, 2.4)
    axes = figure.add_subplot()
    best = int(np.argmin(curve["holdout_loss"]))
    axes.plot(curve["epoch"], curve["train_loss"], color="#8C8C8C", linewidth=1, label="training")
    axes.plot(curve["epoch"], curve["holdout_loss"], color=gate_colour(gate), linewidth=1.2, label="hold-out")
    axes.plot(
        curve["epoch"].iloc[best], curve["holdout_loss"].iloc[best], "o", color=gate_colour(gate), markersize=4,
        label=f"best, epoch {curve['epoch'].iloc[best]}",
    )  # fmt: skip
    if np.all(curve[["train_loss", "holdout_loss"]].to_numpy(float) > 0):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.legend(fontsize=7, frameon=False)
    set_title(figure, f"{gate} gate, {len(curve)} epochs")
    finish(axes, x="Epoch", y=loss)
    return figure
