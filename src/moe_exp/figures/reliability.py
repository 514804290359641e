"""Whether the weights of a gate are probabilities: how often a star lies in a bin that got some weight."""

import numpy as np
from matplotlib.figure import Figure

from moe_exp.evaluation.results import Results
from moe_exp.figures.style import COLUMN_WIDTH, finish, gate_colour, new_figure, set_title, star_count

EDGES = np.linspace(0, 1, 11)
"""Steps of gate weight."""

LEAST_WEIGHTS = 10
"""Weights in a step from which on it is drawn."""


def gate_calibration(results: Results) -> Figure:
    """Draw the share of stars that lie in a bin against the weight that its expert got, with two standard errors.

    On the diagonal weights are probabilities of bins, as a gate that classifies should have them; one that is trained
    for the label need not.
    """
    predictions, covered = results.predictions, results.predictions.covered
    figure = new_figure(COLUMN_WIDTH, 3.1)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="#8C8C8C", linewidth=0.8)
    gates = {results.gate: predictions.gate_weights, "classify": predictions.classify_weights}
    for shift, (gate, weights) in enumerate(gates.items()):
        mean, share, error = reliability(weights[covered], predictions.bin_index[covered])
        form, colour = "os"[shift] + "-", gate_colour(gate)
        axes.errorbar(
            mean + 0.008 * shift, share, 2 * error, fmt=form, color=colour, markersize=4, linewidth=1, label=gate
        )
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.legend(fontsize=7, frameon=False)
    set_title(figure, star_count(results.n_stars))
    finish(axes, x="Gate weight of a bin's expert (dimensionless)", y="Share of stars in that bin")
    return figure


def reliability(weights: np.ndarray, bin_index: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean weight, share of stars in the bin and its standard error in each step of weight with enough weights.

    Parameters
    ----------
    weights : array of shape (n_stars, n_bins)
    bin_index : int array of shape (n_stars,)

    Returns
    -------
    arrays of shape (n_steps,)
    """
    inside = np.arange(weights.shape[1]) == bin_index[:, None]
    step = np.clip(np.digitize(weights, EDGES) - 1, 0, len(EDGES) - 2)
    steps = [step == each for each in range(len(EDGES) - 1) if (step == each).sum() >= LEAST_WEIGHTS]
    mean, share = (np.array([values[each].mean() for each in steps]) for values in (weights, inside))
    counts = np.array([each.sum() for each in steps])
    return mean, share, np.sqrt(share * (1 - share) / counts)
