"""What tests share: small HDF5 files of made-up spectra, composed configurations, stores, and one small sweep."""

import os
import shutil
import sys

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # a worker a core: threads of both would wait for each other

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from moe_exp.experiment.composition import compose_in
from moe_exp.experiment.config import Experiment
from moe_exp.experiment.pipeline import run
from moe_exp.prediction.mixture import Mixture
from moe_exp.spectra.checksums import CHECKSUMS
from moe_exp.spectra.writer import write_spectra
from moe_exp.tracking import Tracking, open_store
from tests.command_line import PROJECT_ROOT, train, typed_claim
from tests.prediction.small import SMALL

ANYHOW = {"database": None, "deadline": None, "print_blob": True, "suppress_health_check": [*HealthCheck]}
settings.register_profile("suite", derandomize=True, max_examples=20, **ANYHOW)
settings.register_profile("thorough", max_examples=2000, **ANYHOW)
settings.load_profile("suite")  # which --hypothesis-profile=thorough overrides


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests first that start programs: a worker that came to one of them last would keep the others waiting."""
    items.sort(key=lambda item: not {"train", "subprocess"} & vars(item.module).keys())


@pytest.fixture(autouse=True)
def own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take back what MLflow puts before all other code when it loads a model: the package as it then was."""
    monkeypatch.setattr(sys, "path", [*sys.path])


