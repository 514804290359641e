"""The order of the stages of one run, and nothing else.

What does not depend on the gate (Ridges, gate features, the Ridges' predictions) is shared through the cache.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from moe_exp.cache import StageCache, code_digest
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


class Look(NamedTuple):
    """Stars of one split as the gate sees them."""

    features: np.ndarray
    """(n_stars, n_features)"""
    experts: np.ndarray
    """(n_stars, n_experts) log g [dex], not clipped"""
    global_ridge: np.ndarray
    """(n_stars,) log g [dex], not clipped"""


def run(experiment: Experiment, stages: Stages) -> Outcome:
    """Run one experiment from its spectra to its results.

    Raises
    ------
    InputError
        If an option or the data cannot be used; options are checked before any work.
    """
    device = choose_device(experiment.device)
    check(experiment)
    dataset: Dataset = experiment.data.open(experiment.cache_dir, stages, device)
    bins, train_bins = divide(experiment, dataset)
    shared = StageCache(experiment.cache_dir / "stages", experiment.cache_limit_gb)
    experts, identity = fit_experts(experiment, dataset.train, train_bins, bins.names_, shared, stages, device)
    features = experiment.features.fit(dataset.wavelength, experts.components.mean, experts.components.components)
    gate_look = look(dataset.gate, features, experts, identity, shared, stages)
    test_look = look(dataset.test, features, experts, identity, shared, stages)
    baseline = fit_baseline(experiment, dataset, shared, stages)
    with stages.stage("gate"):
        gate = train_gate(experiment.gate, experiment, dataset.gate, gate_look, bins, experts)
        reference = ClassifyGate(training=experiment.training)
        if reference.get_params() == gate.get_params() and type(gate) is ClassifyGate:
            reference = gate
        else:
            reference = train_gate(reference, experiment, dataset.gate, gate_look, bins, experts)
    with stages.stage("evaluate"):
        predictions = predict(experiment, dataset.test, test_look, bins, experts, gate, reference, baseline)
        results: Results = experiment.evaluation.evaluate(predictions, seed=experiment.seed)
    return Outcome(results=results, dataset=dataset, experts=experts, gate=gate, seconds=stages.seconds)


def check(experiment: Experiment) -> None:
    """Refuse options that cannot work, before any star is made or read."""
    experiment.bins.check()
    experiment.features.check_wavelength(experiment.data.read_wavelength())
    replace(experiment.gate, training=experiment.training).check()
    experiment.evaluation.check()
    for hypothesis in experiment.hypotheses.values():
        hypothesis.check()


def divide(experiment: Experiment, dataset: Dataset) -> tuple[RectangularBins, np.ndarray]:
    """Fit the bins on the training stars' labels, and return them with the bin of each training star."""
    handed_out = dataset.train.files.labels.iloc[dataset.train.handed_out]
    bins: RectangularBins = experiment.bins.fit(handed_out["teff"].to_numpy(float), handed_out["m_h"].to_numpy(float))
    train_bins = assign(bins, dataset.train)
    experiment.experts.check_counts(train_bins, bins.names_)
    for option, stars in (("data.n_val", dataset.gate), ("data.n_test", dataset.test)):
        logg = stars.labels["logg"].to_numpy(float)[assign(bins, stars) >= 0]
        n_values = len(np.unique(logg))
        if n_values < 2:
            raise InputError(
                f"{option}: {len(logg)} of {len(stars)} stars lie in a bin, with {n_values} value(s) of log_g; at "
                f"least two of each are needed. Use more stars or wider bins."
            )
    return bins, train_bins


def assign(bins: RectangularBins, stars: Stars) -> np.ndarray:
    """Return the bin of each star, (n_stars,); -1 outside every bin."""
    labels = stars.labels
    return bins.assign(labels["teff"].to_numpy(float), labels["m_h"].to_numpy(float))


def fit_experts(
    experiment: Experiment,
    stars: Stars,
    train_bins: np.ndarray,
    names: tuple[str, ...],
    shared: StageCache,
    stages: Stages,
    device: str,
) -> tuple[FittedExperts, dict[str, Any]]:
    """Fit all Ridges or recall them; the second value is what they depend on."""
    settings = experiment.experts
    identity = {
        "stars": stars.identity,
        "bins": [*names, hashlib.sha256(train_bins.tobytes()).hexdigest()],
        "alphas": settings.alphas.tolist(),
        "n_folds": settings.n_folds,
        "n_components": experiment.features.n_components,
        "seed": experiment.seed,
        "device": device,
        "code": code_digest("moe_exp.model.experts"),
    }
    with stages.stage("experts", len(stars)) as advance:

        def fit() -> FittedExperts:
            return settings.fit(
                stars,
                train_bins,
                names,
                n_components=experiment.features.n_components,
                seed=experiment.seed,
                device=device,
                advance=advance,
            )

        return shared.get("experts", identity, fit), identity


