"""What speaks against a prediction: bits with names, and their reasons in words."""

from dataclasses import dataclass, replace
from enum import IntFlag
from typing import Self

import numpy as np
from sklearn.linear_model import LogisticRegression

from moe_exp.prediction.evidence import Evidence

RARE = 0.001
"""Share of the gate's covered stars beyond a limit of what is like them."""

WORSE = 3.1
"""How many times the RMSE of the others flagged stars have, of the gate's own: as many count as uncertain.

Of new stars it is three, a little less.
"""

UNCERTAIN_SHARES = np.arange(0.02, 0.31, 0.01)
"""Shares of the gate's stars that may count as uncertain, the first if none makes flagged ones so much worse."""

SURELY = 0.1
"""Probability of lying in a bin below which a star counts as outside."""

MOST_MASKED = 0.2
"""Share of masked pixels up to which a star is as those that models are trained on."""

LEAST_OUTSIDE = 50
"""Gate stars outside every bin that are needed to learn how such stars look."""


class Flag(IntFlag):
    """Bits of a prediction's flag; 0 is a star of which nothing is known to be wrong."""

    OUTSIDE_BINS = 1
    NOISE = 2
    MASKED = 4
    UNLIKE_TRAINING = 8
    UNCERTAIN = 16
    WAVELENGTH = 32
    UNUSABLE = 64
    VELOCITY = 128


JUDGED = tuple(flag for flag in Flag if flag < Flag.WAVELENGTH)
"""Flags that a model sets of any spectrum; the others say what a file lacks, which no test star does."""

REASONS = {
    Flag.OUTSIDE_BINS: "probably outside every bin of Teff and [M/H]",
    Flag.NOISE: "noise unlike that of the training stars",
    Flag.MASKED: f"more than {100 * MOST_MASKED:g} % of its pixels are masked",
    Flag.UNLIKE_TRAINING: "spectrum unlike those of the training stars",
    Flag.UNCERTAIN: "a large error is to be expected: experts disagree, or such stars are hard to tell",
    Flag.WAVELENGTH: "a part of the model's wavelengths is not covered",
    Flag.UNUSABLE: "less than half of the model's pixels is known, or their flux is not positive: no prediction",
    Flag.VELOCITY: "no velocity was found: taken as at rest",
}


@dataclass(frozen=True, eq=False)
class Limits:
    """Where the gate's own stars end.

    Attributes
    ----------
    noise : array of shape (2,)
        Noise in a pixel over mean flux.
    misfit : float
        What the principal components leave, in units of the noise.
    precision : array of shape (n_features, n_features)
        Inverse covariance of the gate's features.
    distance : float
        Squared distance by it.
    difficulty : float
        Expected error of a prediction.
    coef, intercept : array of shape (n_measures,), float
        Logarithm of the odds of lying in a bin, by what there is to judge a prediction by.
    """

    noise: np.ndarray
    misfit: float
    precision: np.ndarray
    distance: float
    difficulty: float
    coef: np.ndarray
    intercept: float

    @classmethod
    def fit(cls, evidence: Evidence, error: np.ndarray, difficulty: np.ndarray, *, covered: np.ndarray) -> Self:
        """Find them on the gate's own stars.

        Parameters
        ----------
        evidence : Evidence
        error : array of shape (n_stars,)
            Prediction minus label [dex].
        difficulty : array of shape (n_stars,)
            Expected errors, each learnt from other stars.
        covered : bool array of shape (n_stars,)
            Whether a star lies in a bin.
        """
        known = evidence.take(np.flatnonzero(covered))
        precision = np.linalg.pinv(np.atleast_2d(np.cov(known.features, rowvar=False)))
        distance = _square(known.features, precision)
        coef, intercept = _fit_odds(evidence.measures, covered)
        limits = cls(
            noise=np.quantile(known.noise, [RARE / 2, 1 - RARE / 2]),
            misfit=float(np.quantile(known.misfit, 1 - RARE)),
            precision=precision,
            distance=float(np.quantile(distance, 1 - RARE)),
            difficulty=np.inf,
            coef=coef,
            intercept=intercept,
        )
        flagged = limits.flag(evidence, difficulty, np.zeros(len(error))) > 0
        return replace(limits, difficulty=_choose_difficulty(difficulty, error, flagged))

    def flag(self, evidence: Evidence, difficulty: np.ndarray, masked: np.ndarray) -> np.ndarray:
        """Return the flag of each star, (n_stars,) int; `masked` is its share of masked pixels."""
        low, high = self.noise
        unlike = _square(evidence.features, self.precision) > self.distance
        odds = evidence.measures @ self.coef + self.intercept
        found = {
            Flag.OUTSIDE_BINS: odds < np.log(SURELY / (1 - SURELY)),
            Flag.NOISE: (evidence.noise < low) | (evidence.noise > high),
            Flag.MASKED: masked > MOST_MASKED,
            Flag.UNLIKE_TRAINING: unlike | (evidence.misfit > self.misfit),
            Flag.UNCERTAIN: difficulty > self.difficulty,
        }
        return np.sum([flag.value * where for flag, where in found.items()], axis=0)


def explain(flags: np.ndarray) -> list[str]:
    """Return the reasons of each flag in words; nothing for 0."""
    words = {
        value: "; ".join(reason for flag, reason in REASONS.items() if value & flag.value)
        for value in np.unique(flags).tolist()
    }
    return [words[value] for value in flags.tolist()]


def _choose_difficulty(difficulty: np.ndarray, error: np.ndarray, flagged: np.ndarray) -> float:
    """Return the difficulty from which on stars count as uncertain, beside those that are flagged in any case."""
    limits = np.quantile(difficulty, 1 - UNCERTAIN_SHARES)
    for limit in limits.tolist():
        every = flagged | (difficulty > limit)
        if not every.all() and np.mean(error[every] ** 2) >= WORSE**2 * np.mean(error[~every] ** 2):
            return limit
    return float(limits[0])


def _square(features: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Return squared distances (n_stars,) from the origin, the mean of the gate's own stars."""
    return np.sum((features @ precision) * features, axis=1)


def _fit_odds(measures: np.ndarray, covered: np.ndarray) -> tuple[np.ndarray, float]:
    """Learn the logarithm of the odds of lying in a bin; certainty where hardly any star lies outside."""
    if (~covered).sum() < LEAST_OUTSIDE:
        return np.zeros(measures.shape[1]), np.inf
    centre, scale = measures.mean(axis=0), measures.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    model = LogisticRegression(max_iter=1000).fit((measures - centre) / scale, covered)
    coef = model.coef_[0] / scale
    return coef, float(model.intercept_[0] - centre @ coef)
