"""Time one expert's cross-validated Ridge against what a user would otherwise pick.

All rivals get the same stars, penalties and folds. Before any time is printed, the penalties that they choose and their
predictions for further stars are compared.

    python bench/ridge.py                       # 2,000 stars, 1,024 pixels: seconds
    python bench/ridge.py --full                # 9,000 stars, 4,096 pixels, as at 100,000 training stars: minutes
    python bench/ridge.py --full --only ours    # without the slow rivals
"""

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, PredefinedSplit

from moe_exp.model.moments import Moments
from moe_exp.model.ridge import CrossValidatedRidge, assign_folds

T = TypeVar("T")

ALPHAS = np.logspace(-3, 5, 9)
N_FOLDS = 5
BLOCK_ROWS = 2000
TOLERANCE = 1e-4
"""Largest difference of two rivals' predictions [dex]."""


class Data(NamedTuple):
    """Training stars with their folds, and further stars."""

    X: np.ndarray
    y: np.ndarray
    fold_index: np.ndarray
    X_new: np.ndarray


class Answer(NamedTuple):
    """What a rival found."""

    alpha: float
    prediction: np.ndarray


def draw_data(n_stars: int, n_pixels: int, *, noise: float, n_new: int = 500, n_components: int = 30) -> Data:
    """Draw smooth components of low rank plus independent noise of each pixel."""
    rng = np.random.default_rng(12)
    n_all = n_stars + n_new
    grid = np.linspace(0, 1, n_pixels)
    centres, widths = rng.uniform(0, 1, (n_components, 1)), 10 ** rng.uniform(-2.5, -0.5, (n_components, 1))
    labels = rng.standard_normal((n_all, 5))
    depth = np.tanh(labels @ rng.standard_normal((5, n_components)) / 2) * 10 ** rng.uniform(-2.5, -1, n_components)
    flux = (1 + depth @ np.exp(-(((grid - centres) / widths) ** 2))).astype(np.float32)
    flux += np.float32(noise) * rng.standard_normal(flux.shape, dtype=np.float32)
    return Data(flux[:n_stars], 3 + labels[:n_stars, 0], assign_folds(n_stars, N_FOLDS, rng), flux[n_stars:])


def fit_ours(data: Data) -> Answer:
    """Stream the stars in blocks, then fit."""
    moments = Moments(N_FOLDS)
    for start in range(0, len(data.y), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        moments.add(data.X[block], data.y[block], data.fold_index[block])
    model = CrossValidatedRidge(alphas=ALPHAS).fit_moments(moments)
    return Answer(model.alpha_, model.predict(data.X_new))


def fit_scikit_learn(data: Data) -> Answer:
    """Search the grid by refits."""
    search = GridSearchCV(Ridge(), {"alpha": ALPHAS}, cv=PredefinedSplit(data.fold_index)).fit(data.X, data.y)
    return Answer(search.best_params_["alpha"], search.predict(data.X_new))


def fit_himalaya(data: Data) -> Answer:
    """Search the grid by singular value decompositions, in torch."""
    from himalaya.backend import set_backend
    from himalaya.ridge import RidgeCV

    backend = set_backend("torch")
    cv = PredefinedSplit(data.fold_index)
    model = RidgeCV(alphas=ALPHAS, fit_intercept=True, cv=cv).fit(data.X, data.y.astype(np.float32))
    prediction = backend.to_numpy(model.predict(data.X_new))
    return Answer(float(backend.to_numpy(model.best_alphas_).squeeze()), prediction.squeeze())


RIVALS: dict[str, Callable[[Data], Answer]] = {
    "ours": fit_ours,
    "scikit-learn GridSearchCV(Ridge())": fit_scikit_learn,
    "himalaya RidgeCV, torch": fit_himalaya,
}


def time_best(run: Callable[[], T], *, n_repeats: int) -> tuple[float, T]:
    """Return the shortest wall time [s] of some runs, and what the last returned."""
    times = []
    for _ in range(n_repeats):
        start = time.perf_counter()
        answer = run()
        times.append(time.perf_counter() - start)
    return min(times), answer


def compare(answers: dict[str, Answer]) -> None:
    """Stop if rivals chose another penalty or predict something else than ours."""
    ours = answers["ours"]
    for name, answer in answers.items():
        difference = np.abs(answer.prediction - ours.prediction).max()
        if not np.isclose(answer.alpha, ours.alpha) or difference > TOLERANCE:
            raise SystemExit(
                f"{name} disagrees: alpha {answer.alpha:g} (ours {ours.alpha:g}), predictions differ by up to "
                f"{difference:.1e} dex (at most {TOLERANCE:g})."
            )
        print(f"{name}: alpha {answer.alpha:g}, predictions within {difference:.1e} dex of ours")


def main() -> None:
    """Run the comparison that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="9,000 stars with 4,096 pixels")
    parser.add_argument("--n-stars", type=int)
    parser.add_argument("--n-pixels", type=int)
    parser.add_argument("--noise", type=float, default=0.03)
    parser.add_argument("--only", choices=["ours"], help="leave the rivals out")
    arguments = parser.parse_args()
    n_stars = arguments.n_stars or (9000 if arguments.full else 2000)
    n_pixels = arguments.n_pixels or (4096 if arguments.full else 1024)
    data = draw_data(n_stars, n_pixels, noise=arguments.noise)
    gram, _ = time_best(lambda: data.X.T @ data.X, n_repeats=3)
    chosen = {name: fit for name, fit in RIVALS.items() if name == "ours" or not arguments.only}
    timed = {name: time_best(partial(fit, data), n_repeats=3 if name == "ours" else 1) for name, fit in chosen.items()}
    compare({name: answer for name, (_, answer) in timed.items()})
    ours = timed["ours"][0]
    print(f"\n{n_stars} stars x {n_pixels} pixels, {len(ALPHAS)} alphas, {N_FOLDS} folds, {os.cpu_count()} cores\n")
    print(f"| {'method':<36} | seconds | times ours | times the Gram product |\n|---|---|---|---|")
    for name, seconds in {"Gram product alone (numpy)": gram, **{name: of[0] for name, of in timed.items()}}.items():
        print(f"| {name:<36} | {seconds:7.2f} | {seconds / ours:10.2f} | {seconds / gram:22.2f} |")


if __name__ == "__main__":
    main()
