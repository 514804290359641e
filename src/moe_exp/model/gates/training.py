"""How a torch gate is trained: one recipe that all of them share, and the loop that follows it."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from moe_exp.codes import Code
from moe_exp.errors import InputError


@dataclass(frozen=True)
class Training:
    """Recipe: Adam in batches, until the loss on a hold-out stops falling.

    A random part of the gate's own stars is held out, each with all of its rows. When the loss there has not fallen for
    `patience` epochs the learning rate drops by `lr_factor` and training goes on from the best weights; after
    `n_lr_drops` of these the gate has converged. The best weights are the ones that are kept. A hold-out of 1,000 stars
    cannot tell losses apart that differ by a few per cent, so that a linear gate may stop as far above what L-BFGS
    reaches on all stars.

    A recipe of another kind derives from this class and writes `train`.

    Parameters
    ----------
    learning_rate : float
        Adam's first step length.
    lr_factor : float
        What the learning rate is multiplied by at each drop, between 0 and 1.
    n_lr_drops : int
        Number of drops; 0 is plain early stopping.
    batch_size : int
        Stars a step.
    max_epochs : int
        Passes over the stars, all learning rates together, after which training stops unconverged.
    patience : int
        Epochs without improvement before a drop or the end.
    min_improvement : float
        The share by which the hold-out loss must fall to count as improvement.
    holdout_fraction : float
        Part of the gate's stars that is held out.
    """

    learning_rate: float = 0.02
    lr_factor: float = 0.3
    n_lr_drops: int = 4
    batch_size: int = 512
    max_epochs: int = 1000
    patience: int = 30
    min_improvement: float = 1e-4
    holdout_fraction: float = 0.1

    def check(self) -> None:
        """Refuse values that train nothing.

        Raises
        ------
        InputError
            Naming the first wrong option, its value and what is allowed.
        """
        allowed = {
            "learning_rate": (self.learning_rate > 0, "above 0"),
            "lr_factor": (0 < self.lr_factor < 1, "between 0 and 1"),
            "n_lr_drops": (self.n_lr_drops >= 0, "0 or more"),
            "batch_size": (self.batch_size >= 1, "1 or more"),
            "max_epochs": (self.max_epochs >= 1, "1 or more"),
            "patience": (self.patience >= 1, "1 or more"),
            "min_improvement": (0 <= self.min_improvement < 1, "from 0 to below 1"),
            "holdout_fraction": (0 < self.holdout_fraction < 1, "between 0 and 1"),
        }
        for option in fields(self):
            valid, range_text = allowed[option.name]
            if not valid:
                raise InputError(
                    Code.OUT_OF_RANGE,
                    f"training.{option.name} is {getattr(self, option.name)}; it must be {range_text}.",
                )

    def count_held_out(self, n_stars: int) -> int:
        """Return how many of a gate's stars are held out.

        Raises
        ------
        InputError
            If nothing is left on either side.
        """
        n_held_out = round(self.holdout_fraction * n_stars)
        if not 0 < n_held_out < n_stars:
            raise InputError(
                Code.TOO_FEW_FOR_GATE,
                f"training.holdout_fraction={self.holdout_fraction:g} holds out {n_held_out} of the gate's {n_stars} "
                "covered stars; both parts need stars. Use a larger data.n_val or another fraction.",
            )
        return n_held_out

    def train(self, network: nn.Module, loss: "Loss", stars: "GateStars", rng: np.random.Generator) -> "TrainingRecord":
        """Train a network in place and leave it with the weights that were best on the hold-out.

        The network is in its training mode for batches and in its evaluation mode on the hold-out and at the end. A
        learning rate is given up when the hold-out loss is no finite number. Random numbers that the network draws are
        torch's, whose state the caller sets and keeps.

        Parameters
        ----------
        network : torch.nn.Module
            Maps (n_stars, n_features) to logits (n_stars, n_experts).
        loss : callable
            Takes logits and their `GateStars`, returns a mean over stars.
        stars : GateStars
            All stars of the gate; the hold-out is drawn from them.
        rng : numpy.random.Generator
            Draws hold-out and batches.
        """
        holdout, fitted = _split(stars, self.count_held_out(len(stars.y)), rng)
        history: list[tuple[float, float]] = []
        best, best_loss = _copy_weights(network), _evaluate(network, loss, holdout)
        if not math.isfinite(best_loss):
            best_loss = math.inf
        start_loss, waited = best_loss, 0
        for learning_rate in self.learning_rate * self.lr_factor ** np.arange(self.n_lr_drops + 1):
            network.load_state_dict(best)
            optimizer = Adam(network, float(learning_rate))
            waited, threshold = 0, best_loss
            while waited < self.patience and len(history) < self.max_epochs:
                train_loss = _run_epoch(network, loss, fitted, optimizer, self.batch_size, rng)
                holdout_loss = _evaluate(network, loss, holdout)
                history.append((train_loss, holdout_loss))
                if not math.isfinite(holdout_loss):
                    break
                if holdout_loss < best_loss:
                    best, best_loss = _copy_weights(network), holdout_loss
                waited += 1
                if holdout_loss < threshold * (1 - self.min_improvement):
                    waited, threshold = 0, holdout_loss
        network.load_state_dict(best)
        network.eval()
        curve = pd.DataFrame(history, columns=["train_loss", "holdout_loss"])
        curve.insert(0, "epoch", np.arange(1, len(curve) + 1))
        return TrainingRecord(curve, _find_obstacle(curve, self, improved=best_loss < start_loss, waited=waited))


class GateStars(NamedTuple):
    """What is known of a gate's own stars, as arrays or as tensors."""

    X: Tensor
    """(n_stars, n_features), standardised gate features."""
    y: Tensor
    """(n_stars,), label."""
    expert_predictions: Tensor
    """(n_stars, n_experts), in the label's unit."""
    bin_index: Tensor
    """(n_stars,), int64."""
    star: Tensor
    """(n_stars,), int64: which star a row shows, numbered from 0 in the order in which they first appear."""

    def take(self, rows: Tensor | slice) -> "GateStars":
        """Return some of the stars."""
        return GateStars(*(values[rows] for values in self))


