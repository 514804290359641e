"""Ridge regressions of no more stars than pixels, from their kernel matrix.

The coefficients of min ||y - X w - b||^2 + alpha ||w||^2 are w = Z^T v with (Z Z^T + alpha I) v = y - mean(y), Z
being X about its mean (Saunders, Gammerman & Vovk 1998): a system as small as the number of stars.
"""

import itertools

import numpy as np

from moe_exp.model.ridge.fold_sums import Rows
from moe_exp.model.ridge.matrices import CpuMatrices
from moe_exp.model.ridge.shifted_systems import ShiftedSystems
from moe_exp.model.ridge.solutions import Coefficients, FoldScores, cross_validate, r2_from_squares, solve_refined

FLOAT64_ROWS = 1024
"""With more stars than this, products of float32 spectra are formed in float32, which is twice as fast."""


class RowsRidge:
    """Regressions on stars that are kept whole.

    Parameters
    ----------
    rows : Rows
        The stars; each fold and its complement hold at least one.
    n_folds : int
        Folds of the cross-validation.
    """

    def __init__(self, rows: Rows, n_folds: int) -> None:
        by_fold = np.argsort(rows.fold_index, kind="stable")
        self._rows = Rows(*(part[by_fold] for part in rows))
        self._ends = np.cumsum(np.bincount(rows.fold_index, minlength=n_folds))
        self._mean = rows.X.mean(axis=0, dtype=float)
        dtype = rows.X.dtype if len(rows.y) > FLOAT64_ROWS else np.dtype(float)
        self._matrices = CpuMatrices(dtype)
        self._centred = (self._rows.X - self._mean).astype(dtype)
        self._kernel = self._matrices.zeros(1, len(rows.y))[0]
        self._matrices.add_product(self._kernel, self._centred.T)
        self._matrices.mirror(self._kernel)
        _fill_null_space(self._kernel)

    def fit(self, alpha: float) -> Coefficients:
        """Fit all stars with one penalty."""
        y_mean = self._rows.y.mean()
        weights = solve_refined(self._kernel, alpha, self._rows.y - y_mean, self._matrices)
        coef = self._matrices.multiply(self._centred, weights[None])[0].astype(float)
        return Coefficients(coef, float(y_mean - self._mean @ coef))

    def cross_validate(self, alphas: np.ndarray) -> FoldScores:
        """Score every penalty (n_alphas,) on every fold."""
        places = itertools.pairwise([0, *self._ends.tolist()])
        folds = [_Fold(self._kernel, self._rows.y, slice(*ends), self._matrices) for ends in places]
        systems = [fold.systems for fold in folds]
        return cross_validate(systems, alphas, lambda weights: _score(folds, weights), dtype=self._matrices.dtype)


class _Fold:
    """One fold's own stars, and the equations of the others.

    Attributes
    ----------
    systems : ShiftedSystems
        Z Z^T v = y of the training stars, about their means.
    across : array of shape (n_own, n_train)
        Products of the fold's own stars with the training stars.
    y : array of shape (n_own,)
        The fold's own labels, about the training stars' mean.
    """

    def __init__(self, kernel: np.ndarray, y: np.ndarray, own: slice, matrices: CpuMatrices) -> None:
        inner = np.delete(np.delete(kernel, own, axis=0), own, axis=1)
        self.across = np.delete(kernel[own], own, axis=1)
        train_mean = inner.mean(axis=0)
        inner -= train_mean[:, None] + train_mean - train_mean.mean()
        _fill_null_space(inner)
        self.across -= self.across.mean(axis=1, keepdims=True) + train_mean - train_mean.mean()
        y_train = np.delete(y, own)
        self.systems = ShiftedSystems(inner, y_train - y_train.mean(), matrices)
        self.y = y[own] - y_train.mean()


def _score(folds: list[_Fold], weights: list[np.ndarray]) -> np.ndarray:
    """Score each fold's weights (n_alphas, n_train) on its own stars, (n_folds, n_alphas)."""
    residual = [
        np.sum((fold.y - of_fold @ fold.across.T) ** 2, axis=1) for fold, of_fold in zip(folds, weights, strict=True)
    ]
    total = [np.sum((fold.y - fold.y.mean()) ** 2) for fold in folds]
    return r2_from_squares(np.stack(residual), np.array(total)[:, None])


def _fill_null_space(kernel: np.ndarray) -> None:
    """Lift the zero eigenvalue that centring leaves, in place; solutions for a centred right side stay as they were."""
    kernel += np.trace(kernel) / len(kernel) ** 2
