"""The epochs of a gate's training: its recipe followed, batch by batch, with torch."""

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.model.gates.training import GateStars, Loss, Training, TrainingRecord


def train(
    network: nn.Module, loss: Loss, stars: GateStars, recipe: Training, rng: np.random.Generator
) -> TrainingRecord:
    """Train a network in place by a recipe; see `Training.train`."""
    holdout, fitted = _split(stars, recipe.count_held_out(len(stars.y)), rng)
    history: list[tuple[float, float]] = []
    best, best_loss = _copy_weights(network), _evaluate(network, loss, holdout)
    if not math.isfinite(best_loss):
        best_loss = math.inf
    start_loss, waited = best_loss, 0
    for learning_rate in recipe.learning_rate * recipe.lr_factor ** np.arange(recipe.n_lr_drops + 1):
        network.load_state_dict(best)
        optimizer = Adam(network, float(learning_rate))
        waited, threshold = 0, best_loss
        while waited < recipe.patience and len(history) < recipe.max_epochs:
            train_loss = _run_epoch(network, loss, fitted, optimizer, recipe.batch_size, rng)
            holdout_loss = _evaluate(network, loss, holdout)
            history.append((train_loss, holdout_loss))
            if not math.isfinite(holdout_loss):
                break
            if holdout_loss < best_loss:
                best, best_loss = _copy_weights(network), holdout_loss
            waited += 1
            if holdout_loss < threshold * (1 - recipe.min_improvement):
                waited, threshold = 0, holdout_loss
    network.load_state_dict(best)
    network.eval()
    curve = pd.DataFrame(history, columns=["train_loss", "holdout_loss"])
    curve.insert(0, "epoch", np.arange(1, len(curve) + 1))
    return TrainingRecord(curve, _find_obstacle(curve, recipe, improved=best_loss < start_loss, waited=waited))


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
