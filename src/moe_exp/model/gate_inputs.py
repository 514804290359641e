"""What a gate knows of a star: its features, what every expert says of it, and how its spectrum looks."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from moe_exp.cache.codec import storable
from moe_exp.model.appearance import estimate_noise, measure_misfit
from moe_exp.model.features_base import Features
from moe_exp.model.fitted_experts import FittedExperts
from moe_exp.model.routing import clip_predictions
from moe_exp.spectra.dataset import Stars


@storable
class GateInputs(NamedTuple):
    """What a gate weighs stars by, what it weighs, and what tells how far that can be trusted."""

    features: np.ndarray
    """(n_stars, n_features)"""
    experts: np.ndarray
    """(n_stars, n_experts) the label, not clipped"""
    global_ridge: np.ndarray
    """(n_stars,) the label, not clipped"""
    noise: np.ndarray
    """(n_stars,) noise in a pixel over mean flux, as the spectrum itself shows it"""
    misfit: np.ndarray
    """(n_stars,) what the principal components leave, over mean flux"""

    def clip(self, low: float, high: float) -> "GateInputs":
        """Return the same with all predictions limited to a range of the label."""
        experts = clip_predictions(self.experts, low, high)
        return self._replace(experts=experts, global_ridge=clip_predictions(self.global_ridge, low, high))


def measure_flux(flux: np.ndarray, features: Features, experts: FittedExperts) -> GateInputs:
    """Take all of noisy flux (n_stars, n_pixels), in the experts' flux unit."""
    predicted, measured = experts.predict(flux), features.transform(flux)
    misfit = measure_misfit(flux, features, measured)
    return GateInputs(measured, predicted.experts, predicted.global_ridge, estimate_noise(flux), misfit)


def measure_stars(
    stars: Stars, features: Features, experts: FittedExperts, advance: Callable[[int], None]
) -> GateInputs:
    """Take the same of all stars of a split, some at a time; `advance` is told the number of stars just done."""
    parts = []
    for block, flux in stars.blocks():
        parts.append(measure_flux(flux, features, experts))
        advance(len(block))
    return GateInputs(*(np.concatenate(part) for part in zip(*parts, strict=True)))
