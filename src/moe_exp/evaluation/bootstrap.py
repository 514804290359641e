"""Percentile intervals for R² and for differences of R² between models that are scored on the same stars.

They are widened where the stars hardly know their own scatter; see `expansion`.

Each resample scores every model on the same stars, so that the scatter which two models share cancels in their
difference (paired bootstrap; Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapters 6, 8 and 13); see
`resamples`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.evaluation.expansion import degrees_of_freedom_of_ratio, expand, expanded_quantiles
from moe_exp.evaluation.resamples import draw_r2, r2_terms, sum_by_star
from moe_exp.evaluation.scores import mae, r2
from moe_exp.evaluation.validity import Carriers, find_carriers

MOST_RESAMPLES = 1_000_000
BYTES_PER_RESAMPLE = 8 * 12 * 10
"""What the draws of twelve models take, on all stars and in nine bins."""


class Interval(NamedTuple):
    """A value on the stars as they are, and its bootstrap interval."""

    value: float
    low: float
    high: float


class Delta(NamedTuple):
    """R² of one model minus R² of a reference on the same stars."""

    reference: str
    interval: Interval
    resampled: np.ndarray
    """(n_resamples,) the difference on each resample"""
    degrees_of_freedom: float
    """what the stars know their scatter by; see `expansion`"""
    carriers: Carriers
    """what carries it, and whether its interval may be trusted"""
    mae: float
    """mean absolute error of the model minus that of the reference, in the unit of the label: no few stars carry it"""

    @property
    def draws(self) -> np.ndarray:
        """The resampled differences as wide as the interval takes them, (n_resamples,)."""
        return expand(self.resampled, self.degrees_of_freedom)


@dataclass(frozen=True, eq=False)
class R2Bootstrap:
    """R² of several models on one set of stars, and on the same resamples of it.

    Attributes
    ----------
    models : tuple of str
    n_stars : int
        Stars, each once however often it was seen.
    values : array of shape (n_models,)
        R² on the stars as they are.
    draws : array of shape (n_resamples, n_models)
        R² on each resample; NaN where all stars drawn have the same label, and with fewer than `LEAST_STARS`.
    distance : array of shape (n_stars,)
        Squared distance of the labels from their mean, sums over the rows of each star.
    squared_errors : array of shape (n_stars, n_models)
        Likewise.
    mae : array of shape (n_models,)
        Mean absolute error, in the unit of the label.
    limited : bool
        Whether predictions are limited, so that no star can err by any amount.
    confidence : float
    """

    models: tuple[str, ...]
    n_stars: int
    values: np.ndarray
    draws: np.ndarray
    distance: np.ndarray
    squared_errors: np.ndarray
    mae: np.ndarray
    limited: bool
    confidence: float

    def r2(self, model: str) -> Interval:
        """Return R² of one model with its interval."""
        return self._intervals[self.models.index(model)]

    @cached_property
    def _intervals(self) -> list[Interval]:
        return [
            percentile_interval(
                value,
                draws,
                self.confidence,
                degrees_of_freedom=degrees_of_freedom_of_ratio(errors, self.distance),
            )
            for value, draws, errors in zip(self.values, self.draws.T, self.squared_errors.T, strict=True)
        ]

    def delta(self, model: str, reference: str) -> Delta:
        """Return R² of `model` minus R² of `reference` with its paired interval and draws."""
        column, other = self.models.index(model), self.models.index(reference)
        gain = self.squared_errors[:, other] - self.squared_errors[:, column]
        resampled = self.draws[:, column] - self.draws[:, other]
        known = degrees_of_freedom_of_ratio(gain, self.distance)
        value = self.values[column] - self.values[other]
        return Delta(
            reference,
            percentile_interval(value, resampled, self.confidence, degrees_of_freedom=known),
            resampled,
            known,
            carriers=find_carriers(gain, limited=self.limited),
            mae=float(self.mae[column] - self.mae[other]),
        )


def bootstrap_r2(
    y: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    *,
    star: np.ndarray | None = None,
    n_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int,
    stage: str = "bootstrap",
    limited: bool = True,
) -> R2Bootstrap:
    """Score all models on the same resamples of their stars.

    The draws depend on the number of stars, `seed` and `stage` alone, so that runs which compare different models on
    the same stars share them, and a larger `n_resamples` keeps the resamples of a smaller one.

    Parameters
    ----------
    y : array of shape (n_stars,)
        Label, for example log g in dex.
    predictions : mapping of str to array of shape (n_stars,)
        Prediction of each model.
    star : int array of shape (n_stars,), optional
        Which star a row shows, numbered from 0; by default each row one of its own.
    n_resamples : int
        Number of resamples.
    confidence : float
        Probability content of the intervals, between 0 and 1.
    seed : int
    stage : str
        Name of the random stream.
    limited : bool
        Whether predictions are limited, so that no star can err by any amount.

    Raises
    ------
    InputError
        If `n_resamples` or `confidence` is out of range, or a value is not finite.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, Chapman & Hall.
    """
    check_options(n_resamples, confidence)
    predicted = np.column_stack([np.asarray(values, float) for values in predictions.values()])
    y = np.asarray(y, float)
    if not (np.isfinite(y).all() and np.isfinite(predicted).all()):
        raise InputError(
            Code.NOT_FINITE, f"{stage}: labels or predictions hold NaN or infinite values; the bootstrap needs none."
        )
    values, absolute = (np.array([score(y, column) for column in predicted.T]) for score in (r2, mae))
    star = np.arange(len(y)) if star is None else star
    draws = draw_r2(y, predicted, star, n_resamples=n_resamples, seed=seed, stage=stage)
    terms = sum_by_star(r2_terms(y, (y[:, None] - predicted) ** 2), star)
    return R2Bootstrap(
        tuple(predictions), len(terms), values, draws, terms[:, 2], terms[:, 3:], absolute, limited, confidence
    )


def check_options(n_resamples: int, confidence: float) -> None:
    """Raise `InputError` unless there is a resample and `confidence` is a probability."""
    if n_resamples < 1:
        raise InputError(Code.OUT_OF_RANGE, f"evaluation.n_resamples={n_resamples}: at least one resample is needed.")
    if n_resamples > MOST_RESAMPLES:
        raise InputError(
            Code.OUT_OF_MEMORY,
            f"evaluation.n_resamples={n_resamples}: at most {MOST_RESAMPLES:,}. These would need some "
            f"{n_resamples * BYTES_PER_RESAMPLE / 1e9:,.0f} GB of memory; 10,000 tell the ends of an interval "
            f"to a hundredth of its width.",
        )
    if not 0 < confidence < 1:
        raise InputError(
            Code.OUT_OF_RANGE, f"evaluation.confidence={confidence} must lie between 0 and 1, for example 0.95."
        )


def percentile_interval(
    value: float, draws: np.ndarray, confidence: float, *, degrees_of_freedom: float = np.inf
) -> Interval:
    """Return `value` with the central percentile interval of its draws (Efron & Tibshirani 1993, chapter 13).

    Draws that are NaN are left out; without any other the interval is NaN.

    Parameters
    ----------
    value : float
    draws : array of shape (n_resamples,)
    confidence : float
    degrees_of_freedom : float
        Of Student's t that the draws are to be expanded to; without them they are taken as they are.
    """
    if np.isnan(draws).all():
        return Interval(float(value), np.nan, np.nan)
    ends = np.array([(1 - confidence) / 2, (1 + confidence) / 2])
    low, high = expanded_quantiles(draws, degrees_of_freedom, ends)
    return Interval(float(value), float(low), float(high))
