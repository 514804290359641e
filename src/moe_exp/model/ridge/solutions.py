"""What ridge regressions from sums and from stars have in common: scores, and how far each system is solved."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from moe_exp.machine import usable_cores
from moe_exp.model.ridge.matrices import Matrices, Matrix
from moe_exp.model.ridge.shifted_systems import ShiftedSystems

TOLERANCE = {np.dtype(np.float32): 1e-5, np.dtype(np.float64): 1e-7}
"""Error of solutions that may be chosen, as a fraction of the prediction."""

SCREENING_TOLERANCE = {np.dtype(np.float32): 3e-3, np.dtype(np.float64): 1e-7}
"""The same for penalties that this is enough to rule out."""

CLOSE = 0.05
"""A penalty is ruled out when its mean R² falls short of the best one by more than this."""

MAX_STEPS = 250
"""From about here a Cholesky factor of its own is the cheaper way to solve a system."""


class Coefficients(NamedTuple):
    """Solution of one regression, in the units of the moments."""

    coef: np.ndarray
    """(n_pixels,)"""
    intercept: float
    """Prediction at the origin"""


class FoldScores(NamedTuple):
    """Scores of a cross-validation."""

    r2: np.ndarray
    """(n_folds, n_alphas) R² of each fold's stars; NaN where the precision does not resolve alpha"""
    n_iterations: int
    """Products with the matrix of the fold that needed most"""
    n_direct: int
    """Systems that were solved by a factor of their own"""


def cross_validate(
    folds: Sequence[ShiftedSystems],
    alphas: np.ndarray,
    score: Callable[[list[np.ndarray]], np.ndarray],
    *,
    dtype: np.dtype,
    max_steps: int = MAX_STEPS,
) -> FoldScores:
    """Solve every fold's systems as far as the choice of the penalty needs, and score them.

    Parameters
    ----------
    folds : sequence of ShiftedSystems
        Normal equations of each fold's training stars.
    alphas : array of shape (n_alphas,)
        Penalties.
    score : callable
        Takes each fold's solutions (n_alphas, n_unknowns), returns R² (n_folds, n_alphas).
    dtype : dtype
        Precision of the systems.
    max_steps : int
        Products with a fold's matrix before its unsolved systems are solved directly.
    """
    solutions, n_direct = _solve(folds, alphas, SCREENING_TOLERANCE[dtype], max_steps)
    r2 = score(solutions)
    if SCREENING_TOLERANCE[dtype] > TOLERANCE[dtype]:
        mean = np.nan_to_num(r2.mean(axis=0), nan=-np.inf)
        close = mean >= mean.max() - CLOSE
        refined, n_more = _solve(folds, alphas[close], TOLERANCE[dtype], max_steps)
        for of_fold, refined_of_fold in zip(solutions, refined, strict=True):
            of_fold[close] = refined_of_fold
        n_direct += n_more
        r2 = score(solutions)
    return FoldScores(r2, max(systems.n_steps for systems in folds), n_direct)


def _solve(
    folds: Sequence[ShiftedSystems], alphas: np.ndarray, tolerance: float, max_steps: int
) -> tuple[list[np.ndarray], int]:
    """Return each fold's solutions (n_alphas, n_unknowns), and how many of them had to be found directly."""

    def solve_fold(systems: ShiftedSystems) -> tuple[np.ndarray, int]:
        converged = systems.iterate(alphas, tolerance=tolerance, max_steps=max_steps)
        solution = systems.solve(alphas)
        for index in np.flatnonzero(~converged):
            solution[index] = systems.solve_directly(alphas[index])
        return solution, int(np.sum(~converged))

    with ThreadPoolExecutor(usable_cores()) as threads:
        solved = list(threads.map(solve_fold, folds))
    return [solution for solution, _ in solved], sum(n_direct for _, n_direct in solved)


def r2_from_squares(residual: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Return 1 - residual / total; where total is zero, 1 for no residual and 0 otherwise, as scikit-learn does."""
    safe = np.where(total > 0, total, 1.0)
    return np.where(total > 0, 1 - residual / safe, np.where(residual == 0, 1.0, 0.0))


def solve_refined(
    matrix: Matrix, alpha: float, right: np.ndarray, matrices: Matrices, *, n_steps: int = 2
) -> np.ndarray:
    """Solve (matrix + alpha I) x = right, (n_unknowns,), with rounding corrected by residuals in float64.

    Raises
    ------
    NotPositiveDefiniteError
        If rounding left the matrix indefinite.

    References
    ----------
    Higham (2002), Accuracy and Stability of Numerical Algorithms, chapter 12.
    """
    factor = matrices.factorize(matrix, alpha)
    solution = np.zeros(len(right))
    for _ in range(n_steps + 1):
        residual = right - matrices.multiply_exactly(matrix, solution) - alpha * solution
        solution += matrices.solve(factor, residual[None])[0]
    return solution
