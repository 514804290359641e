"""Wall time and peak memory of the whole job and of each of its stages, at several training sizes.

    python bench/stages.py                                          # 10k, 32k, 100k and 316k training stars
    python bench/stages.py --n-train 100000 1000000 --name million  # 33 GB of spectra
    python bench/stages.py --n-train 100000 --from-nothing --name from_nothing

Each job runs twice in processes of its own: with nothing but the spectra on disk (which are made first, untimed, where
they are missing), and with the experts recalled from the cache, which is what another gate costs.
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
from common import RESULTS, ROOT, configure, keep
from matplotlib.figure import Figure
from mlflow.tracking import MlflowClient

from moe_exp.progress import Stages

STAGES = ("simulate", "inspect", "experts", "features", "gate", "calibrate", "evaluate")


def prepare_spectra(n_train: int) -> None:
    """Make and inspect the stars of a run in the project's cache."""
    experiment = configure(f"data.n_train={n_train}")
    experiment.data.open(experiment.cache_dir, Stages())


def share_spectra(cache: Path) -> None:
    """Let a fresh cache folder use the spectra, and only the spectra, that the project has made already."""
    own = Path(os.environ.get("MOE_EXP_CACHE", ROOT / ".cache"))
    cache.mkdir()
    for part in ("simulated", "inspected"):
        (cache / part).symlink_to(own / part)


def run_job(n_train: int, gate: str, folder: Path) -> dict[str, float]:
    """Run train.py once and return its times [s] and peak memory [GB]."""
    store = f"sqlite:///{folder}/mlflow.db"
    places = [f"tracking.uri={store}", f"tracking.artifacts={folder}/mlruns", f"cache_dir={folder}/cache"]
    command = [sys.executable, str(ROOT / "train.py"), f"data.n_train={n_train}", f"gate={gate}", *places]
    start = time.perf_counter()
    subprocess.run([*command, f"hydra.run.dir={folder}/output"], check=True)
    seconds = time.perf_counter() - start
    client = MlflowClient(store)
    [run] = client.search_runs([e.experiment_id for e in client.search_experiments()], max_results=1)
    metrics = run.data.metrics
    times = {f"{stage} [s]": metrics.get(f"time/{stage}_s", np.nan) for stage in STAGES}
    return {"whole [s]": seconds} | times | {"peak [GB]": metrics["memory/peak_gb"]}


def draw_scaling(table: pd.DataFrame, path: Path) -> None:
    """Draw the first gate's times against the number of training stars, with a line of slope one."""
    first = table[table["job"] == "first gate"]
    n_train = first["n_train"].to_numpy(float)
    figure = Figure(figsize=(4.2, 3.2), dpi=200, layout="constrained")
    axes = figure.add_subplot()
    for name, style in (("whole [s]", "o-"), ("experts [s]", "s-"), ("gate [s]", "^-")):
        axes.loglog(n_train, first[name], style, markersize=4, linewidth=1.2, label=name.removesuffix(" [s]"))
    top = first["experts [s]"].to_numpy(float)[-1]
    axes.loglog(n_train, top * n_train / n_train[-1], ":", color="#8C8C8C", label="proportional to n")
    axes.set_xlabel("Training stars")
    axes.set_ylabel("Wall time [s]")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def main() -> None:
    """Print one table, keep it, and draw time against n."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n-train", type=int, nargs="+", default=[10_000, 32_000, 100_000, 316_000])
    parser.add_argument("--gate", default="mlp")
    parser.add_argument("--from-nothing", action="store_true", help="make the spectra as well, timed")
    parser.add_argument("--name", default="stages", help="name of the table in bench/results")
    options = parser.parse_args()
    rows = []
    for n_train in options.n_train:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if not options.from_nothing:
                prepare_spectra(n_train)
                share_spectra(folder / "cache")
            for job in ("first gate", "another gate"):
                rows.append({"n_train": n_train, "job": job} | run_job(n_train, options.gate, folder))
    table = pd.DataFrame(rows).round(2).dropna(axis=1, how="all")
    state = "made within the job" if options.from_nothing else "on disk"
    notes = [
        f"Gate {options.gate}, 10,000 gate stars, 10,000 test stars, noise 0.2; spectra {state}. `whole` holds "
        f"start-up, figures and MLflow. Peak memory is that of the job's own process."
    ]
    keep(options.name, "The whole job by stage", table, notes)
    if len(options.n_train) > 1:
        draw_scaling(table, RESULTS / f"{options.name}.png")


if __name__ == "__main__":
    main()
