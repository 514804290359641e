"""Results in, matplotlib figures out: nothing is computed here that a table does not hold, and pyplot is not used."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from moe_exp.evaluation.resamples import LEAST_STARS
from moe_exp.evaluation.results import Results
from moe_exp.figures.calibration import calibration, interval_widths
from moe_exp.figures.external import logg_against_catalogue
from moe_exp.figures.gates import gate_weight_distribution, training_curve
from moe_exp.figures.heat_maps import delta_r2_heat_map
from moe_exp.figures.references import delta_r2_distribution, delta_r2_per_bin, r2_of_models
from moe_exp.figures.reliability import gate_calibration
from moe_exp.figures.residuals import predicted_against_true
from moe_exp.figures.spectra import spectrum
from moe_exp.figures.style import DPI, GATE_COLOURS, add_line, gate_colour, say_setting, to_image
from moe_exp.figures.sweeps import r2_along, sweep_figures

__all__ = [
    "DPI",
    "GATE_COLOURS",
    "add_line",
    "all_figures",
    "calibration",
    "delta_r2_distribution",
    "delta_r2_heat_map",
    "delta_r2_per_bin",
    "gate_calibration",
    "gate_colour",
    "gate_weight_distribution",
    "interval_widths",
    "logg_against_catalogue",
    "predicted_against_true",
    "r2_along",
    "r2_of_models",
    "say_setting",
    "spectrum",
    "sweep_figures",
    "to_image",
    "training_curve",
]


def all_figures(
    results: Results,
    curve: pd.DataFrame | None = None,
    *,
    published: Mapping[str, float] | None = None,
    loss: str = "Loss",
) -> dict[str, Figure]:
    """Draw every figure of one run, by file name without suffix; those of resamples where stars are enough for them.

    Parameters
    ----------
    results : Results
    curve : DataFrame, optional
        The gate's training curve; without one, or when it is empty, that figure is left out.
    published : mapping of str to float, optional
        Published R² by model, for a run of the published design.
    loss : str
        Label of the curve's loss, with its unit.
    """
    figures = {
        "r2_of_models": r2_of_models(results, published),
        "delta_r2_per_bin": delta_r2_per_bin(results),
        "predicted_against_true": predicted_against_true(results),
        "gate_weight_distribution": gate_weight_distribution(results),
        "gate_calibration": gate_calibration(results),
    }
    if results.pooled.n_stars >= LEAST_STARS:
        figures["delta_r2_distribution"] = delta_r2_distribution(results)
    if curve is not None and len(curve):
        figures["training_curve"] = training_curve(curve, gate=results.gate, loss=loss)
    return figures
