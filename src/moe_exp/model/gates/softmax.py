"""Gates whose weights are the softmax of a torch network; they differ in architecture and loss alone.

Torch is imported where a network is trained, or is more than linear layers and ReLU.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy.special import softmax

from moe_exp.codes import Code, tagged
from moe_exp.errors import InputError
from moe_exp.machine import one_torch_thread, require_memory
from moe_exp.model.gates.base import Gate
from moe_exp.model.gates.layers import describe_layers, evaluate_layers
from moe_exp.model.gates.training import GateStars
from moe_exp.model.learned import read_learned
from moe_exp.random_streams import random_stream

if TYPE_CHECKING:
    from torch import Tensor, nn

logger = logging.getLogger(__name__)

USUAL_SIZES = (30, 9)
"""Features and experts that a network is laid out for, to see how large it is."""

BYTES_PER_WEIGHT = 16
"""float32 weight, gradient and the two moments of Adam."""

WEIGHTS = "weights_."
"""What the names of a network's weights begin with, among what a gate learnt."""


def mixed_squared_error(logits: "Tensor", stars: GateStars) -> "Tensor":
    """Return the mean of (sum_k w_k p_k - y)², with weights w the softmax of the logits and p the experts' predictions.

    It is computed as (sum_k w_k (p_k - y))², the same because the weights sum to one.
    """
    errors = stars.expert_predictions - stars.y[:, None]
    return (logits.softmax(dim=1) * errors).sum(dim=1).square().mean()


def bin_cross_entropy(logits: "Tensor", stars: GateStars) -> "Tensor":
    """Return the mean of -log w of the star's true bin, with weights w the softmax of the logits."""
    from torch.nn.functional import cross_entropy

    return cross_entropy(logits, stars.bin_index)


