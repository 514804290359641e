"""The gate that only classifies: the probability of each bin is the weight of its expert."""

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from moe_exp.codes import Code, tagged
from moe_exp.errors import InputError
from moe_exp.model.gates.base import Gate
from moe_exp.model.learned import read_learned, write_learned

logger = logging.getLogger(__name__)

COEFFICIENTS = "model_."
"""What the names of the regression's attributes begin with, among what a gate learnt."""


@dataclass
class ClassifyGate(Gate):
    """Multinomial logistic regression of the bin on the gate features.

    The problem is convex and solved by L-BFGS to its own tolerance, so the training recipe does not apply. A bin
    without gate stars gets weight zero.

    Parameters
    ----------
    C : float
        Inverse strength of the L2 penalty on the coefficients, as in scikit-learn.
    tol : float
        L-BFGS stops when the largest component of the gradient is below it.
    max_iter : int
        Iterations after which the gate counts as not converged.
    """

    trained_for: ClassVar[str] = "classification"
    C: float = 1.0
    tol: float = 1e-4
    max_iter: int = 2000

    def check(self) -> None:
        """Refuse values that are not positive.

        Raises
        ------
        InputError
            Naming the option.
        """
        super().check()
        for name in ("C", "tol", "max_iter"):
            if not getattr(self, name) > 0:
                raise InputError(Code.OUT_OF_RANGE, f"gate.{name} is {getattr(self, name)}; it must be above 0.")

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
        """Fit the logistic regression; labels, experts' predictions and visits do not enter."""
        self.bins_ = np.unique(bin_index)
        if len(self.bins_) == 1:
            return
        self.model_ = LogisticRegression(C=self.C, tol=self.tol, max_iter=self.max_iter)
        with threadpool_limits(1), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            self.model_.fit(X, bin_index)
        self.n_epochs_ = int(self.model_.n_iter_.max())
        said = [str(warning.message) for warning in caught if issubclass(warning.category, ConvergenceWarning)]
        self.converged_ = not said
        if self.converged_:
            logger.info("ClassifyGate converged after %d iterations", self.n_epochs_)
        else:
            logger.warning(
                tagged(Code.NOT_CONVERGED, "ClassifyGate has not converged with gate.max_iter=%d: %s"),
                self.max_iter,
                said[0].splitlines()[0],
            )

    def learned(self) -> dict[str, np.ndarray]:
        """Return what `fit` learnt, the regression's coefficients among it."""
        regression = read_learned(self.model_) if len(self.bins_) > 1 else {}
        found = read_learned(self, apart=("curve_", "model_"))
        return found | {f"{COEFFICIENTS}{name}": values for name, values in regression.items()}

    def recall(self, learned: Mapping[str, np.ndarray]) -> None:
        """Take up the regression's coefficients again."""
        regression = {name: values for name, values in learned.items() if name.startswith(COEFFICIENTS)}
        super().recall({name: values for name, values in learned.items() if name not in regression})
        if regression:
            self.model_ = LogisticRegression(C=self.C, tol=self.tol, max_iter=self.max_iter)
            write_learned(self.model_, {name.removeprefix(COEFFICIENTS): values for name, values in regression.items()})

    def weigh_standardised(self, X: np.ndarray) -> np.ndarray:
        """Return the probability of every bin."""
        gate_weights = np.zeros((len(X), self.n_experts_))
        gate_weights[:, self.bins_] = self.model_.predict_proba(X) if len(self.bins_) > 1 else 1.0
        return gate_weights