def look(
    stars: Stars,
    features: GateFeatures,
    experts: FittedExperts,
    experts_identity: Mapping[str, Any],
    shared: StageCache,
    stages: Stages,
) -> Look:
    """Take gate features and every Ridge's prediction of the stars of one split, or recall them."""
    identity = {
        "stars": stars.identity,
        "experts": experts_identity,
        "features": asdict(features),
        "code": code_digest("moe_exp.model.features"),
    }
    with stages.stage("features", len(stars)) as advance:
        return shared.get("look", identity, lambda: _look(stars, features, experts, advance))


def _look(stars: Stars, features: GateFeatures, experts: FittedExperts, advance: Advance) -> Look:
    parts = []
    for block, flux in stars.blocks():
        parts.append((features.transform(flux), *experts.predict(flux)))
        advance(len(block))
    return Look(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def fit_baseline(experiment: Experiment, dataset: Dataset, shared: StageCache, stages: Stages) -> dict[str, np.ndarray]:
    """Return log g [dex] of the test stars by the baseline's name, fitted or recalled; nothing without a baseline."""
    baseline = experiment.baseline
    if not baseline.name:
        return {}
    identity = {
        "train": dataset.train.identity,
        "test": dataset.test.identity,
        "baseline": asdict(baseline),
        "seed": experiment.seed,
        "code": code_digest("moe_exp.model.baselines"),
    }
    with stages.stage("baseline", baseline.n_steps, unit="trees") as advance:

        def fit() -> np.ndarray:
            return baseline.fit_predict(dataset.train, dataset.test, seed=experiment.seed, advance=advance)

        return {baseline.name: shared.get("baseline", identity, fit)}


def train_gate(
    gate: Gate, experiment: Experiment, stars: Stars, seen: Look, bins: RectangularBins, experts: FittedExperts
) -> Gate:
    """Fit a gate on the covered gate stars, with the experts' predictions clipped as configured."""
    bin_index = assign(bins, stars)
    covered = bin_index >= 0
    predicted = seen.experts[covered]
    if experiment.experts.clip:
        predicted = clip_predictions(predicted, *experts.logg_range)
    return replace(gate, training=experiment.training).fit(
        seen.features[covered],
        stars.labels["logg"].to_numpy(float)[covered],
        expert_predictions=predicted,
        bin_index=bin_index[covered],
        seed=experiment.seed,
    )


def predict(
    experiment: Experiment,
    stars: Stars,
    seen: Look,
    bins: RectangularBins,
    experts: FittedExperts,
    gate: Gate,
    reference: Gate,
    baseline: Mapping[str, np.ndarray],
) -> Predictions:
    """Route the experts' predictions of the test stars, with and without clipping."""
    weights, classify_weights = gate.predict_weights(seen.features), reference.predict_weights(seen.features)
    bin_index = assign(bins, stars)

    def route(predicted: np.ndarray, global_ridge: np.ndarray) -> dict[str, np.ndarray]:
        mixed = {
            "soft": route_soft(weights, predicted),
            "hard": route_hard(weights, predicted),
            "oracle": route_oracle(bin_index, predicted),
            "classify": route_soft(classify_weights, predicted),
        }
        routed = {name: fall_back(prediction, bin_index >= 0, global_ridge) for name, prediction in mixed.items()}
        return routed | {"global_ridge": global_ridge}

    limits = experts.logg_range
    labels: pd.DataFrame = stars.labels[["star_index", "teff", "logg", "m_h"]]
    return Predictions(
        stars=labels.assign(bin_index=bin_index),
        bin_names=bins.names_,
        gate=experiment.choices["gate"],
        clip=experiment.experts.clip,
        clipped=route(clip_predictions(seen.experts, *limits), clip_predictions(seen.global_ridge, *limits))
        | {name: clip_predictions(predicted, *limits) for name, predicted in baseline.items()},
        unclipped=route(seen.experts, seen.global_ridge) | dict(baseline),
        gate_weights=weights,
        classify_weights=classify_weights,
    )
