"""Whether a sweep gives the same numbers, bit for bit, in one process, under every launcher, and on other stores.

    python bench/launchers.py [--n-train 32000] [--only parallel]

Each way has a cache of its own, which holds the spectra and nothing else, so that no way gets results of another. Ray
needs `make ray`, PostgreSQL Debian's package; what is not there is said and left out.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from common import ROOT, keep
from fault_sweeps import Server, numbers_of
from stages import prepare_spectra, share_spectra

from moe_exp import names
from moe_exp.tracking import LoggedRun, Tracking, find_runs

sys.path.append(str(ROOT))
from tests.tracking.postgresql import running_server

GATES = "linear,mlp,classify"
RAY = ROOT / ".venv-ray" / "bin" / "python"
WAYS = {
    "one process": (),
    "one process, one thread": (),
    "parallel": ("hydra/launcher=parallel", "hydra.launcher.n_jobs=2"),
    "slurm_local": ("hydra/launcher=slurm_local",),
    "ray_jobs": ("hydra/launcher=ray_jobs",),
    "PostgreSQL": (),
    "server on PostgreSQL": (),
}


@contextmanager
def store_of(way: str, folder: Path) -> Iterator[Tracking]:
    """Give the store of one way: a file, or a database, or a server in front of one."""
    if "PostgreSQL" not in way:
        yield Tracking(uri=f"sqlite:///{folder}/mlflow.db", artifacts=f"{folder}/mlruns")
        return
    with running_server() as uri:
        if way == "PostgreSQL":
            yield Tracking(uri=uri, artifacts=f"{folder}/mlruns", outbox=f"{folder}/outbox")
            return
        server = Server(folder, store=uri)
        server.start()
        try:
            yield Tracking(uri=server.uri, outbox=f"{folder}/outbox")
        finally:
            server.kill()


def sweep(way: str, folder: Path, n_train: int) -> list[LoggedRun]:
    """Run the sweep one way, and return its jobs."""
    share_spectra(folder / "cache")
    python = RAY if way == "ray_jobs" else sys.executable
    variables = {"OMP_NUM_THREADS": "1"} if way.endswith("one thread") else {}
    with store_of(way, folder) as store:
        places = [f"cache_dir={folder}/cache", f"hydra.sweep.dir={folder}/sweep", f"tracking.outbox={store.outbox}"]
        places += [f"tracking.artifacts={store.artifacts}"] if store.artifacts else []
        command = [python, ROOT / "train.py", "-m", f"gate={GATES}", f"data.n_train={n_train}", *WAYS[way], *places]
        with (folder / "said.txt").open("wb") as said:
            environment = os.environ | {"MLFLOW_TRACKING_URI": store.uri} | variables
            subprocess.run(command, env=environment, stdout=said, stderr=said, check=True)
        return [run for run in find_runs(store) if "gate" in run.parameters]


def results(runs: list[LoggedRun]) -> dict[str, dict[str, float | str]]:
    """Return all numbers of jobs by gate, and the digest of their predictions."""
    return {
        run.parameters["gate"]: {**numbers_of(run), "predictions": run.tags[names.TAG_PREDICTIONS_DIGEST]}
        for run in runs
    }


def main() -> None:
    """Run the sweep all ways, print a table of how many of its numbers are the same, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n-train", type=int, default=32_000)
    parser.add_argument("--only", default="", help="only ways with this in their name, beside one process")
    options = parser.parse_args()
    prepare_spectra(options.n_train)
    rows, first = [], {}
    for way in WAYS:
        if way != "one process" and options.only not in way:
            continue
        row = {"way": way, "numbers": "", "the same": ""}
        if way == "ray_jobs" and not RAY.exists():
            rows.append(row | {"numbers": "not run: no .venv-ray"})
            continue
        with tempfile.TemporaryDirectory(prefix="moe_exp_") as name:
            found = results(sweep(way, Path(name), options.n_train))
        first = first or found
        same = sum(found[gate].get(key) == value for gate in first for key, value in first[gate].items())
        n_numbers = sum(map(len, first.values()))
        assert {*found} == {*GATES.split(",")}
        rows.append(row | {"numbers": n_numbers, "the same": same})
        print(rows[-1], flush=True)
    notes = [
        f"gate={GATES} data.n_train={options.n_train}: metrics of all jobs but times and memory, and digests of their "
        f"predictions, against those of one process. Spectra lie on the disk, no stage does. `grid.py` tells times.",
        "One process takes all cores; under a launcher each job has one. `slurm_local` is submitit's own executor in "
        "the place of SLURM, `ray_jobs` a Ray started for the sweep, the server MLflow's with proxied artifacts.",
    ]
    keep("launchers", "One sweep, however it is run", pd.DataFrame(rows), notes)


if __name__ == "__main__":
    main()
