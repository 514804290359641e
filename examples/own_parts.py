"""Parts of one's own, one of each kind: `docs/extending.md` says what each must provide, the tests run them all.

python train.py --config-dir=examples/conf experiment=smoke experts=kernel_ridge
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from matplotlib.figure import Figure
from sklearn.base import BaseEstimator
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neighbors import KNeighborsRegressor
from torch import nn

from moe_exp.cache.codec import storable
from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.evaluation.metrics import Metric
from moe_exp.evaluation.results import Results
from moe_exp.figures.base import RunFigure
from moe_exp.figures.style import COLUMN_WIDTH, finish, new_figure, set_title, star_count
from moe_exp.model.baselines import Baseline, Predictor
from moe_exp.model.bins_base import Bins
from moe_exp.model.experts import RidgeExperts
from moe_exp.model.features_base import Features
from moe_exp.model.gates import SoftmaxGate, Training
from moe_exp.model.gates.training import GateStars, Loss, TrainingRecord
from moe_exp.model.ridge.moments import Moments
from moe_exp.spectra.dataset import Stars
from moe_exp.spectra.medium import Medium
from moe_exp.spectra.noise import Noise
from moe_exp.spectra.preprocessing import Preprocessing, Transform
from moe_exp.spectra.sources import Hdf5Data


@dataclass(frozen=True, kw_only=True)
class BrightStars(Hdf5Data):
    """Stars of files as they are, but never with more noise than their own.

    Parameters
    ----------
    most_noise : float
        Largest `data.noise_level` that is accepted.
    """

    most_noise: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.noise_level > self.most_noise:
            raise InputError(
                Code.OUT_OF_RANGE, f"data.noise_level={self.noise_level}: these stars stop at {self.most_noise:g}."
            )


@dataclass(frozen=True, kw_only=True)
class CorrelatedNoise(Noise):
    """Noise whose neighbouring pixels are alike, as resampling leaves it: a first-order autoregressive process.

    Parameters
    ----------
    correlation : float
        Of neighbouring pixels, 0 to below 1.
    """

    correlation: float = 0.5

    def check(self) -> None:
        """Refuse a correlation that no such process has."""
        if not 0 <= self.correlation < 1:
            raise InputError(
                Code.NOISE_CORRELATION, f"noise.correlation={self.correlation}: it is 0 or more and below 1."
            )

    def draw(self, rng: np.random.Generator, flux: np.ndarray, error: np.ndarray) -> np.ndarray:
        """Return error times numbers of unit variance, each partly the one before."""
        drawn = rng.standard_normal(len(error), dtype=np.float32)
        drawn[1:] *= np.sqrt(1 - self.correlation**2)
        for pixel in range(1, len(drawn)):
            drawn[pixel] += self.correlation * drawn[pixel - 1]
        return drawn * error


@dataclass(frozen=True, kw_only=True)
class UnitMedian(Preprocessing):
    """Every spectrum over its own median."""

    def prepare(self, wavelength: np.ndarray) -> Transform:
        """Return the division; it needs nothing of the grid."""
        return lambda flux: flux / np.median(flux, axis=1, keepdims=True)


@dataclass
class MetallicityBins(Bins):
    """Two bins, on either side of a line that the training stars' median metallicity draws; every star is covered."""

    def fit(self, teff: np.ndarray, m_h: np.ndarray) -> Self:
        """Find the median."""
        self.edge_ = float(np.median(m_h))
        self.names_ = ("Metal-poor", "Metal-rich")
        return self

    def assign(self, teff: np.ndarray, m_h: np.ndarray) -> np.ndarray:
        """Return 1 from the median on."""
        return (np.asarray(m_h) >= self.edge_).astype(int)


@dataclass(kw_only=True)
class MomentFeatures(Features):
    """Mean and scatter of the flux, besides its principal components."""

    def prepare(self, wavelength: np.ndarray, *, medium: Medium | None) -> list[str]:
        """Return the names of the two."""
        return ["mean", "scatter"]

    def measure(self, flux: np.ndarray) -> np.ndarray:
        """Return them."""
        return np.column_stack([flux.mean(axis=1), flux.std(axis=1)])


