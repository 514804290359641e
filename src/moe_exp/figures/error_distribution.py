"""How errors are distributed, wild ones among them."""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.evaluation.results import Results
from moe_exp.figures.base import RunFigure
from moe_exp.figures.style import COLUMN_WIDTH, display_name, finish, model_colour, new_figure, set_title, star_count

MODELS = ("soft", "classify", "global_ridge")


@dataclass(frozen=True, kw_only=True)
class ErrorDistribution(RunFigure):
    """Histograms of predicted minus true, on a logarithmic axis.

    Parameters
    ----------
    n_bins : int
    """

    n_bins: int = 60

    def __post_init__(self) -> None:
        if self.n_bins < 1:
            raise InputError(
                Code.OUT_OF_RANGE, f"figures.error_distribution.n_bins={self.n_bins}: at least one is needed."
            )

    def draw(self, results: Results) -> Figure:
        """Draw the run's gate, the classify gate and the global Ridge."""
        predictions, covered = results.predictions, results.predictions.covered
        errors = {
            model: (predictions.configured[model] - predictions.y)[covered]
            for model in MODELS
            if not (model == results.gate == "classify")
        }
        edges = np.histogram_bin_edges(np.concatenate([*errors.values()]), self.n_bins)
        figure = new_figure(COLUMN_WIDTH, 2.5)
        axes = figure.add_subplot()
        for model, error in errors.items():
            name = display_name(results.gate if model == "soft" else model)
            axes.hist(error, edges.tolist(), histtype="step", color=model_colour(model, results.gate), label=name)
        axes.set_yscale("log")
        axes.legend(fontsize=7, frameon=False)
        set_title(figure, star_count(results.n_stars))
        finish(axes, x=predictions.label.in_unit(f"Predicted − true {predictions.label.name}", "()"), y="Stars")
        return figure
