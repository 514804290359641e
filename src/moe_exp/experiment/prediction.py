"""What every model of a run predicts: of its test stars, and of stars of other libraries."""

from collections.abc import Mapping

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


def assess(model: CalibratedMixture, predictions: Predictions, inputs: GateInputs, stars: Stars) -> Coverage:
    """Hold the error bars and flags of a model against the labels of the test stars.

    Parameters
    ----------
    model : CalibratedMixture
    predictions : Predictions
        Of the same stars.
    inputs : GateInputs
        Of these stars, not clipped.
    stars : Stars
    """
    limited = limit(inputs, model.fitted.experts, clip=model.fitted.clip)
    masked = stars.n_filled / len(model.fitted.wavelength)
    return Coverage.of(predictions, model.judge(limited, masked))


def predict_external(
    experiment: Experiment,
    dataset: Dataset,
    mixture: FittedMixture,
    reference: FittedMixture,
    baseline: Mapping[str, Predictor],
) -> dict[str, ExternalResults]:
    """Predict and score all external stars that the experiment names, by the name of their file in ``conf``."""
    trained = dataset.train.labels
    ranges = {name: (float(trained[name].min()), float(trained[name].max())) for name in LABELS}
    found = {}
    for name, stars in experiment.externals.items():
        sample = stars.open(f"externals.{name}", dataset, experiment.preprocessing, experiment.cache_dir)
        inputs = measure_flux(sample.flux, mixture.features, mixture.experts)
        others = {model: predict_flux(sample.flux) for model, predict_flux in baseline.items()}
        found[name] = evaluate_external(
            predict(experiment, sample.labels, inputs, mixture, reference, others),
            ranges,
            experiment.evaluation,
            title=sample.title,
            seed=experiment.seed,
            logg_error=sample.logg_error,
            other_logg=sample.other_logg,
        )
    return found
