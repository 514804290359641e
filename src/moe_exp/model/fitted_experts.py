"""Experts and global Ridge once they are fitted: noisy flux in, what each of them says out."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd

from moe_exp.cache.codec import storable
from moe_exp.model.ridge.estimator import CrossValidatedRidge
from moe_exp.model.ridge.moments import PrincipalComponents


class Regressor(Protocol):
    """What an expert is once it is fitted.

    To be kept with a model its class derives from scikit-learn's `BaseEstimator`, can be made without arguments, and
    holds all that `predict` needs in attributes that end in an underscore, numbers or text; runs share it if the class
    is marked as `storable`.
    """

    def predict(self, flux: np.ndarray) -> np.ndarray:
        """Return the label, (n_stars,), of noisy flux (n_stars, n_pixels), each star by itself."""

    def describe(self) -> dict[str, float]:
        """Return what a table of experts says of this one, by column."""


class ExpertPredictions(NamedTuple):
    """What experts and global Ridge say of some stars, not clipped."""

    experts: np.ndarray
    """(n_stars, n_experts) the label"""
    global_ridge: np.ndarray
    """(n_stars,) the label"""


@storable
@dataclass(frozen=True, eq=False, kw_only=True)
class FittedExperts:
    """Nine (or another number of) experts and the global Ridge.

    Attributes
    ----------
    names : tuple of str
        Bins, in the order of the experts.
    regressors : tuple of Regressor
    global_ridge : CrossValidatedRidge
    n_stars : array of shape (n_experts,)
        Training stars of each expert.
    label_range : (float, float)
        Smallest and largest label of all training stars: what predictions are clipped to.
    components : PrincipalComponents
        Of the training stars' noisy flux.
    """

    names: tuple[str, ...]
    regressors: tuple[Regressor, ...]
    global_ridge: CrossValidatedRidge
    n_stars: np.ndarray
    label_range: tuple[float, float]
    components: PrincipalComponents

    def predict(self, flux: np.ndarray) -> ExpertPredictions:
        """Predict the label of stars with noisy flux (n_stars, n_pixels), by every expert."""
        experts = np.column_stack([each.predict(flux) for each in self.regressors])
        return ExpertPredictions(experts, self.global_ridge.predict(flux))

    def describe(self) -> pd.DataFrame:
        """Return one row an expert and one for the global Ridge: training stars, and what each says of itself."""
        counts = [*self.n_stars, self.global_ridge.n_samples_]
        everyone = zip((*self.names, "global_ridge"), counts, (*self.regressors, self.global_ridge), strict=True)
        return pd.DataFrame(
            {"expert": name, "n_train": n_stars, **regressor.describe()} for name, n_stars, regressor in everyone
        )