@storable
class FittedKernelRidge(BaseEstimator):
    """A kernel ridge by its support: plain arrays, so that it can be kept."""

    def fit(self, X: np.ndarray, y: np.ndarray, *, alpha: float) -> Self:
        """Fit a Gaussian kernel that is as wide as spectra are apart on average."""
        self.mean_ = float(np.mean(y))
        self.gamma_ = float(1 / (X.shape[1] * np.var(X)))
        self.support_ = X
        self.weight_ = KernelRidge(alpha=alpha, kernel="rbf", gamma=self.gamma_).fit(X, y - self.mean_).dual_coef_
        return self

    def predict(self, flux: np.ndarray) -> np.ndarray:
        """Return the label, (n_stars,), of flux (n_stars, n_pixels)."""
        return self.mean_ + rbf_kernel(flux, self.support_, self.gamma_) @ self.weight_

    def describe(self) -> dict[str, float]:
        """Return the kernel's width."""
        return {"gamma": self.gamma_}


@dataclass(frozen=True, kw_only=True)
class KernelRidgeExperts(RidgeExperts):
    """A kernel ridge in each bin, for as many stars as memory holds.

    Parameters
    ----------
    alpha : float
        Its penalty.
    """

    alpha: float = 0.1

    def fit_expert(
        self, stars: Stars, members: np.ndarray, moments: Moments, *, seed: int, device: str
    ) -> FittedKernelRidge:
        """Fit the stars of one bin."""
        labels = stars.target[members]
        return FittedKernelRidge().fit(stars.noisy_flux(members), labels, alpha=self.alpha)


@dataclass(frozen=True, kw_only=True)
class Neighbours(Baseline):
    """The mean of the most similar training spectra.

    Parameters
    ----------
    n_neighbours : int
    """

    n_neighbours: int = 10

    @property
    def name(self) -> str:
        """Name of the model among the predictions."""
        return "neighbours"

    @property
    def n_steps(self) -> int:
        """Number of steps that a fit reports."""
        return 1

    def fit(self, train: Stars, *, seed: int, advance: Callable[[int], None]) -> Predictor:
        """Read all training stars."""
        model = KNeighborsRegressor(self.n_neighbours)
        model.fit(train.noisy_flux(np.arange(len(train))), train.target)
        advance(1)
        return model.predict


@dataclass
class DeepGate(SoftmaxGate):
    """Two hidden layers, trained for the squared error of the mixed prediction.

    Parameters
    ----------
    hidden : int
    """

    hidden: int = 32

    def network(self, n_features: int, n_experts: int) -> nn.Module:
        """Return the untrained network."""
        return nn.Sequential(
            nn.Linear(n_features, self.hidden),
            nn.ReLU(),
            nn.Linear(self.hidden, self.hidden),
            nn.ReLU(),
            nn.Linear(self.hidden, n_experts),
        )


@dataclass(frozen=True)
class Patient(Training):
    """The usual recipe, and then once more from where it ended."""

    def train(self, network: nn.Module, loss: Loss, stars: GateStars, rng: np.random.Generator) -> TrainingRecord:
        """Train twice; the record is that of the second time."""
        super().train(network, loss, stars, rng)
        return super().train(network, loss, stars, rng)


@dataclass(frozen=True, kw_only=True)
class OutlierShare(Metric):
    """Share of stars that are off by more than so much.

    Parameters
    ----------
    limit : float
        In the label's unit.
    """

    limit: float = 0.5

    def measure(self, y: np.ndarray, predicted: np.ndarray) -> float:
        """Return the share."""
        return float(np.mean(np.abs(predicted - y) > self.limit))


@dataclass(frozen=True, kw_only=True)
class SortedErrors(RunFigure):
    """Sizes of errors from the least to the largest."""

    def draw(self, results: Results) -> Figure:
        """Draw those of the run's gate."""
        predictions = results.predictions
        errors = np.abs(predictions.configured["soft"] - predictions.y)[predictions.covered]
        figure = new_figure(COLUMN_WIDTH, 2.5)
        axes = figure.add_subplot()
        axes.semilogy(np.linspace(0, 1, len(errors)), np.sort(errors))
        set_title(figure, star_count(results.n_stars))
        finish(axes, x="Share of stars", y="Absolute error")
        return figure
