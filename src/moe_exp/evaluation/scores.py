"""Scores of one model on one set of stars, and which few stars decide them; `tables.score_table` lists each model's."""

from typing import NamedTuple

import numpy as np


def r2(y: np.ndarray, predicted: np.ndarray) -> float:
    """Coefficient of determination, 1 - sum (y - predicted)² / sum (y - mean y)².

    Parameters
    ----------
    y, predicted : arrays of shape (n_stars,)
        Label and its prediction, for example log g in dex.

    Returns
    -------
    float
        At most 1; NaN for fewer than two stars, or when all have the same label.
    """
    _check(y, predicted)
    if len(y) < 2 or np.all(y == y[0]):
        return np.nan
    return float(1 - np.sum((y - predicted) ** 2) / np.sum((y - np.mean(y)) ** 2))


def rmse(y: np.ndarray, predicted: np.ndarray) -> float:
    """Root of the mean squared error, in the unit of `y`; NaN without stars."""
    _check(y, predicted)
    return float(np.sqrt(np.mean((predicted - y) ** 2))) if len(y) else np.nan


def mae(y: np.ndarray, predicted: np.ndarray) -> float:
    """Mean absolute error, in the unit of `y`; NaN without stars."""
    _check(y, predicted)
    return float(np.mean(np.abs(predicted - y))) if len(y) else np.nan


def bias(y: np.ndarray, predicted: np.ndarray) -> float:
    """Mean of prediction minus label, in the unit of `y`; NaN without stars."""
    _check(y, predicted)
    return float(np.mean(predicted - y)) if len(y) else np.nan


def scatter(y: np.ndarray, predicted: np.ndarray) -> float:
    """Return the standard deviation of prediction minus label, in the unit of `y`; NaN without stars.

    The mean squared error is bias² + scatter².
    """
    _check(y, predicted)
    return float(np.std(predicted - y)) if len(y) else np.nan


def slope(y: np.ndarray, predicted: np.ndarray) -> float:
    """Return the slope of the line through predictions against labels; NaN for fewer than two different labels.

    1 for a prediction that is only shifted, 0 for one that does not see the label.
    """
    _check(y, predicted)
    centred = y - np.mean(y) if len(y) else y
    variation = np.sum(centred**2)
    return float(np.sum(centred * predicted) / variation) if variation > 0 else np.nan


def oracle_gain_fraction(*, r2: float, r2_global: float, r2_oracle: float) -> float:
    """Share of what the true bins' experts gain over the global Ridge that a gate retains.

    (R² - R²_global) / (R²_oracle - R²_global); NaN unless the oracle beats the global Ridge.
    """
    return (r2 - r2_global) / (r2_oracle - r2_global) if r2_oracle > r2_global else np.nan


def accuracy(bin_index: np.ndarray, gate_weights: np.ndarray) -> float:
    """Share of stars whose largest gate weight is on their true bin.

    Parameters
    ----------
    bin_index : array of shape (n_stars,)
        True bins, all within the range of the experts.
    gate_weights : array of shape (n_stars, n_experts)
    """
    return float(np.mean(np.argmax(gate_weights, axis=1) == bin_index)) if len(bin_index) else np.nan


class WorstStars(NamedTuple):
    """The stars that carry the most squared error, worst first."""

    position: np.ndarray
    """(n_worst,) positions in the arrays that were scored"""
    error_share: np.ndarray
    """(n_worst,) share of the sum of squared errors over all stars; NaN when no star has an error"""


def worst_stars(y: np.ndarray, predicted: np.ndarray, n_worst: int) -> WorstStars:
    """Find the `n_worst` stars of largest squared error; of equal errors the first star comes first."""
    _check(y, predicted)
    squared = (predicted - y) ** 2
    position = np.argsort(-squared, kind="stable")[:n_worst]
    total = np.sum(squared)
    share = squared[position] / total if total > 0 else np.full(len(position), np.nan)
    return WorstStars(position, share)


def _check(y: np.ndarray, predicted: np.ndarray) -> None:
    if y.shape != predicted.shape or y.ndim != 1:
        raise ValueError(f"label and prediction must be two lists of equal length, not {y.shape} and {predicted.shape}")