class TrainingRecord(NamedTuple):
    """How a training went."""

    curve: pd.DataFrame
    """One row an epoch: epoch, train_loss (mean over its batches), holdout_loss (after it)."""
    obstacle: str
    """Why it has not converged; empty if it has."""

    @property
    def converged(self) -> bool:
        """Whether it improved on its start and ended by itself."""
        return not self.obstacle


Loss = Callable[[Tensor, GateStars], Tensor]


class Adam:
    """Adam (Kingma & Ba 2015) by torch's function of that name.

    The class ``torch.optim.Adam`` imports torch's compiler, which takes longer than a gate's training, and spends a
    fifth of every step on hooks.

    Parameters
    ----------
    network : torch.nn.Module
    learning_rate : float
    """

    def __init__(self, network: nn.Module, learning_rate: float) -> None:
        self._parameters: list[Tensor] = [values for values in network.parameters() if values.requires_grad]
        self._learning_rate = learning_rate
        self._means = [torch.zeros_like(values) for values in self._parameters]
        self._squares = [torch.zeros_like(values) for values in self._parameters]
        self._n_steps = [torch.zeros(()) for _ in self._parameters]

    def step(self, loss: Tensor) -> None:
        """Move the parameters against the gradient of the loss."""
        gradients = torch.autograd.grad(loss, self._parameters, materialize_grads=True)
        with torch.no_grad():
            adam(
                self._parameters, list(gradients), self._means, self._squares, [], self._n_steps,
                fused=True, amsgrad=False, maximize=False, lr=self._learning_rate, beta1=0.9, beta2=0.999, eps=1e-8,
                weight_decay=0.0,
            )  # fmt: skip


def _find_obstacle(curve: pd.DataFrame, training: Training, *, improved: bool, waited: int) -> str:
    """Say why a training has not converged; nothing if it has."""
    n_not_finite = int((~np.isfinite(curve["holdout_loss"])).sum())
    lost = f"its hold-out loss was NaN or infinite after {n_not_finite} of {len(curve)} epochs"
    if not improved:
        return f"never improved on its start{f', {lost}' if n_not_finite else ''}"
    if waited >= training.patience:
        return ""
    if len(curve) >= training.max_epochs:
        return f"stopped by training.max_epochs={training.max_epochs}"
    return lost


def _split(stars: GateStars, n_holdout: int, rng: np.random.Generator) -> tuple[GateStars, GateStars]:
    """Draw whole stars until as near to the number of rows as these allow."""
    star = stars.star.numpy()
    place = np.argsort(rng.permutation(star.max() + 1))[star]
    order = np.argsort(place, kind="stable")
    ends = np.flatnonzero(np.diff(place[order])) + 1
    if not len(ends):
        raise InputError(
            Code.TOO_FEW_FOR_GATE,
            f"The gate's {len(star)} covered spectra show one star only; hold-out and training need different ones. "
            "Use a larger data.n_val.",
        )
    rows = torch.from_numpy(order)
    n_holdout = ends[np.argmin(np.abs(ends - n_holdout))]
    return stars.take(rows[:n_holdout]), stars.take(rows[n_holdout:])


def _run_epoch(
    network: nn.Module,
    loss: Loss,
    stars: GateStars,
    optimizer: Adam,
    batch_size: int,
    rng: np.random.Generator,
) -> float:
    n_stars = len(stars.y)
    shuffled = stars.take(torch.from_numpy(rng.permutation(n_stars)))
    total = torch.zeros(())
    network.train()
    for first, last in pairwise(_batch_edges(n_stars, batch_size)):
        batch = shuffled.take(slice(first, last))
        batch_loss = loss(network(batch.X), batch)
        optimizer.step(batch_loss)
        total += batch_loss.detach() * len(batch.y)
    return float(total) / n_stars


def _batch_edges(n_stars: int, batch_size: int) -> list[int]:
    """Return where batches begin and the last one ends; a last star alone, which has no scatter, joins the others."""
    edges = [*range(0, n_stars, batch_size), n_stars]
    if len(edges) > 2 and edges[-1] - edges[-2] == 1 < batch_size:
        del edges[-2]
    return edges


def _evaluate(network: nn.Module, loss: Loss, stars: GateStars) -> float:
    network.eval()
    with torch.no_grad():
        return float(loss(network(stars.X), stars))


def _copy_weights(network: nn.Module) -> dict[str, Tensor]:
    return {name: values.detach().clone() for name, values in network.state_dict().items()}
