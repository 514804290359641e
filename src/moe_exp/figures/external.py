"""Stars of another library: what a run predicts of them, against what their catalogue says."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moe_exp.evaluation.external import GIANT_LOGG, ExternalResults
from moe_exp.figures.style import COLUMN_WIDTH, finish, gate_colour, minus, new_figure, set_title
from moe_exp.prediction.intervals import ONE_SIGMA, at_level
from moe_exp.spectra.label import LOG_G

MARGIN = 0.07
"""How far beyond the outermost labels is shown, as a share of their range; predictions beyond that become triangles."""


def logg_against_catalogue(external: ExternalResults) -> Figure:
    """Draw predicted against catalogue label with the one-to-one line and the uncertainty of the labels.

    Filled circles lie within the training range, open ones outside. Vertical bars are 1 sigma of the predictions,
    horizontal ones the catalogue's own errors; the band is what two catalogues disagree by, shared equally.
    """
    predictions, within = external.predictions, external.within
    y, predicted = predictions.y, predictions.configured["soft"]
    low, high = float(y.min()) - MARGIN * np.ptp(y), float(y.max()) + MARGIN * np.ptp(y)
    figure = new_figure(COLUMN_WIDTH, 3.9)
    axes = figure.add_subplot()
    _draw_truth(axes, external, low, high)
    colour = gate_colour(predictions.gate)
    shown = np.clip(predicted, low, high)
    if external.logg_error is not None:
        axes.errorbar(y, shown, xerr=external.logg_error, fmt="none", ecolor="#8C8C8C", linewidth=0.6)
    error = at_level(external.coverage.half_widths, ONE_SIGMA)
    axes.errorbar(y, shown, yerr=error, fmt="none", ecolor=colour, alpha=0.35, linewidth=0.6)
    for members, face, label in ((within, colour, "within training range"), (~within, "none", "outside")):
        style: dict[str, Any] = {"color": colour, "markerfacecolor": face, "markersize": 3.5, "linestyle": "none"}
        axes.plot([], [], marker="o", label=f"{label} ({members.sum()})", **style)
        for marker, drawn in (("o", shown == predicted), ("^", predicted > high), ("v", predicted < low)):
            axes.plot(y[members & drawn], shown[members & drawn], marker=marker, **style)
    if predictions.label == LOG_G:
        axes.axvline(GIANT_LOGG, color="#BFBFBF", linewidth=0.6, linestyle=":")
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    figure.legend(loc="outside lower center", ncols=2, fontsize=6.5, frameon=False)
    set_title(figure, _title(external))
    named = predictions.label.in_unit(predictions.label.name, "()")
    finish(axes, x=f"Catalogue {named}", y=f"Predicted {named}, {predictions.gate}")
    return figure


def _draw_truth(axes: Axes, external: ExternalResults, low: float, high: float) -> None:
    """Draw the one-to-one line, and how far from it labels alone put a perfect prediction."""
    axes.plot([low, high], [low, high], color="#404040", linewidth=0.8, label="one to one")
    error = external.disagreement / np.sqrt(2)
    if np.isfinite(error):
        ends = np.array([low, high])
        label = f"error of a catalogue, {external.predictions.label.amount(f'{error:.2f}')}"
        axes.fill_between(ends, ends - error, ends + error, color="#404040", alpha=0.12, linewidth=0, label=label)


def _title(external: ExternalResults) -> str:
    found = external.metrics()
    if "r2" not in found:
        return f"{external.title}: no star within the training range"
    return minus(
        f"{external.title}: R² {found['r2']:.2f}, bias {found['bias']:+.2f}, scatter "
        f"{external.predictions.label.amount(format(found['scatter'], '.2f'))}"
    )
