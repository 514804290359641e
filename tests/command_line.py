"""train.py as a user types it, in a real process with a real store, and what it left there."""

import json
import multiprocessing
import os
import re
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

from mlflow.tracking import MlflowClient

PROJECT_ROOT = Path(__file__).resolve().parents[1]

CLAIM = {
    "name": "smoke",
    "statement": "The mlp gate explains something.",
    "date": "2026-01-01",
    "criteria": [{"quantity": "r2", "model": "mlp", "n_train": 1000, "noise_level": 0.2, "above": 0.1}],
}
"""What the small sweep is judged by."""

REST = "n=1k noise=0.2 seed=0 simulated_coarse training.max_epochs=5"
"""What follows the gate in the names of its jobs."""


def typed_claim(**changes: object) -> str:
    """Return that claim, with other bounds if any are given, as it is typed."""
    [criterion] = CLAIM["criteria"]
    claim = {"_target_": "moe_exp.comparison.hypotheses.Hypothesis"} | CLAIM | {"criteria": [criterion | changes]}
    return "+hypotheses.smoke=" + re.sub(r"'(\w+)':", r"\1:", json.dumps(claim).replace('"', "'"))


def command(arguments: tuple[str, ...], folder: Path) -> list[str]:
    places = [
        f"tracking.uri=sqlite:///{folder}/mlflow.db",
        f"tracking.artifacts={folder}/mlruns",
        f"hydra.run.dir={folder}/output",
        f"hydra.sweep.dir={folder}/sweep",
    ]
    if not any(argument.startswith("tracking.figure_formats=") for argument in arguments):
        places.append("tracking.figure_formats=[]")  # to draw takes longer than such a job
    return [sys.executable, str(PROJECT_ROOT / "train.py"), *arguments, *places]


def train(*arguments: str, folder: Path, cwd: Path = PROJECT_ROOT, **environment: str) -> subprocess.CompletedProcess:
    """Run train.py to its end, in a copy of a process that has the libraries."""
    _, *argv = command(arguments, folder)
    return run_copy(argv, cwd, os.environ | environment)


def train_anew(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    """Run train.py to its end as a shell does; workers of the joblib launcher can only be started from there."""
    return subprocess.run(
        command(arguments, folder), env=os.environ | environment, capture_output=True, text=True, timeout=300
    )


def train_until(line: str, *arguments: str, folder: Path, **environment: str) -> BaseProcess:
    """Start a job or a sweep, and return when it has said something; it is the caller's to end."""
    _, *argv = command(arguments, folder)
    said = folder / "stdout.txt", folder / "stderr.txt"
    process = _start_copy(argv, PROJECT_ROOT, os.environ | environment, said)
    while not (said[1].exists() and line in said[1].read_text("utf-8")):
        assert process.is_alive(), said[1].read_text("utf-8")
        process.join(0.05)
    return process


def run_copy(argv: list[str], cwd: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess:
    """Run a Python program to its end in a copy of a process that has the libraries: to import them takes longer."""
    with tempfile.TemporaryDirectory() as place:
        said = Path(place, "stdout"), Path(place, "stderr")
        process = _start_copy(argv, cwd, environment, said)
        process.join(timeout=300)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(argv, 300)
        return subprocess.CompletedProcess(argv, process.exitcode, *(path.read_text("utf-8") for path in said))


READY = multiprocessing.get_context("forkserver")
READY.set_forkserver_preload(["tests.ready"])


def _start_copy(argv: list[str], cwd: Path, environment: Mapping[str, str], said: tuple[Path, Path]) -> BaseProcess:
    process = READY.Process(target=_become, args=(argv, cwd, dict(environment), said))
    process.start()
    return process


def _become(argv: list[str], cwd: Path, environment: dict[str, str], said: tuple[Path, Path]) -> None:
    """Turn this process into what a shell would have started, and run its program."""
    for stream, path in enumerate(said, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = argv
    sys.path[:0] = [str(Path(argv[0]).parent), *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    runpy.run_path(argv[0], run_name="__main__")


def all_runs(folder: Path):
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name("moe_exp")
    return client, client.search_runs([experiment.experiment_id], order_by=["attributes.start_time"])


def runs_in(folder: Path):
    """Return the jobs, without the parent runs of sweeps."""
    client, runs = all_runs(folder)
    return client, [run for run in runs if "gate" in run.data.params]


def parents_in(folder: Path):
    return [run for run in all_runs(folder)[1] if "sweep.overrides" in run.data.tags]
