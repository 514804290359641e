"""The mixture of experts: how a gate is trained, and experts and gate as one object.

A `FittedMixture` holds all that turns a noisy spectrum into the label, and none of what it was trained with.
"""

import logging
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sklearn.base import clone

from moe_exp.model.bins_base import Bins
from moe_exp.model.features_base import Features
from moe_exp.model.fitted_experts import FittedExperts
from moe_exp.model.gate_inputs import GateInputs, measure_flux
from moe_exp.model.gates import Gate
from moe_exp.model.ridge.estimator import assign_folds
from moe_exp.model.routing import fall_back, route_hard, route_oracle, route_soft
from moe_exp.random_streams import random_stream
from moe_exp.spectra.dataset import Stars
from moe_exp.spectra.label import LOG_G, Label
from moe_exp.spectra.medium import Medium
from moe_exp.spectra.preprocessing import Preprocessing, Transform

log = logging.getLogger(__name__)

N_FOLDS = 4
"""Gates that are trained besides, so that errors are known on stars that a gate never saw.

With two, which see half of the stars, 95 % intervals hold 96 % of new labels; with four 95 %.
"""


def fit_gate(
    gate: Gate,
    stars: Stars,
    bin_index: np.ndarray,
    inputs: GateInputs,
    *,
    seed: int,
) -> Gate:
    """Train a gate on the covered stars of a split that no expert has seen.

    Parameters
    ----------
    gate : Gate
    stars : Stars
        The gate's own.
    bin_index : array of shape (n_stars,)
        Their true bins, -1 outside every bin.
    inputs : GateInputs
        Of these stars, limited as the mixture is to be.
    seed : int
    """
    covered = bin_index >= 0
    return gate.fit(
        inputs.features[covered],
        stars.target[covered],
        expert_predictions=inputs.experts[covered],
        bin_index=bin_index[covered],
        star=stars.star[covered],
        seed=seed,
    )


def limit(inputs: GateInputs, experts: FittedExperts, *, clip: bool) -> GateInputs:
    """Return gate inputs with predictions limited to the range of the training labels; as they are without `clip`."""
    return inputs.clip(*experts.label_range) if clip else inputs


def calibration_folds(stars: Stars, *, seed: int) -> np.ndarray:
    """Divide the gate's own stars into `N_FOLDS` folds, a star with all of its rows, (n_stars,)."""
    n_stars = int(stars.star.max()) + 1
    return assign_folds(n_stars, N_FOLDS, random_stream(seed, "calibration"))[stars.star]


def cross_fit_weights(
    gate: Gate,
    stars: Stars,
    bin_index: np.ndarray,
    inputs: GateInputs,
    *,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return gate weights of the gate's own stars, each from a gate that it neither trained nor stopped, and its fold.

    For each of the `calibration_folds` a gate is trained on the covered stars of the others; it has fewer stars than
    the run's own gate, and is a little worse. Stars outside every bin train no gate, and get the weights of the first.

    Parameters
    ----------
    gate, stars, bin_index, inputs, seed
        As in `fit_gate`; the gate is that of the run, fitted or not.

    Returns
    -------
    weights : array of shape (n_stars, n_experts)
    fold : int array of shape (n_stars,)
    """
    fold = calibration_folds(stars, seed=seed)
    weights = np.empty(inputs.experts.shape)
    for number in range(N_FOLDS):
        log.info("gate %d of %d for calibration, without the stars of a fold", number + 1, N_FOLDS)
        others = np.where(fold == number, -1, bin_index)
        fitted = fit_gate(clone(gate), stars, others, inputs, seed=seed)
        own = (fold == number) & (bin_index >= 0) | (number == 0) & (bin_index < 0)
        weights[own] = fitted.predict_weights(inputs.features[own])
    return weights, fold


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedMixture:
    """Experts and the gate that mixes them, fitted: noisy spectra in, the label out.

    Attributes
    ----------
    bins : Bins
        Cells of label space, one for each expert.
    features : Features
    experts : FittedExperts
    gate : Gate
    flux_unit : float
        What flux, as a file has it, is divided by before anything else.
    preprocessing : Preprocessing
        What is done to noisy flux after that, as to that of the training stars.
    clip : bool
        Whether predictions are limited to the range of the training labels.
    wavelength : array of shape (n_pixels,)
        Grid of the training stars [Å].
    medium : ``air``, ``vacuum`` or None
        What the grid is in; None if nothing tells it.
    template : array of shape (n_pixels,)
        Mean spectrum of the first training stars, which fills masked pixels.
    label : Label
        What is predicted.
    """

    bins: Bins
    features: Features
    experts: FittedExperts
    gate: Gate
    flux_unit: float
    preprocessing: Preprocessing
    clip: bool
    wavelength: np.ndarray
    medium: Medium | None
    template: np.ndarray
    label: Label = LOG_G

    @cached_property
    def preprocess(self) -> Transform:
        """What is done to noisy flux in units of `flux_unit`, (n_stars, n_pixels)."""
        return self.preprocessing.on_grid(self.wavelength, self.medium)

    def predict(self, flux: np.ndarray) -> np.ndarray:
        """Return the label, (n_stars,), by soft routing.

        Parameters
        ----------
        flux : array of shape (n_stars, n_pixels)
            Noisy flux in the unit and on the wavelength grid of the training stars.
        """
        inputs = self.measure(flux)
        return route_soft(self.gate.predict_weights(inputs.features), inputs.experts)

    def measure(self, flux: np.ndarray) -> GateInputs:
        """Return gate features, and predictions of every Ridge limited as configured, of the same flux."""
        measured = measure_flux(self.preprocess(flux / np.float32(self.flux_unit)), self.features, self.experts)
        return limit(measured, self.experts, clip=self.clip)

    def route(self, inputs: GateInputs, bin_index: np.ndarray, *, clip: bool) -> dict[str, np.ndarray]:
        """Return the label of stars, each (n_stars,), by ``soft``, ``hard`` and ``oracle`` routing.

        Stars outside every bin get the global Ridge's prediction.

        Parameters
        ----------
        inputs : GateInputs
            Not clipped.
        bin_index : array of shape (n_stars,)
            True bins, -1 outside every bin.
        clip : bool
            Whether predictions are limited to the range of the training labels.
        """
        limited = limit(inputs, self.experts, clip=clip)
        weights = self.gate.predict_weights(limited.features)
        mixed = {
            "soft": route_soft(weights, limited.experts),
            "hard": route_hard(weights, limited.experts),
            "oracle": route_oracle(bin_index, limited.experts),
        }
        return {name: fall_back(values, bin_index >= 0, limited.global_ridge) for name, values in mixed.items()}