class SoftmaxGate(Gate):
    """Base of the gates that are torch networks: a subclass says which (`network`) and, if it likes, which `loss`.

    Attributes
    ----------
    weights_ : dict of str to array
        Weights of the trained network by torch's names of them, float64.
    layers_ : tuple of str
        Kinds of its layers, where they are plain ones; see `layers`.
    """

    loss_label: ClassVar[str] = "Mean squared error [{unit}²]"

    def check(self) -> None:
        """Refuse a network that memory cannot hold while it is trained; it is laid out without any.

        Raises
        ------
        InputError
            Saying what it would need.
        """
        import torch

        super().check()
        with torch.device("meta"):
            n_weights = sum(weights.numel() for weights in self.network(*USUAL_SIZES).parameters())
        options = [f"gate.{name}={value}" for name, value in vars(self).items() if isinstance(value, int)]
        what = f"A network of {n_weights:,} weights ({', '.join(options)})"
        require_memory(BYTES_PER_WEIGHT * n_weights, what, "Choose a smaller one.")

    def check_count(self, n_stars: int) -> None:
        """Refuse stars of which nothing is left to train on, or to hold out."""
        super().check_count(n_stars)
        self.training.count_held_out(n_stars)

    def network(self, n_features: int, n_experts: int) -> "nn.Module":
        """Return the untrained network, (n_stars, n_features) to logits (n_stars, n_experts)."""
        raise NotImplementedError

    def loss(self, logits: "Tensor", stars: GateStars) -> "Tensor":
        """Return the mean loss over stars, by default the squared error of the mixed prediction."""
        return mixed_squared_error(logits, stars)

    def fit_standardised(
        self,
        X: np.ndarray,
        y: np.ndarray,
        *,
        expert_predictions: np.ndarray,
        bin_index: np.ndarray,
        star: np.ndarray,
        seed: int,
    ) -> None:
        """Train the network by the recipe, in float32 on one thread: too small for a GPU to be faster.

        Whatever the network draws, first weights or dropout, comes from the gate's own stream; torch's state stays.
        """
        import torch

        arrays = (X.astype(np.float32), y.astype(np.float32), expert_predictions.astype(np.float32))
        numbers = (bin_index.astype(np.int64), star.astype(np.int64))
        stars = GateStars(*(torch.from_numpy(values) for values in (*arrays, *numbers)))
        rng = random_stream(seed, "gate")
        with one_torch_thread(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**63)))
            network = self.network(X.shape[1], self.n_experts_)
            record = self.training.train(network, self.loss, stars, rng)
        self.weights_ = {name: values.numpy() for name, values in network.to(torch.float64).state_dict().items()}
        self.layers_ = describe_layers(network)
        self.curve_, self.converged_, self.n_epochs_ = record.curve, record.converged, len(record.curve)
        self._log(record.obstacle)

    def weigh_standardised(self, X: np.ndarray) -> np.ndarray:
        """Return the softmax of the network's logits."""
        plain = len(self.layers_) > 0
        return softmax(evaluate_layers(self.layers_, self.weights_, X) if plain else self._run_network(X), axis=1)

    def _run_network(self, X: np.ndarray) -> np.ndarray:
        """Return the logits of a network that only torch can compute."""
        import torch

        with one_torch_thread(), torch.no_grad():
            with torch.random.fork_rng(devices=[]):
                network = self.network(X.shape[1], self.n_experts_).to(torch.float64)
            network.load_state_dict({name: torch.from_numpy(values) for name, values in self.weights_.items()})
            return network.eval()(torch.from_numpy(X)).numpy()

    def learned(self) -> dict[str, np.ndarray]:
        """Return what `fit` learnt, the network's weights among it."""
        weights = {f"{WEIGHTS}{name}": values for name, values in self.weights_.items()}
        return read_learned(self, apart=("curve_", "weights_")) | weights

    def recall(self, learned: Mapping[str, np.ndarray]) -> None:
        """Take up the network's weights again."""
        weights = {name: values for name, values in learned.items() if name.startswith(WEIGHTS)}
        super().recall({name: values for name, values in learned.items() if name not in weights})
        self.weights_ = {name.removeprefix(WEIGHTS): values for name, values in weights.items()}

    def _log(self, obstacle: str) -> None:
        name, loss = type(self).__name__, self.curve_["holdout_loss"].min()
        if self.converged_:
            logger.info("%s converged after %d epochs, hold-out loss %.6g", name, self.n_epochs_, loss)
        else:
            logger.warning(
                tagged(Code.NOT_CONVERGED, "%s has not converged: %s; hold-out loss %.6g"), name, obstacle, loss
            )


@dataclass
class LinearGate(SoftmaxGate):
    """softmax(W z + b), trained for the mixed prediction."""

    def network(self, n_features: int, n_experts: int) -> "nn.Module":
        """Return one linear layer."""
        from torch import nn

        return nn.Linear(n_features, n_experts)


@dataclass
class MlpGate(SoftmaxGate):
    """Softmax of a network with one hidden layer, trained for the mixed prediction.

    Parameters
    ----------
    hidden : int
        Width of the hidden layer, whose activation is ReLU.
    """

    hidden: int = 64

    def network(self, n_features: int, n_experts: int) -> "nn.Module":
        """Return linear, ReLU, linear."""
        from torch import nn

        return nn.Sequential(nn.Linear(n_features, self.hidden), nn.ReLU(), nn.Linear(self.hidden, n_experts))

    def check(self) -> None:
        """Refuse a hidden layer without units.

        Raises
        ------
        InputError
            If `hidden` is below 1 or more than memory holds, or the recipe is wrong.
        """
        if self.hidden < 1:
            raise InputError(Code.OUT_OF_RANGE, f"gate.hidden is {self.hidden}; it must be 1 or more.")
        super().check()


@dataclass
class MlpClassifyGate(MlpGate):
    """The architecture of `MlpGate` trained to tell the bin: the control that tells the loss from the architecture."""

    loss_label: ClassVar[str] = "Cross-entropy [nat]"
    trained_for: ClassVar[str] = "classification"

    def loss(self, logits: "Tensor", stars: GateStars) -> "Tensor":
        """Return the cross-entropy of the bin."""
        return bin_cross_entropy(logits, stars)
