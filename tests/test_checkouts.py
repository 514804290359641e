"""A checkout in a folder of any name, and a terminal of any locale: the programs as a user starts them there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command_line import PROJECT_ROOT, run_copy

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
NEEDS_ASCII = pytest.mark.skipif(
    not f"{sys.prefix}{PROJECT_ROOT}".isascii(), reason="in a C locale torch cannot be imported from such a folder"
)
SMALL = ("experiment=smoke", "gate=linear", "training.max_epochs=2", "tracking.figure_formats=[]")


@pytest.fixture
def checkout(tmp_path) -> Path:
    """Give train.py and conf in a folder whose path has a hyphen, a space and an umlaut."""
    folder = tmp_path / "a-b c ü" / "moe"
    shutil.copytree(PROJECT_ROOT / "conf", folder / "conf")
    shutil.copy(PROJECT_ROOT / "train.py", folder)
    return folder


def surroundings(**environment: str) -> dict[str, str]:
    """Return these variables and the inherited ones, without those that tests set aside."""
    aside = {name for name in os.environ if name.startswith("MOE_EXP_")} | {"MLFLOW_TRACKING_URI"}
    return {name: value for name, value in os.environ.items() if name not in aside} | environment


def start(folder: Path, *arguments: str, **environment: str) -> str:
    """Run Python in a folder as a shell does, and return what it printed."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=surroundings(**environment), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode(errors="replace")


def train_there(folder: Path, *arguments: str, **environment: str) -> None:
    """Run the train.py of a folder in it."""
    done = run_copy(["train.py", *arguments], folder, surroundings(**environment))
    assert done.returncode == 0, done.stderr


def test_runs_are_kept_and_compared_in_a_folder_of_any_name(checkout, tmp_path, cache_dir):
    place = {"MOE_EXP_CACHE": str(cache_dir), "MLFLOW_TRACKING_URI": ""}
    train_there(checkout, "-m", *SMALL, **place)
    assert {"mlflow.db", "mlruns", "outputs"} <= {path.name for path in checkout.iterdir()}
    assert len(list(checkout.glob("mlruns/*/artifacts/report.html"))) == 1
    moved = checkout.rename(tmp_path / "moved")
    assert "R² on the covered test stars" in start(moved, "-m", "moe_exp.cli", "compare", "--n-resamples", "50")
    assert f"{cache_dir}" in start(moved, "-m", "moe_exp.cli", "cache", **place)
    assert not checkout.exists()


def test_a_relative_store_serves_jobs_that_run_elsewhere(checkout, cache_dir):
    place = {"MOE_EXP_CACHE": str(cache_dir), "MLFLOW_TRACKING_URI": "sqlite:///mine.db"}
    train_there(checkout, *SMALL, "hydra.job.chdir=true", **place)
    assert [path.parent for path in checkout.rglob("mine.db")] == [checkout]
    assert len(list(checkout.glob("mlruns/*/artifacts/predictions.parquet"))) == 1


@NEEDS_ASCII
def test_runs_are_compared_without_a_locale(sweep, tmp_path):
    store = f"sqlite:///{sweep}/mlflow.db"
    table = start(tmp_path, "-m", "moe_exp.cli", "compare", "--store", store, "--n-resamples", "50", **ASCII)
    assert "R? on the covered test stars" in table


@NEEDS_ASCII
def test_a_run_needs_no_locale(run_folder, cache_dir):
    places = (f"tracking.uri=sqlite:///{run_folder}/mlflow.db", f"hydra.run.dir={run_folder}/output")
    printed = start(PROJECT_ROOT, "train.py", *SMALL, *places, MOE_EXP_CACHE=str(cache_dir), **ASCII)
    assert "Traceback" not in printed
    assert "R²" in (run_folder / "output" / "train.log").read_text(encoding="utf-8")
