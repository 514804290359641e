"""What a sweep of 24 jobs takes (3 gates, 2 train sizes, 4 noise levels), one after the other and two at a time.

    python bench/grid.py                     # twenty minutes on 2 cores; 4 GB of spectra

The rival is a bound: the stages that jobs share, each made once, and every job's own training, by the times that the
jobs logged. What lies above it is for starting, evaluating, drawing, logging and comparing. The rival of a job whose
stages are recalled is one of them as a command of its own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from common import ROOT, keep
from mlflow.tracking import MlflowClient
from stages import prepare_spectra, share_spectra

GRID = ("gate=linear,mlp,classify", "data.n_train=32000,100000", "data.noise_level=0.1,0.2,0.3,0.5")
WAYS = {"one after the other": (), "two at a time": ("hydra/launcher=parallel", "hydra.launcher.n_jobs=2")}
SHARED, OWN = ("inspect", "experts", "features", "baseline"), ("gate", "calibrate")
"""Stages whose results jobs share, and those that are each job's own."""

LEAST_MADE_S = 2.0
"""Experts that took longer were fitted by the job, and not recalled."""

N_COMMANDS = 3
"""How often a job is run as a command of its own."""


def sweep(folder: Path, grid: list[str], launcher: tuple[str, ...]) -> dict[str, float]:
    """Run the sweep with spectra and nothing else in the cache; return what it took [s]."""
    share_spectra(folder / "cache")
    seconds = train(folder, "-m", *grid, *launcher)
    client = MlflowClient(store_of(folder))
    found = client.search_runs([each.experiment_id for each in client.search_experiments()], max_results=1000)
    jobs = [run for run in found if "gate" in run.data.params]
    shared, own, recalled = 0.0, 0.0, []
    for job in jobs:
        took = {stage: job.data.metrics.get(f"time/{stage}_s", 0.0) for stage in (*SHARED, *OWN)}
        shared += sum(took[stage] for stage in SHARED)
        own += sum(took[stage] for stage in OWN)
        if took["experts"] < LEAST_MADE_S:
            recalled.append((job.info.end_time - job.info.start_time) / 1000 - took["gate"] - took["calibrate"])
    return {"jobs": len(jobs), "seconds": seconds, "shared": shared, "own": own, "rest": float(np.median(recalled))}


def command_alone(folder: Path, grid: list[str]) -> float:
    """Run a job of a sweep that was run, as a command of its own; return what it takes beside its gate [s]."""
    options = [f"{name}={values.split(',')[-1]}" for name, _, values in (option.partition("=") for option in grid)]
    client, rest = MlflowClient(store_of(folder)), []
    for _ in range(N_COMMANDS):
        seconds = train(folder, *options, "tracking.figure_formats=[png]")
        [run] = client.search_runs([each.experiment_id for each in client.search_experiments()], max_results=1)
        rest.append(seconds - sum(run.data.metrics[f"time/{stage}_s"] for stage in OWN))
    return float(np.median(rest))


def train(folder: Path, *arguments: str) -> float:
    """Run train.py with cache, store and output in a folder; return what it took [s]."""
    places = {"cache_dir": "cache", "tracking.artifacts": "mlruns", "hydra.sweep.dir": "sweep", "hydra.run.dir": "run"}
    options = [f"{option}={folder}/{name}" for option, name in places.items()]
    environment = os.environ | {"MLFLOW_TRACKING_URI": store_of(folder)}
    begin = time.monotonic()
    with (folder / "said.txt").open("ab") as said:
        command = [sys.executable, str(ROOT / "train.py"), *arguments, *options]
        subprocess.run(command, env=environment, stdout=said, stderr=said, check=True)
    return time.monotonic() - begin


def store_of(folder: Path) -> str:
    """Return the tracking store in a folder."""
    return f"sqlite:///{folder}/mlflow.db"


def main() -> None:
    """Run the sweep both ways, print a table, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grid", nargs="+", default=[*GRID], help="what is swept")
    parser.add_argument("--n-train", type=int, default=100_000, help="the largest of it")
    options = parser.parse_args()
    prepare_spectra(options.n_train)
    rows = []
    for way, launcher in WAYS.items():
        with tempfile.TemporaryDirectory(prefix="moe_exp_") as name:
            took = sweep(Path(name), options.grid, launcher)
            alone = command_alone(Path(name), options.grid)
        n_workers = 1 if not launcher else 2
        bound = (took["shared"] + took["own"]) / n_workers
        rows.append(
            {
                "jobs": way,
                "sweep [s]": round(took["seconds"]),
                "bound [s]": round(bound),
                "times the bound": took["seconds"] / bound,
                "shared stages [s]": round(took["shared"]),
                "gates and their calibration [s]": round(took["own"]),
                "a job beside its gate, all else recalled [s]": took["rest"],
                "one as a command of its own [s]": alone,
            }
        )
        print(rows[-1], flush=True)
    notes = [
        f"{took['jobs']} jobs: {' '.join(options.grid)}. Spectra lie on the disk, no stage does.",
        "The bound is the sum of the shared stages, each made once, and of the gates, over the number of workers.",
        "A job beside its gate is a median over the jobs whose experts were recalled: reading, scores, figures as PNG, "
        f"the model and what MLflow wants. The command of its own is the last job of the grid, median of {N_COMMANDS}: "
        "it has libraries to load, too.",
    ]
    keep("grid", "A sweep of 24 jobs", pd.DataFrame(rows), notes)


if __name__ == "__main__":
    main()
