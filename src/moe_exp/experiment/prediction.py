"""What every model of a run predicts: of its test stars, and of stars of other libraries."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from moe_exp.evaluation.coverage import Coverage
from moe_exp.evaluation.external import LABELS, ExternalResults, evaluate_external
from moe_exp.evaluation.predictions import KEPT_COLUMNS, STAR_COLUMNS, Predictions
from moe_exp.experiment.config import Experiment
from moe_exp.model.baselines import Predictor
from moe_exp.model.gate_inputs import GateInputs, measure_flux
from moe_exp.model.mixture import FittedMixture, limit
from moe_exp.model.routing import clip_predictions
from moe_exp.prediction.calibrated import CalibratedMixture
from moe_exp.spectra.dataset import Dataset, Stars

NOISIER = 1.5
"""How much stronger the noise is that error bars are tried at, besides that which they were calibrated for."""

MOST_NOISIER = 2000
"""Test stars that are looked at so: enough for half a per cent."""


def predict(
    experiment: Experiment,
    labels: pd.DataFrame,
    inputs: GateInputs,
    mixture: FittedMixture,
    reference: FittedMixture,
    baseline: Mapping[str, np.ndarray],
) -> Predictions:
    """Put together what every model predicts of stars with these labels, with and without clipping."""
    bin_index = mixture.bins.assign_stars(labels)
    limits = mixture.experts.label_range
    stars = labels.assign(bin_index=bin_index)
    if "snr" not in stars:
        stars["snr"] = 1 / np.maximum(inputs.noise, np.finfo(np.float32).eps)
    columns = [*STAR_COLUMNS, *(name for name in (*KEPT_COLUMNS, mixture.label.column) if name in stars)]

    def route(*, clip: bool) -> dict[str, np.ndarray]:
        others = {"global_ridge": inputs.global_ridge, **baseline}
        return {
            **mixture.route(inputs, bin_index, clip=clip),
            "classify": reference.route(inputs, bin_index, clip=clip)["soft"],
            **{name: clip_predictions(values, *limits) if clip else values for name, values in others.items()},
        }

    return Predictions(
        stars=stars[[*dict.fromkeys(columns)]],
        label=mixture.label,
        bin_names=mixture.bins.names_,
        gate=experiment.choices["gate"],
        clip=experiment.experts.clip,
        clipped=route(clip=True),
        unclipped=route(clip=False),
        gate_weights=mixture.gate.predict_weights(inputs.features),
        classify_weights=reference.gate.predict_weights(inputs.features),
    )


def assess(model: CalibratedMixture, labels: pd.DataFrame, inputs: GateInputs, n_filled: np.ndarray) -> Coverage:
    """Hold the error bars and flags of a model against the labels of some stars.

    Parameters
    ----------
    model : CalibratedMixture
    labels : DataFrame of n_stars rows
    inputs : GateInputs
        Of these stars, not clipped.
    n_filled : array of shape (n_stars,)
        Pixels of each that were masked.
    """
    fitted = model.fitted
    judged = model.judge(limit(inputs, fitted.experts, clip=fitted.clip), n_filled / len(fitted.wavelength))
    y = labels[fitted.label.column].to_numpy(float)
    return Coverage.of(judged, y, fitted.bins.assign_stars(labels), fitted.bins.names_)


def noisier(stars: Stars) -> Stars:
    """Return some of the same stars, with the same draw of noise, `NOISIER` times as strong."""
    return replace(stars, handed_out=stars.handed_out[:MOST_NOISIER], noise_level=NOISIER * stars.noise_level)


def predict_external(
    experiment: Experiment,
    dataset: Dataset,
    model: CalibratedMixture,
    reference: FittedMixture,
    baseline: Mapping[str, Predictor],
) -> dict[str, ExternalResults]:
    """Predict and score all external stars that the experiment names, by the name of their file in ``conf``."""
    trained = dataset.train.labels
    ranges = {name: (float(trained[name].min()), float(trained[name].max())) for name in LABELS}
    found, mixture = {}, model.fitted
    for name, stars in experiment.externals.items():
        sample = stars.open(f"externals.{name}", dataset, experiment.preprocessing, experiment.cache_dir)
        inputs = measure_flux(sample.flux, mixture.features, mixture.experts)
        others = {model: predict_flux(sample.flux) for model, predict_flux in baseline.items()}
        found[name] = evaluate_external(
            predict(experiment, sample.labels, inputs, mixture, reference, others),
            assess(model, sample.labels, inputs, np.zeros(len(sample.labels))),
            ranges,
            experiment.evaluation,
            title=sample.title,
            seed=experiment.seed,
            logg_error=sample.logg_error,
            other_logg=sample.other_logg,
        )
    return found
