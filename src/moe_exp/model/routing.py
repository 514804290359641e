"""How the experts' predictions become one prediction a star: soft, hard or oracle routing, clipping and fallback."""

import numpy as np

from moe_exp.codes import Code
from moe_exp.errors import InputError


def clip_predictions(predictions: np.ndarray, low: float, high: float) -> np.ndarray:
    """Limit predictions to a range, usually that of the training labels.

    Parameters
    ----------
    predictions : array of any shape
        Predicted label, for example log g in dex.
    low, high : float
        Limits, in the unit of the label.

    Raises
    ------
    InputError
        If `low` is above `high`.
    """
    if not low <= high:
        raise InputError(
            Code.OUT_OF_RANGE,
            f"Predictions cannot be clipped to [{low:g}, {high:g}]: the lower limit is above the upper.",
        )
    return np.clip(predictions, low, high)


def route_soft(gate_weights: np.ndarray, expert_predictions: np.ndarray) -> np.ndarray:
    """Return the weighted sum of the experts.

    Parameters
    ----------
    gate_weights : array of shape (n_stars, n_experts)
        Rows sum to one.
    expert_predictions : array of shape (n_stars, n_experts)
        Prediction of every expert for every star.

    Returns
    -------
    prediction : array of shape (n_stars,)
    """
    _check_same_shape(gate_weights, expert_predictions)
    return np.sum(gate_weights * expert_predictions, axis=1)


def route_hard(gate_weights: np.ndarray, expert_predictions: np.ndarray) -> np.ndarray:
    """Return the prediction of the expert with the largest weight, the first of equals.

    Parameters
    ----------
    gate_weights, expert_predictions : arrays of shape (n_stars, n_experts)

    Returns
    -------
    prediction : array of shape (n_stars,)
    """
    _check_same_shape(gate_weights, expert_predictions)
    return route_oracle(np.argmax(gate_weights, axis=1), expert_predictions)


def route_oracle(bin_index: np.ndarray, expert_predictions: np.ndarray) -> np.ndarray:
    """Return the prediction of the expert of each star's true bin.

    Parameters
    ----------
    bin_index : int array of shape (n_stars,)
        True bin, -1 outside every bin.
    expert_predictions : array of shape (n_stars, n_experts)

    Returns
    -------
    prediction : array of shape (n_stars,)
        NaN where the star has no bin: see `fall_back`.
    """
    bin_index = np.asarray(bin_index)
    if len(bin_index) != len(expert_predictions):
        raise ValueError(f"bin_index has {len(bin_index)} stars, expert_predictions {len(expert_predictions)}.")
    covered = bin_index >= 0
    prediction = np.full(len(bin_index), np.nan)
    prediction[covered] = np.asarray(expert_predictions)[np.flatnonzero(covered), bin_index[covered]]
    return prediction


def fall_back(prediction: np.ndarray, covered: np.ndarray, global_prediction: np.ndarray) -> np.ndarray:
    """Return the mixture's prediction for covered stars and the global Ridge's for the others.

    Parameters
    ----------
    prediction, global_prediction : arrays of shape (n_stars,)
        Of the mixture and of the global Ridge.
    covered : bool array of shape (n_stars,)
        Whether the star lies in a bin, ``bin_index >= 0``.
    """
    covered = np.asarray(covered)
    if covered.dtype != bool:
        raise ValueError(f"covered must be a bool array (bin_index >= 0), but has dtype {covered.dtype}.")
    if not np.shape(prediction) == np.shape(covered) == np.shape(global_prediction):
        raise ValueError(
            f"prediction {np.shape(prediction)}, covered {np.shape(covered)} and global_prediction "
            f"{np.shape(global_prediction)} must have one shape."
        )
    return np.where(covered, prediction, global_prediction)


def _check_same_shape(gate_weights: np.ndarray, expert_predictions: np.ndarray) -> None:
    if np.shape(gate_weights) != np.shape(expert_predictions):
        raise ValueError(
            f"gate_weights {np.shape(gate_weights)} and expert_predictions {np.shape(expert_predictions)} "
            "must have one shape, (n_stars, n_experts)."
        )
