"""Accuracy for time: the mixture and one Ridge against LightGBM, on the same stars.

python bench/accuracy.py [--n-train 32000]
"""

import argparse
import tempfile
from pathlib import Path

import pandas as pd
from common import configure, keep

from moe_exp.experiment.pipeline import run
from moe_exp.progress import Stages


def main() -> None:
    """Run one experiment with everything in it, and print R² beside seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n-train", type=int, default=32_000)
    n_train = parser.parse_args().n_train
    spectra = configure().cache_dir
    with tempfile.TemporaryDirectory() as folder:
        for part in ("simulated", "inspected"):
            (spectra / part).mkdir(parents=True, exist_ok=True)
            (Path(folder) / part).symlink_to(spectra / part)
        outcome = run(configure(f"data.n_train={n_train}", "baseline=lightgbm", f"cache_dir={folder}"), Stages())
    seconds = outcome.seconds
    mixture = seconds["experts"] + seconds["features"] + seconds["gate"]
    found = {"mixture, mlp gate": ("soft", mixture), "LightGBM": ("lightgbm", seconds["baseline"])}
    rows = [
        {
            "model": name,
            "R²": outcome.results.pooled.r2(model).value,
            "seconds": time,
            "times the mixture": time / mixture,
        }
        for name, (model, time) in found.items()
    ]
    delta = outcome.results.pooled.delta("soft", "lightgbm").interval
    notes = [
        f"{n_train:,} training stars, noise 0.2, {outcome.results.n_stars:,} covered test stars; seconds of fitting "
        f"and of predicting the test stars, spectra on disk.",
        f"R² of the mixture minus that of LightGBM: {delta.value:+.4f} [{delta.low:+.4f}, {delta.high:+.4f}].",
        "LightGBM: 500 trees, learning rate 0.05, 31 leaves, 63 histogram bins; see conf/baseline/lightgbm.yaml.",
    ]
    keep("accuracy", "Accuracy for time", pd.DataFrame(rows), notes)


if __name__ == "__main__":
    main()
