"""What there is to judge a prediction by, star by star, without its label."""

from typing import NamedTuple

import numpy as np

from moe_exp.model.gate_inputs import GateInputs
from moe_exp.model.gates import Gate
from moe_exp.model.routing import route_soft

LEAST_SCATTER = 0.01
"""Added to the scatter between experts, in the unit of the label, whose logarithm is taken."""


class Evidence(NamedTuple):
    """A prediction, and all that tells how far it can be trusted."""

    predicted: np.ndarray
    """(n_stars,) predicted label"""
    weights: np.ndarray
    """(n_stars, n_bins) of the gate"""
    scatter: np.ndarray
    """(n_stars,) standard deviation of the experts' predictions under the gate's weights"""
    disagreement: np.ndarray
    """(n_stars, n_bins + 1) by how much each expert and the global Ridge differ from the prediction"""
    features: np.ndarray
    """(n_stars, n_features) of the gate, in units of their scatter over the gate's own stars"""
    noise: np.ndarray
    """(n_stars,) noise in a pixel over mean flux"""
    misfit: np.ndarray
    """(n_stars,) what the principal components leave of a spectrum, in units of its noise"""

    @classmethod
    def of(cls, inputs: GateInputs, weights: np.ndarray, gate: Gate) -> "Evidence":
        """Gather it from what a gate weighed, limited as the mixture is, and from the weights."""
        predicted = route_soft(weights, inputs.experts)
        disagreement = np.column_stack([inputs.experts, inputs.global_ridge]) - predicted[:, None]
        scatter = np.sqrt(route_soft(weights, disagreement[:, :-1] ** 2))
        features = (inputs.features - gate.feature_mean_) / gate.feature_scatter_
        noise = np.maximum(inputs.noise, np.finfo(np.float32).tiny)
        return cls(predicted, weights, scatter, disagreement, features, noise, inputs.misfit / noise)

    def take(self, members: np.ndarray) -> "Evidence":
        """Return that of some stars."""
        return Evidence(*(values[members] for values in self))

    @property
    def likely_bin(self) -> np.ndarray:
        """Bin of the largest weight, (n_stars,)."""
        return np.argmax(self.weights, axis=1)

    @property
    def measures(self) -> np.ndarray:
        """All of it as columns of about one scale, (n_stars, n_measures)."""
        entropy = -np.sum(self.weights * np.log(np.maximum(self.weights, 1e-12)), axis=1)
        logarithms = [np.log(self.scatter + LEAST_SCATTER), np.log(self.noise), np.log(self.misfit + LEAST_SCATTER)]
        return np.column_stack([*logarithms, entropy, self.predicted, self.disagreement, self.features])
