"""Wall time and peak memory of each stage of the whole job, at several training sizes.

    python bench/stages.py                         # 32k and 100k stars, as `make bench`
    python bench/stages.py --n-train 1000 --smoke  # in seconds

Each job runs in a process of its own, twice: with whatever spectra the cache holds, and with all of them on disk. For
the time from nothing set MOE_EXP_CACHE to an empty folder.
"""

import argparse
import json
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


def run_job(n_train: int, folder: Path, overrides: list[str]) -> dict[str, float]:
    """Run train.py once and return its time metrics, peak memory and whole wall time."""
    store = f"sqlite:///{folder}/mlflow.db"
    places = [f"tracking.uri={store}", f"tracking.artifacts={folder}/mlruns", f"hydra.run.dir={folder}/output"]
    start = time.perf_counter()
    subprocess.run([sys.executable, str(ROOT / "train.py"), f"data.n_train={n_train}", *places, *overrides], check=True)
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
    parser.add_argument("--smoke", action="store_true", help="the smoke preset's small spectra")
    options = parser.parse_args()
    overrides = [f"gate={options.gate}"] + (["experiment=smoke"] if options.smoke else [])
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for n_train in options.n_train:
            for spectra in ("as found", "on disk"):
                rows[f"{n_train:,}, spectra {spectra}"] = run_job(n_train, Path(folder), overrides)
    table = pd.DataFrame(rows).round(2)
    print(table.to_string())
    RESULTS.mkdir(exist_ok=True)
    kept = {"machine": describe_machine(), "rows": table.to_dict()}
    (RESULTS / "stages.json").write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()
