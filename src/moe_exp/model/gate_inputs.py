"""What a gate knows of a star: its features, and what every expert says of it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from moe_exp.cache.codec import storable
from moe_exp.model.experts import FittedExperts
from moe_exp.model.features import GateFeatures
from moe_exp.model.routing import clip_predictions
from moe_exp.spectra.dataset import Stars


@storable
class GateInputs(NamedTuple):
    """What a gate weighs stars by and what it weighs."""

    features: np.ndarray
    """(n_stars, n_features)"""
    experts: np.ndarray
    """(n_stars, n_experts) log g [dex], not clipped"""
    global_ridge: np.ndarray
    """(n_stars,) log g [dex], not clipped"""

    def clip(self, low: float, high: float) -> "GateInputs":
        """Return the same with all predictions limited to a range of log g [dex]."""
        experts = clip_predictions(self.experts, low, high)
        return self._replace(experts=experts, global_ridge=clip_predictions(self.global_ridge, low, high))


def measure_flux(flux: np.ndarray, features: GateFeatures, experts: FittedExperts) -> GateInputs:
    """Take gate features and every Ridge's prediction of noisy flux (n_stars, n_pixels), in the experts' flux unit."""
    predicted = experts.predict(flux)
    return GateInputs(features.transform(flux), predicted.experts, predicted.global_ridge)


def measure_stars(
    stars: Stars, features: GateFeatures, experts: FittedExperts, advance: Callable[[int], None]
) -> GateInputs:
    """Take the same of all stars of a split, some at a time; `advance` is told the number of stars just done."""
    parts = []
    for block, flux in stars.blocks():
        parts.append(measure_flux(flux, features, experts))
        advance(len(block))
    return GateInputs(*(np.concatenate(part) for part in zip(*parts, strict=True)))
