"""The stages that do not depend on the gate: the runs of a sweep share their results through the cache."""

import hashlib
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np

from moe_exp.cache.code import code_digest
from moe_exp.cache.stages import StageCache
from moe_exp.experiment.config import Experiment
from moe_exp.model.bins import RectangularBins
from moe_exp.model.experts import FittedExperts
from moe_exp.model.features import GateFeatures
from moe_exp.model.mixture import GateInputs, see_stars
from moe_exp.progress import Stages
from moe_exp.spectra.dataset import Dataset, Stars


class SharedStages:
    """Each stage is recalled where another run made it from the same values, code and stars, or else made and kept.

    Parameters
    ----------
    experiment : Experiment
    stages : Stages
        Shows how far the work is.
    device : str
        ``cpu`` or ``cuda``.
    """

    def __init__(self, experiment: Experiment, stages: Stages, device: str) -> None:
        self.experiment, self.stages, self.device = experiment, stages, device
        self._cache = StageCache(experiment.cache_dir / "stages", experiment.cache_limit_gb)
        self._experts_identity: dict[str, Any] = {}

    def fit_experts(self, stars: Stars, bins: RectangularBins) -> FittedExperts:
        """Fit all Ridges to the training stars."""
        settings, n_components = self.experiment.experts, self.experiment.features.n_components
        bin_index = bins.assign_stars(stars.labels)
        self._experts_identity = {
            "stars": stars.identity,
            "bins": [*bins.names_, hashlib.sha256(bin_index.tobytes()).hexdigest()],
            "alphas": settings.alphas.tolist(),
            "n_folds": settings.n_folds,
            "n_components": n_components,
            "seed": self.experiment.seed,
            "device": self.device,
            "code": code_digest("moe_exp.model.experts"),
        }
        with self.stages.stage("experts", len(stars)) as advance:
            fit = partial(
                settings.fit,
                stars,
                bin_index,
                bins.names_,
                n_components=n_components,
                seed=self.experiment.seed,
                device=self.device,
                advance=advance,
            )
            return self._cache.get("experts", self._experts_identity, fit)

    def see_stars(self, stars: Stars, features: GateFeatures, experts: FittedExperts) -> GateInputs:
        """Take gate features and every Ridge's prediction of the stars of one split, once the experts are fitted."""
        identity = {
            "stars": stars.identity,
            "experts": self._experts_identity,
            "features": asdict(features),
            "code": code_digest("moe_exp.model.mixture"),
        }
        with self.stages.stage("features", len(stars)) as advance:
            return self._cache.get("gate_inputs", identity, partial(see_stars, stars, features, experts, advance))

    def fit_baseline(self, dataset: Dataset) -> dict[str, np.ndarray]:
        """Return log g [dex] of the test stars by the baseline's name; nothing without a baseline."""
        baseline, seed = self.experiment.baseline, self.experiment.seed
        if not baseline.name:
            return {}
        identity = {
            "train": dataset.train.identity,
            "test": dataset.test.identity,
            "baseline": asdict(baseline),
            "seed": seed,
            "code": code_digest("moe_exp.model.baselines"),
        }
        with self.stages.stage("baseline", baseline.n_steps, unit="trees") as advance:
            fit = partial(baseline.fit_predict, dataset.train, dataset.test, seed=seed, advance=advance)
            return {baseline.name: self._cache.get("baseline", identity, fit)}
