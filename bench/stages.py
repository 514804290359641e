"""Wall time and peak memory of each stage of the whole job, at several training sizes.

    python bench/stages.py                 # 32k and 100k stars, spectra from the project's cache
    python bench/stages.py --from-nothing  # the spectra are made as well

Each job runs twice in processes of its own: with nothing but the spectra on disk, and with the experts recalled from
the cache, which is what another gate costs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from mlflow.tracking import MlflowClient

from moe_exp.machine import describe_machine

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"


def share_spectra(cache: Path) -> None:
    """Let a fresh cache folder use the spectra, and only the spectra, that the project has made already."""
    own = Path(os.environ.get("MOE_EXP_CACHE", ROOT / ".cache"))
    cache.mkdir()
    for part in ("simulated", "inspected"):
        (own / part).mkdir(parents=True, exist_ok=True)
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
    metrics = {name: value for name, value in run.data.metrics.items() if name.startswith(("time/", "memory/"))}
    return metrics | {"whole_s": seconds}


def main() -> None:
    """Print one table, and keep it with a description of the machine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n-train", type=int, nargs="+", default=[32_000, 100_000])
    parser.add_argument("--gate", default="mlp")
    parser.add_argument("--from-nothing", action="store_true", help="make the spectra as well")
    options = parser.parse_args()
    rows = {}
    for n_train in options.n_train:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            if not options.from_nothing:
                share_spectra(folder / "cache")
            for state in ("first gate", "another gate"):
                rows[f"{n_train:,} {state}"] = run_job(n_train, options.gate, folder)
    table = pd.DataFrame(rows).round(2)
    print(table.to_string(na_rep=""))
    RESULTS.mkdir(exist_ok=True)
    kept = {"machine": describe_machine(), "rows": {name: column.dropna().to_dict() for name, column in table.items()}}
    suffix = "_from_nothing" if options.from_nothing else ""
    (RESULTS / f"stages{suffix}.json").write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()
