"""The stages that do not depend on the gate: the runs of a sweep share their results through the cache."""

from functools import partial
from typing import Any

from moe_exp.cache.stages import StageCache
from moe_exp.experiment.config import Experiment
from moe_exp.experiment.stage_keys import identify_baseline, identify_experts, identify_gate_inputs
from moe_exp.model.baselines import Predictor
from moe_exp.model.bins_base import Bins
from moe_exp.model.features_base import Features
from moe_exp.model.fitted_experts import FittedExperts
from moe_exp.model.gate_inputs import GateInputs, measure_stars
from moe_exp.progress import Stages
from moe_exp.spectra.dataset import Dataset, Stars

STAGES = {"experts": "experts", "gate_inputs": "features", "baseline": "baseline"}
"""What a run calls a stage, by what the cache calls its results."""


class SharedStages:
    """Each stage is recalled where another run made it from the same values, code and stars, or else made and kept.

    Parameters
    ----------
    experiment : Experiment
    dataset : Dataset
    bins : Bins
        Fitted.
    stages : Stages
        Shows how far the work is.
    device : str
        ``cpu`` or ``cuda``.

    Attributes
    ----------
    identities : dict of str to dict
        What ``experts`` and ``baseline`` depend on.
    """

    def __init__(self, experiment: Experiment, dataset: Dataset, bins: Bins, stages: Stages, device: str) -> None:
        self.experiment, self.dataset, self.stages = experiment, dataset, stages
        self._training = dataset.train, bins.assign_stars(dataset.train.labels), bins.names_
        n_components, seed = experiment.features.n_components, experiment.seed
        self._arguments: dict[str, dict[str, Any]] = {
            "experts": {"n_components": n_components, "seed": seed, "device": device},
            "baseline": {"seed": seed},
        }
        self.identities = {
            "experts": identify_experts(experiment.experts, *self._training, self._arguments["experts"]),
            "baseline": identify_baseline(experiment.baseline, dataset.train, self._arguments["baseline"]),
        }
        self._cache = StageCache(experiment.cache_dir / "stages", experiment.cache_limit_gb)

    @property
    def recalled(self) -> tuple[str, ...]:
        """Stages of the run whose results all came from the cache, so that their times are those of reading."""
        return tuple(STAGES[kept] for kept, made in self._cache.made.items() if not made)

    def fit_experts(self) -> FittedExperts:
        """Fit all Ridges to the training stars."""
        with self.stages.stage("experts", len(self.dataset.train), "training stars") as advance:
            fit = partial(self.experiment.experts.fit, *self._training, **self._arguments["experts"], advance=advance)
            return self._cache.get("experts", self.identities["experts"], fit)

    def measure(self, stars: Stars, features: Features, experts: FittedExperts, *, unit: str) -> GateInputs:
        """Take gate features and every Ridge's prediction of the stars of one split, whose `unit` progress names."""
        identity = identify_gate_inputs(self.experiment, stars, self.identities["experts"])
        with self.stages.stage("features", len(stars), unit) as advance:
            return self._cache.get("gate_inputs", identity, partial(measure_stars, stars, features, experts, advance))

    def fit_baseline(self) -> dict[str, Predictor]:
        """Return what predicts the label by the baseline's name; nothing without a baseline."""
        baseline = self.experiment.baseline
        if not baseline.name:
            return {}
        with self.stages.stage("baseline", baseline.n_steps, unit="steps") as advance:
            fit = partial(baseline.fit, self.dataset.train, **self._arguments["baseline"], advance=advance)
            return {baseline.name: self._cache.get("baseline", self.identities["baseline"], fit)}
