"""The experts' cross-validated Ridges against what a user would otherwise pick, on the project's own spectra.

All rivals get the same noisy spectra, penalties and folds, in memory. Before any time is compared, the penalties that
they choose and their predictions for the gate's stars are. scikit-learn fits all nine experts, himalaya, which takes
several times as long, the first two.

    python bench/ridge.py                       # 100,000 training stars: some 10 minutes
    python bench/ridge.py --n-train 32000
    python bench/ridge.py --only ours
"""

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from common import configure, keep, time_best
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, PredefinedSplit

from moe_exp.experiment.pipeline import fit_bins
from moe_exp.model.ridge.estimator import CrossValidatedRidge, assign_folds
from moe_exp.model.ridge.moments import Moments
from moe_exp.progress import Stages
from moe_exp.random_streams import random_stream

N_FOLDS = 5
BLOCK_ROWS = 1024
TOLERANCE = 1e-4
"""Largest difference of two rivals' predictions [dex]."""


class Expert(NamedTuple):
    """Training stars of one bin with their folds, and further stars."""

    name: str
    X: np.ndarray
    y: np.ndarray
    fold_index: np.ndarray
    X_new: np.ndarray


class Answer(NamedTuple):
    """What a rival found."""

    alpha: float
    prediction: np.ndarray


def load_experts(n_train: int, n_new: int = 1000) -> Iterator[Expert]:
    """Yield the stars of each bin, and some of the gate's stars to predict."""
    experiment = configure(f"data.n_train={n_train}")
    dataset = experiment.data.open(experiment.cache_dir, Stages())
    bins = fit_bins(experiment, dataset)
    bin_index = bins.assign_stars(dataset.train.labels)
    X_new, y = dataset.gate.noisy_flux(np.arange(n_new)), dataset.train.labels["logg"].to_numpy(float)
    for index, name in enumerate(bins.names_):
        members = np.flatnonzero(bin_index == index)
        fold_index = assign_folds(len(members), N_FOLDS, random_stream(0, "folds", index + 1))
        yield Expert(name, dataset.train.noisy_flux(members), y[members], fold_index, X_new)


def multiply(expert: Expert) -> None:
    """Form the Gram product alone, by numpy: every method that works on pixels has to."""
    _ = expert.X.T @ expert.X


def fit_ours(expert: Expert, alphas: np.ndarray) -> Answer:
    """Stream the stars in blocks, then fit."""
    moments = Moments(N_FOLDS)
    for start in range(0, len(expert.y), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        moments.add(expert.X[block], expert.y[block], expert.fold_index[block])
    model = CrossValidatedRidge(alphas=alphas).fit_moments(moments)
    return Answer(model.alpha_, model.predict(expert.X_new))


def fit_scikit_learn(expert: Expert, alphas: np.ndarray) -> Answer:
    """Search the grid by refits."""
    search = GridSearchCV(Ridge(), {"alpha": alphas}, cv=PredefinedSplit(expert.fold_index)).fit(expert.X, expert.y)
    return Answer(search.best_params_["alpha"], search.predict(expert.X_new))


def fit_himalaya(expert: Expert, alphas: np.ndarray) -> Answer:
    """Search the grid by singular value decompositions, in torch."""
    from himalaya.backend import set_backend
    from himalaya.ridge import RidgeCV

    backend = set_backend("torch")
    model = RidgeCV(alphas=alphas, fit_intercept=True, cv=PredefinedSplit(expert.fold_index))
    model.fit(expert.X, expert.y.astype(np.float32))
    prediction = backend.to_numpy(model.predict(expert.X_new))
    return Answer(float(backend.to_numpy(model.best_alphas_).squeeze()), prediction.squeeze())


class Rival(NamedTuple):
    """A way to fit an expert, and how many of the nine it is given."""

    fit: Callable[[Expert, np.ndarray], Answer]
    n_experts: int


OURS, SKLEARN, HIMALAYA = "ours", "scikit-learn GridSearchCV(Ridge())", "himalaya RidgeCV, torch"
RIVALS = {OURS: Rival(fit_ours, 9), SKLEARN: Rival(fit_scikit_learn, 9), HIMALAYA: Rival(fit_himalaya, 2)}


def compare(expert: Expert, answers: dict[str, Answer]) -> float:
    """Return the largest difference of predictions from ours [dex]; stop if it, or a penalty, is another."""
    ours = answers[OURS]
    largest = 0.0
    for name, answer in answers.items():
        difference = float(np.abs(answer.prediction - ours.prediction).max())
        if not np.isclose(answer.alpha, ours.alpha) or difference > TOLERANCE:
            raise SystemExit(
                f"{expert.name}: {name} disagrees: alpha {answer.alpha:g} (ours {ours.alpha:g}), predictions differ by "
                f"up to {difference:.1e} dex (at most {TOLERANCE:g})."
            )
        largest = max(largest, difference)
    return largest


def main() -> None:
    """Run the comparison that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n-train", type=int, default=100_000)
    parser.add_argument("--only", choices=[OURS], help="leave the rivals out")
    arguments = parser.parse_args()
    alphas = configure().experts.alphas
    chosen = {name: rival for name, rival in RIVALS.items() if name == OURS or not arguments.only}
    seconds: dict[str, list[float]] = {name: [] for name in ["product", *chosen]}
    n_stars, largest = [], 0.0
    for place, expert in enumerate(load_experts(arguments.n_train)):
        seconds["product"].append(time_best(partial(multiply, expert), n_repeats=2)[0])
        answers = {}
        for name, rival in chosen.items():
            if place < rival.n_experts:
                elapsed, answers[name] = time_best(partial(rival.fit, expert, alphas), n_repeats=1)
                seconds[name].append(elapsed)
        largest = max(largest, compare(expert, answers))
        n_stars.append(len(expert.y))
        print(f"{expert.name}, {len(expert.y):,} stars: {', '.join(f'{n} {s[-1]:.2f} s' for n, s in seconds.items())}")
    rows = []
    for name, times in seconds.items():
        ours, product = sum(seconds[OURS][: len(times)]), sum(seconds["product"][: len(times)])
        rows.append(
            {
                "method": "Gram product alone (numpy)" if name == "product" else name,
                "experts": len(times),
                "seconds": sum(times),
                "times ours": sum(times) / ours,
                "times the product": sum(times) / product,
            }
        )
    title = f"Cross-validated Ridge: {len(n_stars)} experts at {arguments.n_train:,} training stars"
    notes = [
        f"{min(n_stars):,} to {max(n_stars):,} stars an expert, {expert.X.shape[1]:,} pixels, float32, {len(alphas)} "
        f"penalties, {N_FOLDS} folds, in memory.",
        f"All chose the same penalties; predictions of 1,000 further stars differ by at most {largest:.1e} dex.",
        "Ratios are over the experts that a method was given.",
    ]
    keep(f"ridge_{arguments.n_train}", title, pd.DataFrame(rows), notes)


if __name__ == "__main__":
    main()
