"""Configurations whose identities are computed: composed once, on files of made-up stars for each split."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml
from omegaconf import OmegaConf

from moe_exp.experiment.config import GROUPS, Experiment, build
from moe_exp.spectra.files import ERROR, LABELS
from tests.conftest import write_stars
from tests.experiment.identities import identities_of


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("identities")
    sizes = {"train": 900, "gate": 120, "test": 120, "other": 900}
    return {
        name: add_marks(
            add_ids(write_stars(folder / f"{name}.h5", n_stars, random_order=True, seed=seed), first=1000 * seed)
        )
        for seed, (name, n_stars) in enumerate(sizes.items())
    }


def add_ids(path: Path, *, first: int) -> Path:
    """Say in a file that every star was seen twice."""
    labels = pd.DataFrame(pd.read_hdf(path))
    ids = first + np.arange(len(labels)) // 2
    labels.assign(star=ids).to_hdf(path, key=LABELS, format="table", mode="a", index=False)
    return path


def add_marks(path: Path) -> Path:
    """Put flags of a bad pixel in every star, and inverse variances of other errors, into a file."""
    with h5py.File(path, "a") as file:
        file["mask"] = np.arange(60) == np.arange(len(file[ERROR]))[:, None] % 60
        file["ivar"] = (2 * file[ERROR][()]) ** -2.0
    return path


@pytest.fixture(scope="session")
def composed() -> dict:
    """Keep what was composed, which takes longer than all identities."""
    return {}


@pytest.fixture
def compute(configure, files, composed):
    """Compute the identities of a configuration whose three splits have files of their own."""

    def experiment_of(base: tuple[str, ...], *overrides: str) -> Experiment:
        options = {"data.path": "train", "data.val_path": "gate", "data.test_path": "test"}
        paths = [f"{option}={files[name]}" for option, name in options.items()] if "data=hdf5" in base else []
        return configure(*base, *paths, *overrides)

    def compute_identities(base: tuple[str, ...], override: str | None = None, device: str = "cpu") -> dict[str, str]:
        if base not in composed:
            composed[base] = experiment_of(base)
        experiment = composed[base]
        if override is not None and override.partition("=")[0] in {*GROUPS, "hypothesis"}:
            experiment = experiment_of(base, override)
        elif override is not None:
            experiment = with_value(experiment, override)
        return identities_of(experiment, device)

    return compute_identities


def with_value(experiment: Experiment, override: str) -> Experiment:
    """Build an experiment with one value set otherwise: Hydra takes four times as long to compose all of it anew."""
    option, _, value = override.removeprefix("+").partition("=")
    config = OmegaConf.create(experiment.values | {"trusted_modules": ["tests"]})
    OmegaConf.update(config, option, yaml.safe_load(value), force_add=True)
    return build(config, experiment.choices)
