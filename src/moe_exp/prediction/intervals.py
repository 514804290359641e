"""Intervals of log g that hold for new stars: split conformal, scaled by a predicted difficulty, bin by bin.

The score of a calibration star is its error over its difficulty; an interval of content p reaches as many difficulties
to both sides as the p-quantile of these scores, with the correction for a finite number of stars (Papadopoulos et al.
2002; Lei et al. 2018, JASA 113, 1094). Each bin has quantiles of its own (Mondrian; Vovk et al. 2003), a star those of
its most likely one. That is all there is to it: no library does it in fewer lines, or without pickle.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import numpy as np
from sklearn.preprocessing import PolynomialFeatures

from moe_exp.machine import usable_cores
from moe_exp.model.ridge.leave_one_out import LeaveOneOutRidge
from moe_exp.prediction.evidence import Evidence

ONE_SIGMA, CONTENT = 0.6827, 0.95
"""What the error and the interval of a prediction hold."""

LEVELS = np.array([*np.arange(0.05, 0.96, 0.05).round(2), ONE_SIGMA, 0.99])
"""Contents whose quantiles are kept, so that calibration can be seen."""

LEAST_STARS = 100
"""Calibration stars below which a bin takes the quantiles of all."""

ROUNDING = 0.03
"""Error [dex] below which errors count as equal, when difficulty is learnt from them."""

FAR = 5.0
"""Standard deviations beyond which a measure counts as no larger."""

PENALTIES = np.logspace(0, 5, 6)


@dataclass(frozen=True, eq=False)
class Difficulty:
    """Expected error of a prediction [dex], up to a factor: a quadratic form of what there is to judge it by.

    Attributes
    ----------
    centre, scale : arrays of shape (n_measures,)
        Mean and scatter of each measure.
    coef : array of shape (n_terms,)
    intercept : float
    limits : array of shape (2,)
        Smallest and largest logarithm over the calibration stars: beyond them nothing is known.
    """

    centre: np.ndarray
    scale: np.ndarray
    coef: np.ndarray
    intercept: float
    limits: np.ndarray

    @classmethod
    def fit(cls, evidence: Evidence, error: np.ndarray) -> Self:
        """Learn it from stars of known error [dex], (n_stars,)."""
        measures = evidence.measures
        centre, scale = measures.mean(axis=0), measures.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        terms = _expand(measures, centre, scale)
        ridge = LeaveOneOutRidge.fit(terms, np.log(np.abs(error) + ROUNDING), PENALTIES)
        predicted = ridge.predict(terms)
        limits = np.array([predicted.min(), predicted.max()])
        return cls(centre, scale, ridge.coef, ridge.intercept, limits)

    def predict(self, evidence: Evidence) -> np.ndarray:
        """Return the difficulty of stars, (n_stars,)."""
        logarithm = _expand(evidence.measures, self.centre, self.scale) @ self.coef + self.intercept
        return np.exp(np.clip(logarithm, *self.limits))


def cross_fit_difficulty(evidence: Evidence, error: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Return the difficulty of stars of known error [dex], each as the stars of other folds tell it, (n_stars,)."""
    difficulty = np.empty(len(error))

    def learn(number: int) -> None:
        own = np.flatnonzero(fold == number)
        others = np.flatnonzero(fold != number)
        difficulty[own] = Difficulty.fit(evidence.take(others), error[others]).predict(evidence.take(own))

    with ThreadPoolExecutor(usable_cores()) as threads:
        list(threads.map(learn, np.unique(fold).tolist()))
    return difficulty


def _expand(measures: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return standardised measures with their squares and products."""
    standardised = np.clip((measures - centre) / scale, -FAR, FAR)
    return PolynomialFeatures(2, include_bias=False).fit_transform(standardised)


@dataclass(frozen=True, eq=False)
class Intervals:
    """Half-widths of intervals.

    Attributes
    ----------
    difficulty : Difficulty
    quantiles : array of shape (n_bins, n_levels)
        Of error over difficulty, at `LEVELS`.
    """

    difficulty: Difficulty
    quantiles: np.ndarray

    @classmethod
    def fit(cls, evidence: Evidence, error: np.ndarray, difficulty: np.ndarray, *, covered: np.ndarray) -> Self:
        """Calibrate on stars that neither experts nor the gate that predicted them saw.

        Parameters
        ----------
        evidence : Evidence
        error : array of shape (n_stars,)
            Prediction minus label [dex].
        difficulty : array of shape (n_stars,)
            Expected errors, each learnt from other stars: see `cross_fit_difficulty`.
        covered : bool array of shape (n_stars,)
            Whether a star lies in a bin: difficulty is learnt from all, quantiles are those of covered stars.
        """
        scores = np.abs(error) / difficulty
        everyone = _quantiles(scores[covered])
        quantiles = []
        for index in range(evidence.weights.shape[1]):
            members = covered & (evidence.likely_bin == index)
            quantiles.append(_quantiles(scores[members]) if members.sum() >= LEAST_STARS else everyone)
        return cls(Difficulty.fit(evidence, error), np.array(quantiles))

    def half_widths(self, evidence: Evidence, difficulty: np.ndarray) -> np.ndarray:
        """Return how far intervals of stars of known difficulty reach to both sides [dex], (n_stars, n_levels)."""
        return self.quantiles[evidence.likely_bin] * difficulty[:, None]


def _quantiles(scores: np.ndarray) -> np.ndarray:
    """Return the quantiles of `LEVELS` among the scores and one more that is larger than all."""
    places = np.ceil((len(scores) + 1) * LEVELS).astype(int) - 1
    return np.append(np.sort(scores), np.inf)[np.minimum(places, len(scores))]


def at_level(half_widths: np.ndarray, level: float) -> np.ndarray:
    """Return the half-widths (n_stars,) of one of `LEVELS`."""
    return half_widths[:, int(np.argmin(np.abs(LEVELS - level)))]
