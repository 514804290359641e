"""How often intervals over stars, training seeds and data seeds hold a truth that is known, and what they show.

python bench/levels.py [--repetitions 2000]
"""

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd
from common import keep

from moe_exp.comparison.data_seeds import students_mean
from moe_exp.comparison.levels import LEVELS, measure_levels

TRUTH = 0.01
N_STARS = 400
CONFIDENCE = 0.95
REST = 0.1
"""Standard deviation by which one star says something else after another training."""

MIXTURES = {
    "stars": {"star": 0.2},
    "all alike": {"star": 0.2, "seed": 0.01, "data_seed": 0.01},
    "trainings": {"star": 0.1, "seed": 0.02},
    "data seeds": {"star": 0.1, "seed": 0.005, "data_seed": 0.015},
    "all alike, stars' tails heavy": {"star": 0.2, "seed": 0.01, "data_seed": 0.01, "tails": 5.0},
    "all alike, a seed's trainings alike": {"star": 0.2, "seed": 0.005, "shared": 0.00866, "data_seed": 0.01},
}
"""Standard deviations of what a star, a training and a data seed say; ``tails`` are degrees of freedom of the stars'
Student's t, and ``shared`` is what trainings with one seed have in common on all data seeds: the model has no such."""


def draw(
    rng: np.random.Generator, n_seeds: int, n_data_seeds: int, sd: dict[str, float], effect: float
) -> list[np.ndarray]:
    """Draw what the stars of each data seed say, (n_stars, n_seeds), and of one more data seed."""
    shared = sd.get("shared", 0.0) * rng.standard_normal(n_seeds)
    said = []
    for _ in range(n_data_seeds + 1):
        tails = sd.get("tails", np.inf)
        star = rng.standard_normal(N_STARS) if np.isinf(tails) else rng.standard_t(tails, N_STARS)
        star = star * sd["star"] / (1 if np.isinf(tails) else np.sqrt(tails / (tails - 2)))
        training = shared + sd.get("seed", 0.0) * rng.standard_normal(n_seeds)
        rest = REST * rng.standard_normal((N_STARS, n_seeds))
        said.append(effect + sd.get("data_seed", 0.0) * rng.standard_normal() + star[:, None] + training + rest)
    return said


def truths(sd: dict[str, float], n_seeds: int) -> dict[str, float]:
    """Return the standard deviations that intervals should hold; with one seed a level holds those below it."""
    seed = float(np.hypot(sd.get("seed", 0.0), sd.get("shared", 0.0)))
    data_seed = sd.get("data_seed", 0.0)
    return {
        "star": float(np.hypot(sd["star"], REST / np.sqrt(n_seeds))),
        "seed": seed,
        "data_seed": data_seed if n_seeds > 1 else float(np.hypot(data_seed, seed)),
    }


def count(sd: dict[str, float], n_seeds: int, n_data_seeds: int, repetitions: int) -> dict[str, float]:
    """Return how often intervals of the effect, of one more data seed and of each level hold, and the power."""
    rng = np.random.default_rng([23, n_seeds, n_data_seeds])
    truth = truths(sd, n_seeds)
    held: dict[str, list[bool]] = {name: [] for name in ("effect", "new", *LEVELS, "shown")}
    for _ in range(repetitions):
        *said, new = draw(rng, n_seeds, n_data_seeds, sd, TRUTH)
        (_, low, high), p = students_mean(np.array([each.mean() for each in said]), CONFIDENCE)
        found = measure_levels(said, confidence=CONFIDENCE, seed=0)
        held["effect"].append(low <= TRUTH <= high)
        held["shown"].append(p < 1 - CONFIDENCE and low > 0)
        held["new"].append(found.new.low <= new.mean() <= found.new.high)
        for name, value in truth.items():
            interval = getattr(found, name).sd
            if not np.isnan(interval.low):
                held[name].append(interval.low <= value <= interval.high)
    return {name: float(np.mean(each)) if each else np.nan for name, each in held.items()}


def rows(repetitions: int) -> Sequence[dict[str, object]]:
    """Return a row for every mixture of scatter and numbers of seeds."""
    found = []
    for mixture, sd in MIXTURES.items():
        for n_data_seeds in (3, 5, 10):
            for n_seeds in (1, 3):
                shares = count(sd, n_seeds, n_data_seeds, repetitions)
                row: dict[str, object] = {"what scatters most": mixture, "data seeds": n_data_seeds}
                row["training seeds"] = n_seeds
                titles = dict(zip(shares, TITLES, strict=True))
                found.append(row | {titles[name]: _percent(share) for name, share in shares.items()})
    return found


TITLES = ("effect held", "one more held", "SD of a star held", "of a training", "of a data seed", "true .01 shown")


def _percent(share: float) -> str:
    return "" if np.isnan(share) else f"{100 * share:.1f} %"


def main() -> None:
    """Count how often 95 % intervals hold what made the differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=2000)
    repetitions = parser.parse_args().repetitions
    notes = [
        "effect: Student's t interval of the mean over data seeds, from which verdicts come; one more: where the "
        "difference of another data seed of the same size lies; SD: the intervals of `moe_exp.comparison.levels`.",
        f"{repetitions:,} made-up experiments a cell, {N_STARS} stars a data seed; one star says the difference with a "
        f"standard deviation of 0.1 or 0.2, and something else after another training by {REST}.",
        "With one training seed the SD of a data seed holds that of the trainings.",
        "a seed's trainings alike: three quarters of a training's variance belong to its seed, on all data seeds. The "
        "model takes trainings on other stars as other trainings; where they are not, more data seeds do not quiet "
        "what they share, and the interval of the effect is too narrow.",
    ]
    keep("levels", "Stars, training seeds and data seeds", pd.DataFrame(rows(repetitions)), notes)


if __name__ == "__main__":
    main()
