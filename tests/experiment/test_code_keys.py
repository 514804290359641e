"""Which keys and identities follow which class, module and library, and that no other does."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from moe_exp.cache import code
from moe_exp.cache.code import code_digest
from moe_exp.evaluation.results import Evaluation
from moe_exp.experiment.pipeline import run
from moe_exp.model.baselines import LightGbm
from moe_exp.model.bins import LabelGrid
from moe_exp.model.experts import RidgeExperts
from moe_exp.model.features import GateFeatures
from moe_exp.model.gates import MlpGate, Training
from moe_exp.progress import Stages
from moe_exp.spectra.noise import GaussianNoise
from moe_exp.spectra.preprocessing import NoPreprocessing
from moe_exp.spectra.sources import Hdf5Data
from moe_exp.tracking import Tracking
from tests.experiment.identities import (
    BASELINE,
    EXPERTS,
    FILES,
    FLUX,
    INPUTS,
    NOTHING,
    RUN,
    SIMULATED,
    STARS,
    differences,
)


@dataclass(frozen=True, kw_only=True)
class MyData(Hdf5Data):
    pass


@dataclass(frozen=True, kw_only=True)
class MyNoise(GaussianNoise):
    pass


@dataclass(frozen=True, kw_only=True)
class MyPreprocessing(NoPreprocessing):
    pass


@dataclass(kw_only=True)
class MyBins(LabelGrid):
    pass


@dataclass(kw_only=True)
class MyFeatures(GateFeatures):
    """A user's features that say nothing."""

    def transform(self, flux):
        return np.zeros_like(super().transform(flux))


@dataclass(kw_only=True)
class MyOtherFeatures(GateFeatures):
    pass


@dataclass(frozen=True, kw_only=True)
class MyExperts(RidgeExperts):
    pass


@dataclass(frozen=True, kw_only=True)
class MyBaseline(LightGbm):
    pass


@dataclass(kw_only=True)
class MyGate(MlpGate):
    pass


@dataclass(frozen=True)
class MyTraining(Training):
    pass


@dataclass(frozen=True, kw_only=True)
class MyEvaluation(Evaluation):
    pass


@dataclass(frozen=True, kw_only=True)
class MyTracking(Tracking):
    pass


@pytest.mark.parametrize(
    ("group", "class_name", "expected"),
    [
        ("data", "MyData", RUN),
        ("noise", "MyNoise", FLUX),
        ("preprocessing", "MyPreprocessing", FLUX),
        ("bins", "MyBins", RUN),
        ("features", "MyFeatures", INPUTS),
        ("experts", "MyExperts", EXPERTS),
        ("baseline", "MyBaseline", BASELINE),
        ("gate", "MyGate", RUN),
        ("training", "MyTraining", RUN),
        ("evaluation", "MyEvaluation", RUN),
        ("tracking", "MyTracking", NOTHING),
    ],
)
def test_a_class_of_the_users_is_another_even_with_the_same_options(compute, group, class_name, expected):
    assert differences(compute(FILES), compute(FILES, f"{group}._target_={__name__}.{class_name}")) == expected


def test_two_classes_of_one_module_are_told_apart(compute):
    mine, other = (compute(FILES, f"features._target_={__name__}.{name}") for name in ("MyFeatures", "MyOtherFeatures"))
    assert differences(mine, other) == INPUTS


def test_features_of_the_users_do_not_give_theirs_to_the_built_in_ones(configure, many_stars, tmp_path):
    small = ("data=hdf5", f"data.path={many_stars}", "data.n_train=800", "features=pca", "training.max_epochs=20")

    def r2(cache, *overrides):
        return run(configure(*small, f"cache_dir={tmp_path / cache}", *overrides), Stages()).results.metrics()[
            "test/r2"
        ]

    zeros = r2("shared", f"features._target_={__name__}.MyFeatures", "trusted_modules=[tests]")
    assert r2("shared") == r2("fresh") != zeros


@pytest.fixture
def forget():
    """Forget the digests that were computed with other code, before and after."""
    code_digest.cache_clear()
    yield
    code_digest.cache_clear()


CODE = [
    ("moe_exp.model.experts", EXPERTS),
    ("moe_exp.model.ridge.estimator", EXPERTS),
    ("moe_exp.model.features", INPUTS),
    ("moe_exp.model.gate_inputs", INPUTS),
    ("moe_exp.model.baselines", BASELINE),
    ("moe_exp.model.bins", RUN),
    ("moe_exp.model.gates.softmax", RUN),
    ("moe_exp.model.gates.training", RUN),
    ("moe_exp.model.mixture", RUN),
    ("moe_exp.prediction.intervals", RUN),
    ("moe_exp.prediction.adapting", NOTHING),
    ("moe_exp.prediction.velocities", NOTHING),
    ("moe_exp.prediction.readers.block", NOTHING),
    ("moe_exp.evaluation.bootstrap", RUN),
    ("moe_exp.evaluation.resamples", RUN),
    ("moe_exp.experiment.pipeline", RUN),
    ("moe_exp.spectra.noise", FLUX),
    ("moe_exp.spectra.preprocessing.continuum", FLUX),
    ("moe_exp.spectra.dataset", FLUX),
    ("moe_exp.spectra.star_files", FLUX),
    ("moe_exp.spectra.files", FLUX),
    ("moe_exp.spectra.masks", FLUX),
    ("moe_exp.spectra.used_pixels", FLUX),
    ("moe_exp.spectra.masked_stars", RUN),
    ("moe_exp.spectra.sources", RUN),
    ("moe_exp.spectra.sources_base", RUN),
    ("moe_exp.spectra.assembling", RUN),
    ("moe_exp.spectra.simulator.synthesis", STARS),
    ("moe_exp.workers", NOTHING),
    ("moe_exp.cache.stages", NOTHING),
    ("moe_exp.codes", NOTHING),
    ("moe_exp.errors", NOTHING),
    ("moe_exp.experiment.config", NOTHING),
    ("moe_exp.machine", NOTHING),
    ("moe_exp.progress", NOTHING),
    ("moe_exp.report.html", NOTHING),
    ("moe_exp.tracking.store", NOTHING),
]


@pytest.mark.usefixtures("forget")
@pytest.mark.parametrize(("module", "expected"), CODE)
def test_other_code_of_a_module_changes_what_it_makes(compute, monkeypatch, module, expected):
    def identities():
        return compute(FILES) | {"simulated": compute(SIMULATED)["simulated"]}

    before, read = identities(), code._read

    @cache
    def read_other(name):
        source = read(name)
        return source._replace(content=b"other") if name == module else source

    monkeypatch.setattr(code, "_read", read_other)
    code_digest.cache_clear()
    assert differences(before, identities()) == expected


@pytest.mark.usefixtures("forget")
@pytest.mark.parametrize(
    ("library", "expected"),
    [
        ("lightgbm", BASELINE),
        ("sklearn", EXPERTS),
        ("scipy", {*FLUX, "simulated"}),
        ("pandas", {*FLUX, "simulated"}),
        ("mlflow", NOTHING),
        ("hydra", NOTHING),
    ],
)
def test_another_release_of_a_library_changes_what_uses_it(compute, monkeypatch, library, expected):
    def identities():
        return compute(FILES) | {"simulated": compute(SIMULATED)["simulated"]}

    before, version = identities(), code._version
    monkeypatch.setattr(code, "_version", lambda name: "99" if name == library else version(name))
    code_digest.cache_clear()
    assert differences(before, identities()) == expected
