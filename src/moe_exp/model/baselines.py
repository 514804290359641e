"""Regressors of another kind, on the same stars: what the mixture has to beat besides one Ridge."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import lightgbm
import numpy as np

from moe_exp.cache.codec import storable
from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.machine import usable_cores
from moe_exp.progress import Advance
from moe_exp.spectra.dataset import Stars

Predictor = Callable[[np.ndarray], np.ndarray]
"""Noisy flux (n_stars, n_pixels), as that of the training stars, in; the label, (n_stars,), out."""


class Baseline:
    """Base of all baselines; a subclass is a frozen dataclass of its options."""

    @property
    def name(self) -> str:
        """Name of the model among the predictions; empty for none, which is never fitted."""
        return ""

    @property
    def n_steps(self) -> int:
        """Number of steps that a fit reports."""
        return 0

    def fit(self, train: Stars, *, seed: int, advance: Advance) -> Predictor:
        """Fit the training stars and return what predicts others; runs share it if its class is marked as `storable`.

        Parameters
        ----------
        train : Stars
        seed : int
        advance : callable
            Told the number of steps just done.
        """
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class NoBaseline(Baseline):
    """No regressor beside the Ridges."""


class _Rows(lightgbm.Sequence):
    """Noisy flux of some stars as LightGBM asks for it, so that it is never held whole."""

    batch_size = 1024

    def __init__(self, stars: Stars) -> None:
        self._stars = stars

    def __len__(self) -> int:
        return len(self._stars)

    def __getitem__(self, index: int | slice | list[int]) -> np.ndarray:
        wanted = np.atleast_1d(np.arange(len(self))[index])
        order = np.argsort(wanted)
        flux = self._stars.noisy_flux(wanted[order])[np.argsort(order)].astype(float)
        return flux[0] if isinstance(index, int | np.integer) else flux


@dataclass(frozen=True, kw_only=True)
class LightGbm(Baseline):
    """Gradient-boosted trees on all pixels (Ke et al. 2017, NeurIPS 30, 3146), deterministic.

    Parameters
    ----------
    n_trees, n_leaves : int
    learning_rate : float
    max_bin : int
        Histogram bins a pixel.
    """

    n_trees: int = 500
    learning_rate: float = 0.05
    n_leaves: int = 31
    max_bin: int = 63

    def __post_init__(self) -> None:
        limits = {"n_trees": 1, "n_leaves": 2, "max_bin": 2}
        low = [
            f"baseline.{name}={getattr(self, name)}" for name, least in limits.items() if getattr(self, name) < least
        ]
        if low or not self.learning_rate > 0:
            raise InputError(
                Code.OUT_OF_RANGE, f"{', '.join(low) or f'baseline.learning_rate={self.learning_rate}'}: too small."
            )

    @property
    def name(self) -> str:
        """Name of the model among the predictions."""
        return "lightgbm"

    @property
    def n_steps(self) -> int:
        """Number of steps that a fit reports."""
        return self.n_trees

    def fit(self, train: Stars, *, seed: int, advance: Advance) -> Predictor:
        """Grow the trees, each a step."""
        options = {
            "objective": "regression",
            "learning_rate": self.learning_rate,
            "num_leaves": self.n_leaves,
            "max_bin": self.max_bin,
            "bin_construct_sample_cnt": min(100_000, max(10_000, len(train) // 5 + 1)),
            "seed": seed,
            "deterministic": True,
            "force_col_wise": True,
            "num_threads": usable_cores(),
            "verbosity": -1,
        }
        data = lightgbm.Dataset(_Rows(train), train.target, params=options)
        trees = lightgbm.train(options, data, self.n_trees, callbacks=[lambda _: advance(1)])
        return Trees(trees.model_to_string())


@storable
@dataclass(frozen=True)
class Trees:
    """Grown trees.

    Attributes
    ----------
    text : str
        As LightGBM writes them, with every digit.
    """

    text: str

    @cached_property
    def _booster(self) -> lightgbm.Booster:
        return lightgbm.Booster(model_str=self.text)

    def __call__(self, flux: np.ndarray) -> np.ndarray:
        """Return the label, (n_stars,), of flux (n_stars, n_pixels)."""
        return np.asarray(self._booster.predict(flux))


def predict_stars(predict: Predictor, stars: Stars) -> np.ndarray:
    """Return the label of the stars of a split, (n_stars,)."""
    return np.concatenate([predict(flux) for _, flux in stars.blocks()])
