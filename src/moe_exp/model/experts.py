"""One Ridge for each bin, and the global Ridge on all stars, from one pass over the training spectra."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from moe_exp.codes import Code, tagged
from moe_exp.errors import InputError
from moe_exp.machine import require_memory
from moe_exp.model.fitted_experts import FittedExperts, Regressor
from moe_exp.model.ridge.estimator import CrossValidatedRidge, assign_folds
from moe_exp.model.ridge.moments import Moments
from moe_exp.random_streams import random_stream
from moe_exp.spectra.dataset import Stars

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RidgeExperts:
    """How experts and global Ridge are fitted.

    Experts of another kind derive from this class and write `fit_expert`; the global Ridge and the principal components
    stay as they are.

    Parameters
    ----------
    alpha_min, alpha_max : float
        Ends of the logarithmic grid of ridge penalties, for flux in units of its median.
    n_alphas : int
        Number of penalties on the grid.
    n_folds : int
        Folds of the cross-validation that chooses the penalty.
    clip : bool
        Whether predictions count as limited to the range of the training labels.
    """

    alpha_min: float = 1e-3
    alpha_max: float = 1e5
    n_alphas: int = 9
    n_folds: int = 5
    clip: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.alpha_min <= self.alpha_max < np.inf:
            raise InputError(
                Code.OUT_OF_RANGE,
                f"experts.alpha_min={self.alpha_min} and experts.alpha_max={self.alpha_max}: both must be positive, "
                f"the first not above the second.",
            )
        if self.n_alphas < 1 or (self.n_alphas == 1) != (self.alpha_min == self.alpha_max):
            raise InputError(
                Code.OUT_OF_RANGE,
                f"experts.n_alphas={self.n_alphas}: at least 2, or 1 with alpha_min equal to alpha_max.",
            )
        if self.n_folds < 2:
            raise InputError(
                Code.OUT_OF_RANGE, f"experts.n_folds={self.n_folds}: cross-validation needs at least 2 folds."
            )

    def check(self, n_pixels: int) -> None:
        """Refuse a grid of penalties whose solutions, one for each fold and penalty, memory cannot hold.

        Raises
        ------
        InputError
            Saying what it would need.
        """
        n_bytes = 8.0 * n_pixels * self.n_alphas * self.n_folds
        what = f"experts.n_alphas={self.n_alphas} with experts.n_folds={self.n_folds}"
        require_memory(n_bytes, what, "Ten penalties a decade are a fine grid, and ten folds are many.")

    @property
    def alphas(self) -> np.ndarray:
        """Grid of ridge penalties, (n_alphas,)."""
        return np.geomspace(self.alpha_min, self.alpha_max, self.n_alphas)

    def check_counts(self, bin_index: np.ndarray, star: np.ndarray, names: tuple[str, ...]) -> None:
        """Refuse bins with too few training stars for the folds.

        Parameters
        ----------
        bin_index, star : int arrays of shape (n_rows,)
            Bin of each row, -1 outside every bin, and which star it shows; a star counts once, where its first row is.
        names : tuple of str
            Names of the bins.

        Raises
        ------
        InputError
            Naming all of them.
        """
        of_star = bin_index[_first_rows(star)]
        counts = np.bincount(of_star[of_star >= 0], minlength=len(names))
        needed = 2 * self.n_folds
        few = [f"{name}: {count}" for name, count in zip(names, counts, strict=True) if count < needed]
        if few:
            raise InputError(
                Code.TOO_FEW_TO_FIT,
                f"{len(few)} of {len(names)} bins have fewer than {needed} training stars, two for each of "
                f"experts.n_folds={self.n_folds} folds ({'; '.join(few)}). Use more training stars (data.n_train), "
                f"wider bins or fewer folds.",
            )

    def fit(
        self,
        stars: Stars,
        bin_index: np.ndarray,
        names: tuple[str, ...],
        *,
        n_components: int,
        seed: int,
        device: str,
        advance: Callable[[int], None],
    ) -> FittedExperts:
        """Fit all Ridges; stars outside every bin serve the global one alone.

        Parameters
        ----------
        stars : Stars
            The experts' training stars.
        bin_index : array of shape (n_stars,)
            -1 outside every bin.
        names : tuple of str
            Names of the bins.
        n_components : int
            Principal components of the training stars' flux to find on the way.
        seed : int
            Draws the folds.
        device : str
            ``cpu`` or ``cuda``.
        advance : callable
            Told the number of stars just taken in.
        """
        target = stars.target
        fold_index = self._assign_folds(bin_index, stars.star, len(names), seed)
        pooled: Moments | None = None
        regressors = []
        for index in (*range(len(names)), -1):
            members = np.flatnonzero(bin_index == index)
            if not len(members):
                continue
            moments = Moments(self.n_folds, origin=None if pooled is None else pooled.origin, device=device)
            for block, flux in stars.blocks(members):
                moments.add(flux, target[block], fold_index[block])
                advance(len(block))
            if pooled is None:
                pooled = moments.copy()
            else:
                pooled += moments
            if index >= 0:
                regressors.append(self.fit_expert(stars, members, moments, seed=seed, device=device))
        assert pooled is not None
        components = pooled.principal_components(max(1, n_components))
        fitted = FittedExperts(
            names=names,
            regressors=tuple(regressors),
            global_ridge=self._ridge(device).fit_moments(pooled),
            n_stars=np.bincount(bin_index[bin_index >= 0], minlength=len(names)),
            label_range=(float(target.min()), float(target.max())),
            components=components,
        )
        _report_edges(fitted.describe())
        return fitted

    def fit_expert(self, stars: Stars, members: np.ndarray, moments: Moments, *, seed: int, device: str) -> Regressor:
        """Fit the expert of one bin.

        Parameters
        ----------
        stars : Stars
            All training stars; ``stars.noisy_flux(members)`` reads the spectra of the bin, ``stars.target[members]``
            is their label.
        members : array of int
            Positions of the bin's stars, increasing.
        moments : Moments
            Sums over these stars that a Ridge needs, fold by fold.
        seed : int
        device : str
            ``cpu`` or ``cuda``.
        """
        return self._ridge(device).fit_moments(moments)

    def _ridge(self, device: str) -> CrossValidatedRidge:
        return CrossValidatedRidge(alphas=self.alphas, n_folds=self.n_folds, device=device)

    def _assign_folds(self, bin_index: np.ndarray, star: np.ndarray, n_bins: int, seed: int) -> np.ndarray:
        """Spread each bin's stars evenly over the folds, (n_rows,), a star with all of its rows where its first row is.

        The same folds serve the global Ridge.
        """
        of_star = bin_index[_first_rows(star)]
        fold_index = np.empty(len(of_star), int)
        for index in range(-1, n_bins):
            members = np.flatnonzero(of_star == index)
            fold_index[members] = assign_folds(len(members), self.n_folds, random_stream(seed, "folds", index + 1))
        return fold_index[star]


def _first_rows(star: np.ndarray) -> np.ndarray:
    """Return where each star first appears, (n_stars,); stars are numbered in this order."""
    return np.unique(star, return_index=True)[1]


def _report_edges(table: pd.DataFrame) -> None:
    """Say which penalties lie at an end of the grid, where a wider one might have given another."""
    at_edge = table[table["alpha_at_edge"].eq(True)]
    if len(at_edge):
        found = ", ".join(f"{row['expert']}: {row['alpha']:g}" for row in at_edge.to_dict("records"))
        log.warning(
            tagged(Code.PENALTY_AT_EDGE, "alpha at the edge of experts.alpha_min to experts.alpha_max: %s"), found
        )
