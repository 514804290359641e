"""What the run's gate predicts, against what is true, and where it errs: along every label and signal to noise."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moe_exp.evaluation.predictions import Predictions
from moe_exp.evaluation.results import Results
from moe_exp.figures.style import PAGE_WIDTH, finish, gate_colour, new_figure, set_title, star_count

STARS_A_STEP = 40
"""Least stars of a running median."""

MOST_STEPS = 12
"""Steps of a running median, each of as many stars."""

WITHIN = (16, 50, 84)
"""Percentiles of the residuals that are drawn: the median, and one standard deviation of Gaussian errors about it."""

SHOWN = (0.2, 99.8)
"""Percentiles of the residuals that an axis reaches to; stars beyond stand at its edge as triangles."""


def predicted_against_true(results: Results) -> Figure:
    """Draw predictions against labels, and residuals against label, Teff, [M/H] and S/N with their running scatter."""
    predictions, covered = results.predictions, results.predictions.covered
    true, predicted = predictions.y[covered], predictions.configured["soft"][covered]
    colour = gate_colour(results.gate)
    figure = new_figure(PAGE_WIDTH, 4.4)
    grid = figure.subplots(2, 3)
    _draw_predictions(grid[0, 0], true, predicted, colour)
    named = predictions.label.in_unit(predictions.label.name, "()")
    finish(grid[0, 0], x=f"True {named}", y=f"Predicted {named}")
    places, measures = list(grid.flat[1:]), _measures(predictions)
    for axes, (name, values) in zip(places, measures.items(), strict=False):
        _draw_residuals(axes, values[covered], predicted - true, colour)
        first = axes in (grid[0, 1], grid[1, 0])
        finish(axes, x=name, y=predictions.label.in_unit("Predicted − true", "()") if first else "")
    for axes in places[len(measures) :]:
        axes.remove()
    figure.legend(*places[0].get_legend_handles_labels(), loc="outside lower right", ncols=3, fontsize=7, frameon=False)
    set_title(figure, f"{results.gate} gate, {star_count(results.n_stars)}")
    return figure


def _measures(predictions: Predictions) -> dict[str, np.ndarray]:
    """Return what residuals are drawn against, by the label of its axis, each (n_stars,)."""
    stars, label = predictions.stars, predictions.label
    measures = {label.in_unit(f"True {label.name}", "()"): predictions.y}
    measures |= {"Teff (K)": stars["teff"].to_numpy(float), "[M/H] (dex)": stars["m_h"].to_numpy(float)}
    known = {"snr": "S/N in a pixel", "mag": "Magnitude"}
    return measures | {name: stars[column].to_numpy(float) for column, name in known.items() if column in stars}


def _draw_predictions(axes: Axes, true: np.ndarray, predicted: np.ndarray, colour: str) -> None:
    ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
    axes.plot(true, predicted, ".", color=colour, markersize=1.5, alpha=0.4, rasterized=True)
    axes.plot(ends, ends, color="#404040", linewidth=0.8)


def _draw_residuals(axes: Axes, x: np.ndarray, residual: np.ndarray, colour: str) -> None:
    """Draw residuals with their running median and scatter; those far beyond the others as triangles at the edge."""
    low, high = np.percentile(residual, SHOWN)
    shown = np.clip(residual, low, high)
    for marker, members in ((".", shown == residual), ("v", residual < low), ("^", residual > high)):
        axes.plot(x[members], shown[members], marker, color=colour, markersize=1.5, alpha=0.4, rasterized=True)
    axes.axhline(0, color="#404040", linewidth=0.8)
    centres, (lower, median, upper) = running_percentiles(x, residual)
    axes.plot(centres, median, color="black", linewidth=1.3, label="running median")
    axes.plot(centres, lower, "--", color="black", linewidth=0.8, label="16 and 84 %")
    axes.plot(centres, upper, "--", color="black", linewidth=0.8)


def running_percentiles(x: np.ndarray, residual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the median of x in steps of equally many stars, and the percentiles `WITHIN` of the residuals there.

    Returns
    -------
    arrays of shape (n_steps,) and (3, n_steps)
    """
    n_steps = int(np.clip(len(x) // STARS_A_STEP, 1, MOST_STEPS))
    parts = np.array_split(np.argsort(x, kind="stable"), n_steps)
    centres = np.array([np.median(x[part]) for part in parts])
    return centres, np.array([np.percentile(residual[part], WITHIN) for part in parts]).T
