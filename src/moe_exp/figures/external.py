"""Stars of another library: what a run predicts of them, against what their catalogue says."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moe_exp.evaluation.external import GIANT_LOGG, ExternalResults
from moe_exp.figures.style import COLUMN_WIDTH, finish, gate_colour, minus, new_figure, set_title

MARGIN = 0.3
"""dex beyond the outermost labels that are shown; predictions further away stand at the edge as triangles."""


def logg_against_catalogue(external: ExternalResults) -> Figure:
    """Draw predicted against catalogue log g with the one-to-one line and the uncertainty of the labels.

    Filled circles lie within the training range, open ones outside. Horizontal bars are the catalogue's own errors; the
    band is what two catalogues disagree by, shared equally.
    """
    predictions, within = external.predictions, external.within
    logg, predicted = predictions.logg, predictions.configured["soft"]
    low, high = float(logg.min()) - MARGIN, float(logg.max()) + MARGIN
    figure = new_figure(COLUMN_WIDTH, 3.9)
    axes = figure.add_subplot()
    _draw_truth(axes, external, low, high)
    colour = gate_colour(predictions.gate)
    shown = np.clip(predicted, low, high)
    if external.logg_error is not None:
        axes.errorbar(logg, shown, xerr=external.logg_error, fmt="none", ecolor="#8C8C8C", linewidth=0.6)
    for members, face, label in ((within, colour, "within training range"), (~within, "none", "outside")):
        style: dict[str, Any] = {"color": colour, "markerfacecolor": face, "markersize": 3.5, "linestyle": "none"}
        axes.plot([], [], marker="o", label=f"{label} ({members.sum()})", **style)
        for marker, drawn in (("o", shown == predicted), ("^", predicted > high), ("v", predicted < low)):
            axes.plot(logg[members & drawn], shown[members & drawn], marker=marker, **style)
    axes.axvline(GIANT_LOGG, color="#BFBFBF", linewidth=0.6, linestyle=":")
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    figure.legend(loc="outside lower center", ncols=2, fontsize=6.5, frameon=False)
    set_title(figure, _title(external))
    finish(axes, x="Catalogue log g (dex)", y=f"Predicted log g (dex), {predictions.gate}")
    return figure


def _draw_truth(axes: Axes, external: ExternalResults, low: float, high: float) -> None:
    """Draw the one-to-one line, and how far from it labels alone put a perfect prediction."""
    axes.plot([low, high], [low, high], color="#404040", linewidth=0.8, label="one to one")
    error = external.disagreement / np.sqrt(2)
    if np.isfinite(error):
        ends = np.array([low, high])
        label = f"error of a catalogue, {error:.2f} dex"
        axes.fill_between(ends, ends - error, ends + error, color="#404040", alpha=0.12, linewidth=0, label=label)


def _title(external: ExternalResults) -> str:
    found = external.metrics()
    if "r2" not in found:
        return f"{external.title}: no star within the training range"
    return minus(
        f"{external.title}: R² {found['r2']:.2f}, bias {found['bias']:+.2f}, scatter {found['scatter']:.2f} dex"
    )
