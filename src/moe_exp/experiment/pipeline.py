"""The order of the stages of one run, and what it leaves."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from moe_exp.cache.stages import in_use
from moe_exp.evaluation.coverage import Coverage
from moe_exp.evaluation.external import ExternalResults
from moe_exp.evaluation.results import Results
from moe_exp.experiment.cached_stages import SharedStages
from moe_exp.experiment.checks import check, check_covered, check_folds
from moe_exp.experiment.config import Experiment
from moe_exp.experiment.prediction import assess, noisier, predict, predict_external
from moe_exp.machine import choose_device, one_blas_thread
from moe_exp.model.baselines import predict_stars
from moe_exp.model.bins_base import Bins
from moe_exp.model.gates import ClassifyGate, Gate
from moe_exp.model.mixture import FittedMixture, fit_gate, limit
from moe_exp.prediction.calibrated import CalibratedMixture
from moe_exp.prediction.calibration import calibrate
from moe_exp.progress import Stages
from moe_exp.spectra.dataset import Dataset


@dataclass(frozen=True, eq=False, kw_only=True)
class Outcome:
    """What a run leaves: results, and what they were made with.

    Attributes
    ----------
    experiment : Experiment
    results : Results
        Its tables are data frames: ``scores``, ``bins``, ``intervals``, ``worst_stars``.
    dataset : Dataset
    mixture : FittedMixture
    model : CalibratedMixture
        The same with error bars and flags; `moe_exp.Mixture.of` makes of it what others use.
    coverage : Coverage
        How well these are on the test stars.
    noisier_coverage : Coverage
        The same with more noise than anything was trained on.
    external : mapping of str to ExternalResults
        What it says of stars that it was not trained on, by the name of their file in ``conf``.
    seconds : dict of str to float
        Wall time of each stage [s].
    recalled : tuple of str
        Stages whose results came from the cache.
    """

    experiment: Experiment
    results: Results
    dataset: Dataset
    mixture: FittedMixture
    model: CalibratedMixture
    coverage: Coverage
    noisier_coverage: Coverage
    external: Mapping[str, ExternalResults]
    seconds: dict[str, float]
    recalled: tuple[str, ...]

    @property
    def predictions(self) -> pd.DataFrame:
        """One row a test star: labels, bin, every model's prediction, the gate's weights."""
        return self.results.predictions.to_frame()


@one_blas_thread()
def run(experiment: Experiment, stages: Stages | None = None) -> Outcome:
    """Run one experiment from its spectra to its results; `stages` shows how far the work is.

    Raises
    ------
    InputError
        If an option or the data cannot be used; options are checked before any work.
    """
    device = choose_device(experiment.device)
    check(experiment)
    with in_use(experiment.cache_dir):
        return _run(experiment, stages or Stages(), device)


def _run(experiment: Experiment, stages: Stages, device: str) -> Outcome:
    dataset = open_dataset(experiment, stages)
    experiment.features.check_wavelength(dataset.wavelength, medium=dataset.medium)
    bins = fit_bins(experiment, dataset)
    shared = SharedStages(experiment, dataset, bins, stages, device)
    experts = shared.fit_experts()
    components = experts.components
    features = experiment.features.fit(
        dataset.wavelength, components.mean, components.components, medium=dataset.medium
    )
    noisy_test = noisier(dataset.test)
    gate_inputs, test_inputs, noisy_inputs = (
        shared.measure(stars, features, experts, unit=f"{split} stars")
        for split, stars in (("gate", dataset.gate), ("test", dataset.test), ("noisier test", noisy_test))
    )
    baseline = shared.fit_baseline()
    with stages.stage("gate"):
        bin_index = bins.assign_stars(dataset.gate.labels)
        clip, seed = experiment.experts.clip, experiment.seed
        limited = limit(gate_inputs, experts, clip=clip)

        def train(gate: Gate) -> Gate:
            gate = replace(gate, training=experiment.training)
            return fit_gate(gate, dataset.gate, bin_index, limited, seed=seed)

        mixture = FittedMixture(
            bins=bins,
            features=features,
            experts=experts,
            gate=train(experiment.gate),
            flux_unit=dataset.train.flux_unit,
            preprocessing=dataset.train.preprocessing,
            clip=clip,
            wavelength=dataset.wavelength,
            medium=dataset.medium,
            template=dataset.train.used.template,
            label=dataset.train.label,
        )
        reference = mixture if is_reference(experiment.gate) else replace(mixture, gate=train(ClassifyGate()))
    with stages.stage("calibrate"):
        model = calibrate(mixture, dataset.gate, bin_index, limited, seed=seed)
    with stages.stage("evaluate"):
        others = {name: predict_stars(predict_flux, dataset.test) for name, predict_flux in baseline.items()}
        predictions = predict(experiment, dataset.test.labels, test_inputs, mixture, reference, others)
        results: Results = experiment.evaluation.evaluate(predictions, seed=experiment.seed, further=experiment.metrics)
        coverage = assess(model, dataset.test.labels, test_inputs, dataset.test.n_filled)
        noisier_coverage = assess(model, noisy_test.labels, noisy_inputs, noisy_test.n_filled)
        external = predict_external(experiment, dataset, model, reference, baseline)
    return Outcome(
        experiment=experiment,
        results=results,
        dataset=dataset,
        mixture=mixture,
        model=model,
        coverage=coverage,
        noisier_coverage=noisier_coverage,
        external=external,
        seconds=stages.seconds,
        recalled=shared.recalled,
    )


def open_dataset(experiment: Experiment, stages: Stages) -> Dataset:
    """Read or make the stars; what is done to the spectra of one split is done to all."""
    dataset: Dataset = experiment.data.open(experiment.cache_dir, stages)
    return dataset.observed(experiment.noise, experiment.preprocessing)


def fit_bins(experiment: Experiment, dataset: Dataset) -> Bins:
    """Fit the bins on the training stars' labels, and see that every split has covered stars enough."""
    handed_out = dataset.train.files.labels.iloc[dataset.train.handed_out]
    bins: Bins = experiment.bins.fit(handed_out["teff"].to_numpy(float), handed_out["m_h"].to_numpy(float))
    experiment.experts.check_counts(bins.assign_stars(dataset.train.labels), dataset.train.star, bins.names_)
    check_covered(bins, {"data.n_val": dataset.gate, "data.n_test": dataset.test})
    check_folds(experiment, bins, dataset.gate)
    return bins


def is_reference(gate: Gate) -> bool:
    """Say whether a gate is the one that every run holds its own against: classify with default options."""
    return type(gate) is ClassifyGate and replace(gate, training=ClassifyGate().training) == ClassifyGate()
