"""How the run's gate compares with the references: R², its difference per bin, and the difference's bootstrap."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from moe_exp.evaluation.bootstrap import Delta
from moe_exp.evaluation.results import Results
from moe_exp.figures.style import (
    COLUMN_WIDTH,
    NOT_TRUSTED,
    difference_limit,
    display_name,
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

R2_WINDOW = 0.5
"""Models whose R² is further than this below the best become an arrow with a number."""


def r2_of_models(results: Results, published: Mapping[str, float] | None = None) -> Figure:
    """Draw R² with intervals of the run's gate and of the references.

    Parameters
    ----------
    results : Results
    published : mapping of str to float, optional
        Published R² of the same design by model: a gate's name, ``"oracle"``, ``"global_ridge"`` or another. Drawn as
        open markers; a model that this run lacks gets a row of its own.
    """
    gate, pooled = results.gate, results.pooled
    published = dict(published or {})
    rows = [model for model in pooled.models if not (model == gate == "classify")]
    keys = [{"soft": gate, "hard": "hard routing"}.get(model, model) for model in rows]
    keys += [model for model in published if model not in keys]
    best = max([*pooled.values.tolist(), *published.values()])
    figure = new_figure(COLUMN_WIDTH, 0.95 + 0.24 * len(keys))
    axes = figure.add_subplot()
    for row, model in enumerate(rows):
        interval = pooled.r2(model)
        draw_interval(axes, row, interval, (best - R2_WINDOW, 1.0), model_colour(model, gate))
        number = minus(f"{interval.value:.4f}")
        axes.text(1.02, row, number, transform=axes.get_yaxis_transform(), va="center", fontsize=7)
    for model, value in published.items():
        own_row = keys.index(model)
        height = own_row + 0.25 if own_row < len(rows) else own_row
        label = "published" if model == next(iter(published)) else None
        axes.plot(value, height, "D", color="#404040", fillstyle="none", markersize=4, label=label)
    if published:
        figure.legend(loc="outside lower right", fontsize=7, frameon=False)
    name_rows(axes, [display_name(key) for key in keys])
    axes.grid(axis="x", color="#E5E5E5", linewidth=0.6)
    axes.set_axisbelow(True)
    set_title(figure, f"{star_count(results.n_stars)}, {_confidence(results)}")
    finish(axes, x=f"R² of {results.predictions.label.name} (dimensionless)")
    return figure


def delta_r2_per_bin(results: Results) -> Figure:
    """Draw the R² gained over classify in all and in each bin; over the global Ridge when classify is the gate."""
    pooled = _main_delta(results)
    deltas = [pooled, *(bootstrap.delta("soft", pooled.reference) for bootstrap in results.per_bin)]
    intervals = [delta.interval for delta in deltas]
    names = ["all bins", *results.predictions.bin_names]
    counts = [results.n_stars, *(bootstrap.n_stars for bootstrap in results.per_bin)]
    limit = difference_limit(intervals)
    figure = new_figure(COLUMN_WIDTH, 0.9 + 0.24 * len(names))
    axes = figure.add_subplot()
    axes.axvline(0, color="#404040", linewidth=0.8)
    axes.axhline(0.5, color="#BFBFBF", linewidth=0.6)
    trusted = [delta.carriers.trusted for delta in deltas]
    for row, interval in enumerate(intervals):
        draw_interval(axes, row, interval, (-limit, limit), gate_colour(results.gate), trusted=trusted[row])
    name_rows(axes, [f"{name} ({count:,})" for name, count in zip(names, counts, strict=True)])
    axes.grid(axis="x", color="#E5E5E5", linewidth=0.6)
    axes.set_axisbelow(True)
    set_title(figure, f"{star_count(results.n_stars)}, {_confidence(results)}")
    finish(axes, x=_delta_label(results, pooled) + ("" if all(trusted) else f"\n{NOT_TRUSTED}"))
    return figure


def delta_r2_distribution(results: Results) -> Figure:
    """Draw the bootstrap distribution of the pooled R² difference, with its interval and zero."""
    delta = _main_delta(results)
    colour = gate_colour(results.gate)
    draws = delta.draws
    draws = draws[np.isfinite(draws)]
    shown = draws[(draws >= np.quantile(draws, 0.0005)) & (draws <= np.quantile(draws, 0.9995))]
    value, low, high = delta.interval
    figure = new_figure(COLUMN_WIDTH, 2.5)
    axes = figure.add_subplot()
    axes.hist(shown, bins=60, color=colour, alpha=0.55)
    axes.axvspan(low, high, color=colour, alpha=0.15, linewidth=0, label=_confidence(results))
    axes.axvline(value, color=colour, linewidth=1.2, label=minus(f"measured {value:+.4f}"))
    axes.axvline(0, color="#404040", linewidth=0.8, linestyle="--", label="no difference")
    figure.legend(loc="outside lower center", ncols=3, fontsize=6.5, frameon=False, handlelength=1.4, columnspacing=1)
    axes.locator_params(axis="x", nbins=6)
    mark = f"\n{delta.carriers.mark}".rstrip()
    set_title(figure, f"{star_count(results.n_stars)}, {len(delta.resampled):,} resamples{mark}")
    finish(axes, x=_delta_label(results, delta), y="Number of resamples")
    return figure


def _main_delta(results: Results) -> Delta:
    return results.delta or results.delta_vs_global


def _delta_label(results: Results, delta: Delta) -> str:
    return f"ΔR² (dimensionless)\n{results.gate} − {display_name(delta.reference)}"


def _confidence(results: Results) -> str:
    return f"{100 * results.settings.confidence:g} % interval"
