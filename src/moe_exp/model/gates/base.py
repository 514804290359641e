"""The contract of a gate: features of a star in, one weight for each expert out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.model.gates.training import Training
from moe_exp.model.learned import read_learned, write_learned
from moe_exp.spectra.star_ids import number_stars

LEAST_STARS = 2
"""Of which features have a mean and a scatter."""

NO_CURVE = pd.DataFrame({"epoch": pd.Series(dtype=int), "train_loss": [], "holdout_loss": []})


@dataclass(kw_only=True)
class Gate(BaseEstimator):
    """Base of all gates: checks, standardises and keeps scikit-learn's contract.

    A subclass is a dataclass that writes `fit_standardised` and `weigh_standardised`, and sets `curve_`, `converged_`
    and `n_epochs_` if it is trained step by step. A gate that is a torch network starts from `SoftmaxGate` instead.

    Parameters
    ----------
    training : Training
        The recipe; a gate that is not trained step by step ignores it.

    Attributes
    ----------
    n_experts_ : int
        Number of experts, and of weights a star.
    curve_ : DataFrame with columns epoch, train_loss, holdout_loss
        One row an epoch, empty for a gate without epochs.
    converged_ : bool
        Whether the fit ended by itself, not at a limit.
    n_epochs_ : int
        Epochs, or iterations of the solver.
    """

    training: Training = field(default_factory=Training)

    loss_label: ClassVar[str] = "Loss"
    """What `curve_` holds, with its unit; ``{unit}`` stands for that of the label."""
    trained_for: ClassVar[str] = "regression"
    """Whether the label (``"regression"``) or the bin (``"classification"``) is what it learns to predict."""

    @property
    def best_holdout_loss(self) -> float:
        """Least loss on the gate's own hold-out, that of the weights which are kept; NaN without epochs."""
        return float(self.curve_["holdout_loss"].min()) if len(self.curve_) else np.nan

    def check(self) -> None:
        """Refuse wrong options; a subclass adds its own and calls this one.

        Raises
        ------
        InputError
            Naming the option.
        """
        self.training.check()

    def check_count(self, n_stars: int) -> None:
        """Refuse fewer covered stars than can train it.

        Raises
        ------
        InputError
            Saying what to do.
        """
        if n_stars < LEAST_STARS:
            raise InputError(
                Code.TOO_FEW_FOR_GATE,
                f"a gate needs {LEAST_STARS} covered stars, and has {n_stars}; use a larger data.n_val.",
            )

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        *,
        expert_predictions: np.ndarray,
        bin_index: np.ndarray,
        star: np.ndarray | None = None,
        seed: int = 0,
    ) -> Self:
        """Learn the weights from stars that no expert was trained on.

        Parameters
        ----------
        X : array of shape (n_stars, n_features)
            Gate features, as they are: they are standardised here, by the mean and scatter of these stars.
        y : array of shape (n_stars,)
            Label, for example log g in dex.
        expert_predictions : array of shape (n_stars, n_experts)
            Prediction of every expert for every star, in the label's unit.
        bin_index : int array of shape (n_stars,)
            True bin of every star, from 0 to n_experts - 1: only covered stars train a gate.
        star : array of shape (n_stars,), optional
            Which star a row shows, where some were seen several times; by default each row one of its own.
        seed : int
            The `seed` of everything that is trained.
        """
        self.check()
        X, y, expert_predictions, bin_index = _check_stars(X, y, expert_predictions, bin_index)
        self.n_experts_ = expert_predictions.shape[1]
        self.feature_mean_ = X.mean(axis=0)
        scatter = X.std(axis=0)
        self.feature_scatter_ = np.where(scatter > 0, scatter, 1.0)
        self.curve_ = NO_CURVE.copy()
        self.converged_ = True
        self.n_epochs_ = 0
        self.fit_standardised(
            self._standardise(X),
            y,
            expert_predictions=expert_predictions,
            bin_index=bin_index,
            star=np.arange(len(y)) if star is None else number_stars(star),
            seed=seed,
        )
        return self

    def predict_weights(self, X: np.ndarray) -> np.ndarray:
        """Return the weight of every expert for every star.

        Parameters
        ----------
        X : array of shape (n_stars, n_features)
            Gate features.

        Returns
        -------
        gate_weights : float64 array of shape (n_stars, n_experts)
            At least 0; rows sum to one.
        """
        check_is_fitted(self, "n_experts_")
        return self.weigh_standardised(self._standardise(np.asarray(X, dtype=float)))

    def learned(self) -> dict[str, np.ndarray]:
        """Return what `fit` learnt, as arrays by name: what a model file keeps of a gate, beside its options.

        The training curve is no part of it. A subclass that learns something else than numbers overrides this and
        `recall`.

        Raises
        ------
        InputError
            If an attribute is neither numbers nor text.
        """
        return read_learned(self, apart=("curve_",))

    def recall(self, learned: Mapping[str, np.ndarray]) -> None:
        """Become the gate whose `learned` this was."""
        write_learned(self, learned)
        self.curve_ = NO_CURVE.copy()

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
        """Fit on checked float64 arrays, `X` with mean 0 and scatter 1; the rest is as in `fit`.

        Stars are numbered from 0 in the order in which they first appear.
        """
        raise NotImplementedError

    def weigh_standardised(self, X: np.ndarray) -> np.ndarray:
        """Return the weights (n_stars, n_experts) for standardised features (n_stars, n_features)."""
        raise NotImplementedError

    def _standardise(self, X: np.ndarray) -> np.ndarray:
        return (X - self.feature_mean_) / self.feature_scatter_


def _check_stars(
    X: np.ndarray, y: np.ndarray, expert_predictions: np.ndarray, bin_index: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    expert_predictions, bin_index = np.asarray(expert_predictions, dtype=float), np.asarray(bin_index)
    lengths = {len(X), len(y), len(expert_predictions), len(bin_index)}
    if len(lengths) > 1 or X.ndim != 2 or expert_predictions.ndim != 2:
        raise ValueError(
            f"X {X.shape}, y {y.shape}, expert_predictions {expert_predictions.shape} and bin_index {bin_index.shape} "
            "must have one row for each star."
        )
    for name, values in {"X": X, "y": y, "expert_predictions": expert_predictions}.items():
        if not np.all(np.isfinite(values)):
            raise ValueError(f"{name} holds {np.count_nonzero(~np.isfinite(values))} NaN or infinite values.")
    outside = np.count_nonzero((bin_index < 0) | (bin_index >= expert_predictions.shape[1]))
    if outside:
        raise ValueError(f"{outside} of {len(y)} gate stars have no expert; fit a gate on covered stars only.")
    return X, y, expert_predictions, bin_index
