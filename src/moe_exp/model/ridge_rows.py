"""Ridge regressions of no more stars than pixels, from their kernel matrix.

The coefficients of min ||y - X w - b||^2 + alpha ||w||^2 are w = Z^T v with (Z Z^T + alpha I) v = y - mean(y), Z
being X about its mean (Saunders, Gammerman & Vovk 1998): a system as small as the number of stars.
"""

import numpy as np

from moe_exp.model.fold_sums import Rows
from moe_exp.model.ridge_matrices import CpuMatrices
from moe_exp.model.ridge_solutions import Coefficients, FoldScores, cross_validate, r2_from_squares, solve_refined
from moe_exp.model.shifted_systems import ShiftedSystems

FLOAT64_ROWS = 1024
"""With more stars than this, float32 spectra are cross-validated in float32, which then is much faster."""


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
        self._rows = rows
        self._n_folds = n_folds
        self._mean = rows.X.mean(axis=0, dtype=float)
        self._centred = rows.X - self._mean
        self._kernel = _kernel(self._centred)
        _fill_null_space(self._kernel)

    def fit(self, alpha: float) -> Coefficients:
        """Fit all stars with one penalty."""
        y_mean = self._rows.y.mean()
        weights = solve_refined(self._kernel, alpha, self._rows.y - y_mean, CpuMatrices(np.dtype(float)))
        coef = weights @ self._centred
        return Coefficients(coef, float(y_mean - self._mean @ coef))

    def cross_validate(self, alphas: np.ndarray) -> FoldScores:
        """Score every penalty (n_alphas,) on every fold."""
        dtype = self._rows.X.dtype if len(self._rows.y) > FLOAT64_ROWS else np.dtype(float)
        folds = [_Fold(self._kernel, self._rows, fold, CpuMatrices(dtype)) for fold in range(self._n_folds)]
        systems = [fold.systems for fold in folds]
        return cross_validate(systems, alphas, lambda weights: _score(folds, weights), dtype=dtype)


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

    def __init__(self, kernel: np.ndarray, rows: Rows, fold: int, matrices: CpuMatrices) -> None:
        train, own = np.flatnonzero(rows.fold_index != fold), np.flatnonzero(rows.fold_index == fold)
        inner, self.across = kernel[np.ix_(train, train)], kernel[np.ix_(own, train)]
        train_mean = inner.mean(axis=0)
        inner -= train_mean[:, None] + train_mean - train_mean.mean()
        _fill_null_space(inner)
        self.across -= self.across.mean(axis=1, keepdims=True) + train_mean - train_mean.mean()
        y_mean = rows.y[train].mean()
        self.systems = ShiftedSystems(inner.astype(matrices.dtype, copy=False), rows.y[train] - y_mean, matrices)
        self.y = rows.y[own] - y_mean


def _score(folds: list[_Fold], weights: list[np.ndarray]) -> np.ndarray:
    """Score each fold's weights (n_alphas, n_train) on its own stars, (n_folds, n_alphas)."""
    residual = [
        np.sum((fold.y - of_fold @ fold.across.T) ** 2, axis=1) for fold, of_fold in zip(folds, weights, strict=True)
    ]
    total = [np.sum((fold.y - fold.y.mean()) ** 2) for fold in folds]
    return r2_from_squares(np.stack(residual), np.array(total)[:, None])


def _kernel(X: np.ndarray) -> np.ndarray:
    """Return X X^T, complete."""
    matrices = CpuMatrices(X.dtype)
    kernel = matrices.zeros(1, len(X))[0]
    matrices.add_product(kernel, np.ascontiguousarray(X.T))
    matrices.mirror(kernel)
    return kernel


def _fill_null_space(kernel: np.ndarray) -> None:
    """Lift the zero eigenvalue that centring leaves, in place; solutions for a centred right side stay as they were."""
    kernel += np.trace(kernel) / len(kernel) ** 2