def make_stars(n_stars: int, n_pixels: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Return flux and error (n_stars, n_pixels) that depend smoothly on labels, and the labels."""
    rng = np.random.default_rng(seed)
    labels = pd.DataFrame(
        {
            "teff": rng.uniform(3750, 6000, n_stars),
            "logg": rng.uniform(1, 5, n_stars),
            "m_h": rng.uniform(-2.0, 0.5, n_stars),
            "mag": rng.uniform(20, 22, n_stars),
        }
    )
    pixel = np.linspace(0, 1, n_pixels)
    x = labels["logg"].to_numpy()[:, None] - 3
    z = labels["m_h"].to_numpy()[:, None] + 1
    t = labels["teff"].to_numpy()[:, None] / 5000 - 1
    depth = np.exp(0.4 * z + 0.2 * x) * np.exp(-(((pixel - 0.5) / 0.1) ** 2))
    flux = 1 + t * (pixel - 0.5) + 0.1 * x * np.sin(7 * pixel) - 0.2 * depth
    error = 0.1 * (1.5 + np.cos(9 * pixel)) * 10 ** (0.1 * (labels["mag"].to_numpy()[:, None] - 21))
    return flux.astype(np.float32), error.astype(np.float32), labels


def write_stars(
    path: Path,
    n_stars: int = 50,
    *,
    random_order: bool = False,
    seed: int = 0,
    n_pixels: int = 60,
    logg: float | None = None,
) -> Path:
    """Write made-up stars to a file of the layout, as users' own are: without checksums. All have `logg` if given."""
    flux, error, labels = make_stars(n_stars, n_pixels, seed)
    if logg is not None:
        labels["logg"] = logg
    wavelength = np.linspace(8480, 8680, n_pixels)
    with write_spectra(path, wavelength=wavelength, medium="air", n_stars=n_stars, random_order=random_order) as writer:
        writer.add(flux, error, labels)
    with h5py.File(path, "a") as file:
        del file[CHECKSUMS]
    return path


@pytest.fixture
def stars_file(tmp_path: Path) -> Path:
    """Give a file of 50 made-up stars."""
    return write_stars(tmp_path / "stars.h5")


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[..., Path]:
    """Give what makes a folder once in a session, however many workers share it: the others wait for it."""
    session = tmp_path_factory.getbasetemp()
    session = session if worker_id == "master" else session.parent

    def make_once(name: str, make: Callable[[Path], object] = lambda folder: None) -> Path:
        folder, made = session / name, session / f"{name}.made"
        with FileLock(session / f"{name}.lock"):
            if not made.exists():
                folder.mkdir()
                make(folder)
                made.touch()
        return folder

    return make_once


@pytest.fixture(scope="session")
def cache_dir(made_once: Callable[..., Path]) -> Path:
    """Give one cache for the whole session: the simulated stars of the smoke preset are made once."""
    return made_once("cache")


@pytest.fixture(scope="session")
def fresh_store(made_once: Callable[..., Path]) -> Path:
    """Give a SQLite store that MLflow has made and nobody used, which takes it seconds; tests take copies."""
    return made_once("store", lambda folder: open_store(store_in(folder, experiment="other"))) / "mlflow.db"


def store_in(folder: Path, **options: str) -> Tracking:
    """Return the store that lies in a folder, as it does in a checkout."""
    return Tracking(uri=f"sqlite:///{folder}/mlflow.db", artifacts=str(folder / "mlruns"), **options)


@pytest.fixture
def run_folder(tmp_path: Path, fresh_store: Path) -> Path:
    """Give a folder with a store that is ready for runs."""
    shutil.copy(fresh_store, tmp_path)
    return tmp_path


@pytest.fixture
def tracking(run_folder: Path) -> Tracking:
    """Give a store without runs."""
    return store_in(run_folder)


@pytest.fixture
def configure(tmp_path: Path, cache_dir: Path) -> Callable[..., Experiment]:
    """Compose and build a configuration whose runs go to `tmp_path`."""

    def compose_and_build(*overrides: str) -> Experiment:
        places = [
            f"tracking.uri=sqlite:///{tmp_path}/mlflow.db",
            f"tracking.artifacts={tmp_path}/mlruns",
            f"cache_dir={cache_dir}",
            "tracking.figure_formats=[]",
        ]
        return compose_in(PROJECT_ROOT, [*places, *overrides])

    return compose_and_build


@pytest.fixture(scope="session")
def many_stars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file of made-up stars, enough for nine bins."""
    return write_stars(tmp_path_factory.mktemp("data") / "many.h5", 1200, random_order=True)


@pytest.fixture(scope="session")
def sweep(made_once: Callable[..., Path], cache_dir: Path) -> Path:
    """Give the folder of the smoke preset with three gates, run from another folder than the project's root.

    What it said and printed lies there as said.txt and printed.txt. It is one for the whole session: whoever adds to
    it takes a copy.
    """

    def make(folder: Path) -> None:
        arguments = ("-m", "experiment=smoke", "gate=linear,mlp,classify", "training.max_epochs=5")
        arguments += ("tracking.figure_formats=[png]",)
        place = {"cwd": PROJECT_ROOT / "src", "MOE_EXP_CACHE": str(cache_dir)}
        done = train(*arguments, typed_claim(), folder=folder, **place)
        assert done.returncode == 0, done.stderr
        (folder / "said.txt").write_text(done.stderr, encoding="utf-8")
        (folder / "printed.txt").write_text(done.stdout, encoding="utf-8")

    return made_once("sweep", make)


@pytest.fixture
def copy_of_sweep(sweep: Path, tmp_path: Path) -> Path:
    """Give a copy of the small sweep's store and artifacts."""
    shutil.copy(sweep / "mlflow.db", tmp_path)
    shutil.copytree(sweep / "mlruns", tmp_path / "mlruns")
    return tmp_path


@pytest.fixture(scope="session")
def model_folder(made_once: Callable[..., Path], cache_dir: Path) -> Path:
    """Give the folder of a small model: 60 pixels, 8480 to 8680 Å in air."""

    def make(folder: Path) -> None:
        stars = write_stars(folder / "stars.h5", 1200, random_order=True)
        options = (*SMALL, f"data.path={stars}", "gate=classify", f"cache_dir={cache_dir}")
        Mixture.of(run(compose_in(PROJECT_ROOT, options)).model).save(folder / "model")

    return made_once("prediction_model", make) / "model"


@pytest.fixture
def model(model_folder: Path) -> Mixture:
    """Give that model."""
    return Mixture.load(model_folder)
