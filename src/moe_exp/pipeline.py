"""The order of the stages of one run, and nothing else."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from moe_exp.config import Experiment
from moe_exp.errors import InputError
from moe_exp.evaluation.predictions import Predictions
from moe_exp.evaluation.results import Results
from moe_exp.machine import choose_device
from moe_exp.model.bins import RectangularBins
from moe_exp.model.experts import FittedExperts
from moe_exp.model.features import GateFeatures
from moe_exp.model.gates import ClassifyGate, Gate
from moe_exp.model.mixture import clip_predictions, fall_back, route_hard, route_oracle, route_soft
from moe_exp.progress import Advance, Stages
from moe_exp.spectra.dataset import Dataset, Stars


@dataclass(frozen=True, eq=False, kw_only=True)
class Outcome:
    """What a run leaves: results, and what they were made with.

    Attributes
    ----------
    results : Results
    dataset : Dataset
    experts : FittedExperts
    gate : Gate
    seconds : dict of str to float
        Wall time of each stage [s].
    """

    results: Results
    dataset: Dataset
    experts: FittedExperts
    gate: Gate
    seconds: dict[str, float]


@dataclass(frozen=True, eq=False)
class GateInput:
    """One split as the gate sees it.

    Attributes
    ----------
    labels : DataFrame of n_stars rows
    bin_index : array of shape (n_stars,)
    features : array of shape (n_stars, n_features)
    experts : array of shape (n_stars, n_experts)
        Predictions of log g [dex], not clipped.
    global_ridge : array of shape (n_stars,)
    """

    labels: pd.DataFrame
    bin_index: np.ndarray
    features: np.ndarray
    experts: np.ndarray
    global_ridge: np.ndarray


def run(experiment: Experiment, stages: Stages) -> Outcome:
    """Run one experiment from its spectra to its results.

    Raises
    ------
    InputError
        If an option or the data cannot be used; options are checked before any work.
    """
    device = choose_device(experiment.device)
    check(experiment)
    dataset = experiment.data.open(experiment.cache_dir, stages, device)
    bins, train_bins = divide(experiment, dataset)
    with stages.stage("experts", len(dataset.train)) as advance:
        experts: FittedExperts = experiment.experts.fit(
            dataset.train,
            train_bins,
            bins.names_,
            n_components=experiment.features.n_components,
            seed=experiment.seed,
            device=device,
            advance=advance,
        )
    features = experiment.features.fit(dataset.wavelength, experts.components.mean, experts.components.components)
    with stages.stage("features", len(dataset.gate) + len(dataset.test)) as advance:
        gate_input = look(dataset.gate, bins, features, experts, advance)
        test_input = look(dataset.test, bins, features, experts, advance)
    with stages.stage("gate"):
        gate = train_gate(experiment.gate, experiment, gate_input, experts)
        reference = gate if isinstance(gate, ClassifyGate) else ClassifyGate(training=experiment.training)
        if reference is not gate:
            reference = train_gate(reference, experiment, gate_input, experts)
    with stages.stage("evaluate"):
        predictions = predict(experiment, bins.names_, test_input, experts, gate, reference)
        results: Results = experiment.evaluation.evaluate(predictions, seed=experiment.seed)
    return Outcome(results=results, dataset=dataset, experts=experts, gate=gate, seconds=stages.seconds)


def check(experiment: Experiment) -> None:
    """Refuse options that cannot work, before any star is made or read."""
    experiment.bins.check()
    experiment.features.check_wavelength(experiment.data.read_wavelength())
    replace(experiment.gate, training=experiment.training).check()
    experiment.evaluation.check()


def divide(experiment: Experiment, dataset: Dataset) -> tuple[RectangularBins, np.ndarray]:
    """Fit the bins on the training stars' labels, and return them with the bin of each training star."""
    handed_out = dataset.train.files.labels.iloc[dataset.train.handed_out]
    bins: RectangularBins = experiment.bins.fit(handed_out["teff"].to_numpy(float), handed_out["m_h"].to_numpy(float))
    train_bins = assign(bins, dataset.train.labels)
    experiment.experts.check_counts(train_bins, bins.names_)
    for option, stars in (("data.n_val", dataset.gate), ("data.n_test", dataset.test)):
        if np.sum(assign(bins, stars.labels) >= 0) < 2:
            raise InputError(
                f"{option}: fewer than 2 of {len(stars)} stars lie in a bin; use more stars or wider bins."
            )
    return bins, train_bins


def assign(bins: RectangularBins, labels: pd.DataFrame) -> np.ndarray:
    """Return the bin of each star, (n_stars,); -1 outside every bin."""
    return bins.assign(labels["teff"].to_numpy(float), labels["m_h"].to_numpy(float))


def look(
    stars: Stars, bins: RectangularBins, features: GateFeatures, experts: FittedExperts, advance: Advance
) -> GateInput:
    """Take gate features and every expert's prediction of the stars of one split, a block at a time."""
    parts = []
    for block, flux in stars.blocks():
        parts.append((features.transform(flux), *experts.predict(flux)))
        advance(len(block))
    labels = stars.labels
    return GateInput(labels, assign(bins, labels), *(np.concatenate(part) for part in zip(*parts, strict=True)))


def train_gate(gate: Gate, experiment: Experiment, stars: GateInput, experts: FittedExperts) -> Gate:
    """Fit a gate on the covered gate stars, with the experts' predictions clipped as configured."""
    covered = stars.bin_index >= 0
    predicted = stars.experts[covered]
    if experiment.experts.clip:
        predicted = clip_predictions(predicted, *experts.logg_range)
    return replace(gate, training=experiment.training).fit(
        stars.features[covered],
        stars.labels["logg"].to_numpy(float)[covered],
        expert_predictions=predicted,
        bin_index=stars.bin_index[covered],
        seed=experiment.seed,
    )


def predict(
    experiment: Experiment,
    names: tuple[str, ...],
    stars: GateInput,
    experts: FittedExperts,
    gate: Gate,
    reference: Gate,
) -> Predictions:
    """Route the experts' predictions of the test stars, with and without clipping."""
    weights, classify_weights = gate.predict_weights(stars.features), reference.predict_weights(stars.features)
    covered = stars.bin_index >= 0

    def route(predicted: np.ndarray, global_ridge: np.ndarray) -> dict[str, np.ndarray]:
        mixed = {
            "soft": route_soft(weights, predicted),
            "hard": route_hard(weights, predicted),
            "oracle": route_oracle(stars.bin_index, predicted),
            "classify": route_soft(classify_weights, predicted),
        }
        routed = {name: fall_back(prediction, covered, global_ridge) for name, prediction in mixed.items()}
        return routed | {"global_ridge": global_ridge}

    limits = experts.logg_range
    return Predictions(
        stars=stars.labels[["star_index", "teff", "logg", "m_h"]].assign(bin_index=stars.bin_index),
        bin_names=names,
        gate=experiment.choices["gate"],
        clip=experiment.experts.clip,
        clipped=route(clip_predictions(stars.experts, *limits), clip_predictions(stars.global_ridge, *limits)),
        unclipped=route(stars.experts, stars.global_ridge),
        gate_weights=weights,
        classify_weights=classify_weights,
    )
