"""How a torch gate is trained: one recipe that all of them share; `epochs` follows it."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from moe_exp.codes import Code
from moe_exp.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn


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

    def train(
        self, network: "nn.Module", loss: "Loss", stars: "GateStars", rng: np.random.Generator
    ) -> "TrainingRecord":
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
        from moe_exp.model.gates.epochs import train  # late: it loads torch, which a trained gate may not need

        return train(network, loss, stars, self, rng)


class GateStars(NamedTuple):
    """What is known of a gate's own stars, as arrays or as tensors."""

    X: "Tensor"
    """(n_stars, n_features), standardised gate features."""
    y: "Tensor"
    """(n_stars,), label."""
    expert_predictions: "Tensor"
    """(n_stars, n_experts), in the label's unit."""
    bin_index: "Tensor"
    """(n_stars,), int64."""
    star: "Tensor"
    """(n_stars,), int64: which star a row shows, numbered from 0 in the order in which they first appear."""

    def take(self, rows: "Tensor | slice") -> "GateStars":
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


Loss = Callable[["Tensor", GateStars], "Tensor"]
