"""Ridge regressions of many stars, from sums over them.

For each fold's training stars (all but the fold's own), min ||y - X w - b||^2 + alpha ||w||^2 is

    (A_f + alpha I) w = c_f,    A_f = S - S_f - (n n_f / n_t) d d^T,

with S the scatter matrix of all n stars about their mean, S_f that of the fold's n_f stars about theirs, d the
difference of these two means and n_t = n - n_f. Scores on the fold's own stars follow from the same sums.
"""

import numpy as np

from moe_exp.model.ridge.fold_sums import FoldSums
from moe_exp.model.ridge.matrices import Matrices
from moe_exp.model.ridge.shifted_systems import ShiftedSystems
from moe_exp.model.ridge.solutions import (
    MAX_STEPS,
    Coefficients,
    FoldScores,
    cross_validate,
    r2_from_squares,
    solve_refined,
)


class SumsRidge:
    """Regressions on stars of which the sums are at hand.

    Parameters
    ----------
    sums : FoldSums
        Each fold and its complement hold at least one star. They are used up: A_f takes the place of each fold's
        matrix, since fresh memory of their size costs more time than the arithmetic.
    matrices : Matrices
        Operations for the sums' device and precision.
    """

    def __init__(self, sums: FoldSums, matrices: Matrices) -> None:
        self._matrices = matrices
        n_stars = sums.count.sum()
        self._mean, self._y_mean = sums.x.sum(axis=0) / n_stars, sums.y.sum() / n_stars
        self._right = sums.xy.sum(axis=0) - sums.y.sum() * self._mean
        self._total = sums.scatter_matrix(matrices)
        self._folds = _Folds(sums, self._mean, self._y_mean, self._right)
        self._train = sums.gram
        for fold in range(self._folds.n_folds):
            self._form_train_matrix(fold)

    def fit(self, alpha: float) -> Coefficients:
        """Fit all stars with one penalty."""
        coef = solve_refined(self._total, alpha, self._right, self._matrices)
        return Coefficients(coef, float(self._y_mean - self._mean @ coef))

    def cross_validate(self, alphas: np.ndarray, *, max_steps: int = MAX_STEPS) -> FoldScores:
        """Score every penalty (n_alphas,) on every fold."""
        pairs = zip(self._train, self._folds.right, strict=True)
        systems = [ShiftedSystems(*of_fold, self._matrices) for of_fold in pairs]
        return cross_validate(systems, alphas, self._score, dtype=self._matrices.dtype, max_steps=max_steps)

    def _form_train_matrix(self, fold: int) -> None:
        """Turn the fold's own sum of x x^T into A_f, complete."""
        matrix, folds = self._train[fold], self._folds
        self._matrices.subtract_from(self._total, matrix)
        self._matrices.add_rank_one(matrix, folds.mean[fold], float(folds.count[fold]))
        self._matrices.add_rank_one(matrix, folds.difference[fold], -float(folds.weight[fold]))
        self._matrices.mirror(matrix)

    def _score(self, solutions: list[np.ndarray]) -> np.ndarray:
        """Score each fold's coefficients (n_alphas, n_pixels) on the folds' own stars, (n_folds, n_alphas).

        The fold's own scatter matrix S_f enters as S - A_f - (n n_f / n_t) d d^T, whose products are at hand.
        """
        coef, folds = np.stack(solutions), self._folds
        total_image = self._matrices.multiply(self._total, coef.reshape(-1, coef.shape[-1])).reshape(coef.shape)
        train_image = np.stack([self._matrices.multiply(*of_fold) for of_fold in zip(self._train, coef, strict=True)])
        quadratic = np.einsum("fap,fap->fa", coef, total_image - train_image, dtype=float)
        quadratic -= folds.weight[:, None] * _along(coef, folds.difference) ** 2
        offset = _along(coef, folds.mean - folds.train_mean) + (folds.train_y_mean - folds.y_mean)[:, None]
        squares = folds.yy[:, None] - 2 * _along(coef, folds.xy) + quadratic + folds.count[:, None] * offset**2
        return r2_from_squares(np.maximum(squares, 0), folds.yy[:, None])


def _along(coef: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Return coefficients (n_folds, n_alphas, n_pixels) times each fold's vector, (n_folds, n_alphas)."""
    return np.einsum("fap,fp->fa", coef, vectors)


class _Folds:
    """What differs from fold to fold, apart from matrices.

    Attributes
    ----------
    count, y_mean, yy : array of shape (n_folds,)
        The fold's own stars: number, mean of y, sum of squares of y about it.
    mean, xy : array of shape (n_folds, n_pixels)
        The fold's own stars: mean of X, sum of X y about both means.
    difference : array of shape (n_folds, n_pixels)
        d of the module's docstring.
    weight : array of shape (n_folds,)
        n n_f / n_t.
    train_mean, right : array of shape (n_folds, n_pixels)
        The other stars: mean of X, sum of X y about both means.
    train_y_mean : array of shape (n_folds,)
    """

    def __init__(self, sums: FoldSums, total_mean: np.ndarray, total_y_mean: float, total_xy: np.ndarray) -> None:
        self.count = sums.count
        self.n_folds = len(sums.count)
        n_stars = sums.count.sum()
        n_train = n_stars - sums.count
        self.mean, self.y_mean = sums.x / sums.count[:, None], sums.y / sums.count
        self.xy = sums.xy - sums.y[:, None] * self.mean
        self.yy = np.maximum(sums.yy - sums.y * self.y_mean, 0)
        self.difference, y_difference = self.mean - total_mean, self.y_mean - total_y_mean
        self.weight = n_stars * sums.count / n_train
        self.train_mean = total_mean - (sums.count / n_train)[:, None] * self.difference
        self.train_y_mean = total_y_mean - sums.count / n_train * y_difference
        self.right = total_xy - self.xy - (self.weight * y_difference)[:, None] * self.difference
