"""What a sweep of 24 jobs takes (3 gates, 2 train sizes, 4 noise levels), one after the other and two at a time.

    python bench/grid.py                     # twenty minutes on 2 cores; 4 GB of spectra

The rival is a bound: the stages that jobs share, each made once, and every job's own training, by the times that the
jobs logged. What lies above it is for starting, evaluating, drawing, logging and comparing.
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


def sweep(folder: Path, grid: list[str], launcher: tuple[str, ...]) -> dict[str, float]:
    """Run the sweep with spectra and nothing else in the cache; return what it took [s]."""
    share_spectra(folder / "cache")
    store = f"sqlite:///{folder}/mlflow.db"
    places = [f"cache_dir={folder}/cache", f"hydra.sweep.dir={folder}/sweep", f"tracking.artifacts={folder}/mlruns"]
    command = [sys.executable, str(ROOT / "train.py"), "-m", *grid, *launcher, *places]
    begin = time.monotonic()
    with (folder / "said.txt").open("wb") as said:
        subprocess.run(command, env=os.environ | {"MLFLOW_TRACKING_URI": store}, stdout=said, stderr=said, check=True)
    seconds = time.monotonic() - begin
    client = MlflowClient(store)
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
            }
        )
        print(rows[-1], flush=True)
    notes = [
        f"{took['jobs']} jobs: {' '.join(options.grid)}. Spectra lie on the disk, no stage does.",
        "The bound is the sum of the shared stages, each made once, and of the gates, over the number of workers. The "
        "last column is a median over the jobs whose experts were recalled: reading, scores, figures as PNG, the "
        "model and what MLflow wants.",
    ]
    keep("grid", "A sweep of 24 jobs", pd.DataFrame(rows), notes)


if __name__ == "__main__":
    main()
