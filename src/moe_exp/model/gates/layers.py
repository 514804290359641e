"""Networks of linear layers and ReLU without torch: to load it takes longer than all predictions of a trained gate."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from moe_exp.machine import one_blas_thread

if TYPE_CHECKING:
    from torch import nn

LINEAR, RELU = "Linear", "ReLU"


def describe_layers(network: "nn.Module") -> tuple[str, ...]:
    """Return the kinds of a network's layers in order, such as ``("Linear", "ReLU", "Linear")``.

    Returns
    -------
    layers : tuple of str
        Empty for a network that is more, or something else, than linear layers with biases and ReLU in a row.
    """
    from torch import nn

    kinds = {nn.Linear: LINEAR, nn.ReLU: RELU}
    layers = [network] if type(network) is nn.Linear else list(network) if type(network) is nn.Sequential else []
    known = all(type(layer) in kinds and getattr(layer, "bias", True) is not None for layer in layers)
    hooked = any(layer._forward_hooks or layer._forward_pre_hooks for layer in (network, *layers))
    return tuple(kinds[type(layer)] for layer in layers) if known and not hooked else ()


def evaluate_layers(layers: Sequence[str], weights: Mapping[str, np.ndarray], X: np.ndarray) -> np.ndarray:
    """Return the logits (n_stars, n_experts) of a network, with the same bits for any number of threads.

    Parameters
    ----------
    layers : sequence of str
        What `describe_layers` says of it.
    weights : mapping of str to array
        Its weights by the names that torch gives them.
    X : float64 array of shape (n_stars, n_features)
        Standardised gate features.
    """
    values = X
    with one_blas_thread():
        for number, kind in enumerate(layers):
            prefix = f"{number}." if len(layers) > 1 else ""
            if kind == RELU:
                values = np.maximum(values, 0)
            else:
                values = values @ weights[f"{prefix}weight"].T + weights[f"{prefix}bias"]
    return values
