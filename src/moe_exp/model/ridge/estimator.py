"""Ridge regression whose penalty is chosen by cross-validation, for more stars than memory holds."""

import warnings
from collections.abc import Sequence
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from moe_exp.cache.codec import storable
from moe_exp.codes import Code, tagged
from moe_exp.errors import InputError
from moe_exp.model.ridge.matrices import NotPositiveDefiniteError
from moe_exp.model.ridge.moments import Moments
from moe_exp.model.ridge.rows import RowsRidge
from moe_exp.model.ridge.solutions import Coefficients
from moe_exp.model.ridge.sums import SumsRidge
from moe_exp.random_streams import random_stream

BLOCK_ROWS = 1024
"""Spectra that are centred at a time in predict."""

LARGEST_ALPHA = 1e25
"""A penalty that float32 holds and that leaves no coefficients: far above sums of squares in moderate units."""


def assign_folds(n_stars: int, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a fold for each star, so that folds differ by at most one star.

    Parameters
    ----------
    n_stars, n_folds : int
    rng : numpy.random.Generator

    Returns
    -------
    array of shape (n_stars,)
        Fold of each star, 0 to n_folds - 1.
    """
    return rng.permutation(np.arange(n_stars) % n_folds)


@storable
class CrossValidatedRidge(RegressorMixin, BaseEstimator):
    """Linear regression with a penalty on squared coefficients, chosen by cross-validation.

    The coefficients w and the intercept b solve ``argmin ||y - X w - b||^2 + alpha ||w||^2`` (Hoerl & Kennard 1970),
    where alpha has the highest R² of the grid, averaged over the folds; the fit is then repeated on all stars. The
    choice is that of scikit-learn's ``GridSearchCV(Ridge())`` with the same folds.

    Parameters
    ----------
    alphas : sequence of float, optional
        Grid of penalties, in units of X squared; ``np.logspace(-3, 5, 9)`` where None.
    n_folds : int
        Folds of the cross-validation.
    fold_seed : int
        Draws the folds in `fit`, where they are not given.
    device : str
        ``cpu`` or ``cuda``, for `fit`.

    Attributes
    ----------
    alpha_ : float
        Penalty chosen.
    alpha_at_edge_ : bool
        Whether it is the smallest or largest of the grid: the best may lie outside.
    coef_ : array of shape (n_pixels,)
    intercept_ : float
    cv_scores_ : array of shape (n_folds, n_alphas)
        R² on each fold of the fit to the others; NaN where the precision of the sums does not resolve alpha. In
        float32, the unexplained part 1 - R² of penalties that the mean score rules out is known to a percent only.
    mean_cv_scores_ : array of shape (n_alphas,)
        Average over the folds.
    n_samples_, n_features_in_ : int
        Stars and pixels.
    n_iter_ : int
        Products with a fold's matrix that the slowest fold needed.
    """

    def __init__(
        self,
        *,
        alphas: Sequence[float] | np.ndarray | None = None,
        n_folds: int = 5,
        fold_seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self.alphas = alphas
        self.n_folds = n_folds
        self.fold_seed = fold_seed
        self.device = device

    def fit(self, X: np.ndarray, y: np.ndarray, fold_index: np.ndarray | None = None) -> Self:
        """Fit stars that fit in memory; float32 X is taken in float32, other types in float64.

        Parameters
        ----------
        X : array of shape (n_stars, n_pixels)
        y : array of shape (n_stars,)
        fold_index : int array of shape (n_stars,), optional
            Fold of each star; drawn by `fold_seed` where None.

        Raises
        ------
        InputError
            If a fold has fewer than two stars, or an option makes no sense.
        ValueError
            scikit-learn's, if an array has the wrong shape or is not finite.
        """
        X, y = validate_data(self, X, y, dtype=[np.float64, np.float32], y_numeric=True, ensure_min_samples=2)
        self._check_alphas()
        moments = Moments(self.n_folds, dtype=X.dtype, device=self.device)
        if fold_index is None:
            fold_index = assign_folds(len(X), self.n_folds, random_stream(self.fold_seed, "folds"))
        return self.fit_moments(moments.add(X, np.asarray(y, float), fold_index))

    def fit_moments(self, moments: Moments) -> Self:
        """Fit stars of which only the sums are at hand.

        Parameters
        ----------
        moments : Moments
            With this estimator's `n_folds`; the penalty is chosen by its folds. They are used up.

        Raises
        ------
        InputError
            If a fold has fewer than two stars, an option makes no sense, or float32 sums resolve no alpha of the grid.
        """
        alphas = self._check_alphas()
        moments.close()
        self._check_folds(moments)
        self.n_samples_ = int(moments.fold_counts.sum())
        rows = moments.rows
        ridge = SumsRidge(moments.take_sums(), moments.matrices) if rows is None else RowsRidge(rows, moments.n_folds)
        scaled = _in_units_of(moments.scale, alphas)
        scores = ridge.cross_validate(scaled)
        best, solved = self._fit_best(ridge, alphas, scaled, scores.r2)
        self.cv_scores_ = scores.r2
        self.mean_cv_scores_ = scores.r2.mean(axis=0)
        self.alpha_ = float(alphas[best])
        self.alpha_at_edge_ = bool(self.alpha_ in (alphas.min(), alphas.max()))
        self.origin_ = moments.origin
        self.coef_ = solved.coef / moments.scale
        self.origin_prediction_ = solved.intercept
        self.intercept_ = float(solved.intercept - self.origin_.astype(float) @ self.coef_)
        self.n_iter_ = scores.n_iterations
        self.n_features_in_ = moments.n_pixels
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict the label.

        Parameters
        ----------
        X : array of shape (n_stars, n_pixels)

        Returns
        -------
        array of shape (n_stars,)
            float64, though float32 X is multiplied in float32.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        origin, coef = self.origin_.astype(X.dtype), self.coef_.astype(X.dtype)
        predicted = np.empty(len(X))
        for start in range(0, len(X), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            predicted[block] = (X[block] - origin) @ coef
        return predicted + self.origin_prediction_

    def describe(self) -> dict[str, float]:
        """Return the penalty chosen, whether it lies at an end of the grid, and its cross-validated R²."""
        return {"alpha": self.alpha_, "alpha_at_edge": self.alpha_at_edge_, "cv_r2": self.mean_cv_scores_.max()}

    def _check_alphas(self) -> np.ndarray:
        alphas = np.logspace(-3, 5, 9) if self.alphas is None else np.asarray(self.alphas, float)
        if alphas.ndim != 1 or not len(alphas) or not (np.isfinite(alphas) & (alphas > 0)).all():
            raise InputError(
                Code.OUT_OF_RANGE,
                f"alphas={self.alphas}: a list of at least one penalty is needed, all positive and finite.",
            )
        return alphas

    def _check_folds(self, moments: Moments) -> None:
        if moments.n_folds != self.n_folds:
            raise ValueError(f"The sums have {moments.n_folds} folds, this estimator {self.n_folds}.")
        counts = moments.fold_counts
        if counts.min() < 2:
            raise InputError(
                Code.TOO_FEW_TO_FIT,
                f"{np.sum(counts < 2)} of n_folds={self.n_folds} folds have fewer than two stars: there are "
                f"{counts.sum()} stars in all (n_samples={counts.sum()}). Use more stars or fewer folds.",
            )

    def _fit_best(
        self, ridge: SumsRidge | RowsRidge, alphas: np.ndarray, scaled: np.ndarray, r2: np.ndarray
    ) -> tuple[int, Coefficients]:
        """Fit all stars with the penalty of the best mean score, among those that the precision resolves."""
        mean = np.nan_to_num(r2.mean(axis=0), nan=-np.inf)
        lost = np.isneginf(mean)
        while not lost.all():
            best = int(np.argmax(np.where(lost, -np.inf, mean)))
            try:
                solved = ridge.fit(scaled[best])
            except NotPositiveDefiniteError:
                lost[best] = True
                continue
            if lost.any():
                warnings.warn(
                    tagged(Code.PENALTY_TOO_SMALL, f"{_describe(alphas, lost)} They are left out of the choice."),
                    RuntimeWarning,
                    stacklevel=3,
                )
            return best, solved
        raise InputError(Code.PENALTY_TOO_SMALL, f"{_describe(alphas, lost)} Use larger alphas, or sums in float64.")


def _describe(alphas: np.ndarray, lost: np.ndarray) -> str:
    return (
        f"{lost.sum()} of {len(alphas)} penalties, up to alpha={alphas[lost].max():g}, are too small for the precision "
        f"of the sums."
    )


def _in_units_of(scale: float, alphas: np.ndarray) -> np.ndarray:
    """Return the penalties for X over `scale`, none above `LARGEST_ALPHA`."""
    with np.errstate(over="ignore"):
        return np.minimum(alphas / scale / scale, LARGEST_ALPHA)
