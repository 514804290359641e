"""Percentile intervals for R² and for differences of R² between models that are scored on the same stars.

They are widened where the stars hardly know their own scatter; see `expansion`.

Each resample draws stars with replacement once and scores every model on that draw, so that the scatter which two
models share cancels in their difference (paired bootstrap; Efron & Tibshirani 1993, An Introduction to the Bootstrap,
chapters 6, 8 and 13). A star that was seen several times is drawn with all of its visits (cluster bootstrap; Davison &
Hinkley 1997, Bootstrap Methods and their Application, section 3.8). R² needs four sums over a draw: of 1, y, y² and the
squared error. They come from one product of the draws, as a sparse matrix, with each star's sums; no resampled array is
formed.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.evaluation.expansion import expand_ratio
from moe_exp.evaluation.scores import mae, r2
from moe_exp.evaluation.validity import Carriers, find_carriers
from moe_exp.machine import usable_cores
from moe_exp.random_streams import random_stream

RESAMPLES_PER_STREAM = 100
"""Resamples that share one random stream; part of the definition of the draws, not a matter of speed."""

LEAST_STARS = 10
"""With fewer stars there is no interval: a percentile interval even of a mean would be too narrow by a fifth and more
(Student's t for the normal's quantile), and that of two stars may have no width."""

MOST_RESAMPLES = 1_000_000
BYTES_PER_RESAMPLE = 8 * 12 * 10
"""What the draws of twelve models take, on all stars and in nine bins."""

MAX_DRAWN = 2**20
"""Most stars drawn at a time; has no effect on results."""


class Interval(NamedTuple):
    """A value on the stars as they are, and its bootstrap interval."""

    value: float
    low: float
    high: float


class Delta(NamedTuple):
    """R² of one model minus R² of a reference on the same stars."""

    reference: str
    interval: Interval
    draws: np.ndarray
    """(n_resamples,) the difference on each resample"""
    carriers: Carriers
    """what carries it, and whether its interval may be trusted"""
    mae: float
    """mean absolute error of the model minus that of the reference, in the unit of the label: no few stars carry it"""


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
        column = self.models.index(model)
        draws = expand_ratio(self.draws[:, column], self.squared_errors[:, column], self.distance)
        return percentile_interval(self.values[column], draws, self.confidence)

    def delta(self, model: str, reference: str) -> Delta:
        """Return R² of `model` minus R² of `reference` with its paired interval and draws."""
        column, other = self.models.index(model), self.models.index(reference)
        gain = self.squared_errors[:, other] - self.squared_errors[:, column]
        draws = expand_ratio(self.draws[:, column] - self.draws[:, other], gain, self.distance)
        value = self.values[column] - self.values[other]
        return Delta(
            reference,
            percentile_interval(value, draws, self.confidence),
            draws,
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


def percentile_interval(value: float, draws: np.ndarray, confidence: float) -> Interval:
    """Return `value` with the central percentile interval of its draws (Efron & Tibshirani 1993, chapter 13).

    Draws that are NaN are left out; without any other the interval is NaN.
    """
    draws = draws[~np.isnan(draws)]
    if not len(draws):
        return Interval(float(value), np.nan, np.nan)
    low, high = np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(value), float(low), float(high))


def draw_r2(
    y: np.ndarray, predicted: np.ndarray, star: np.ndarray, *, n_resamples: int, seed: int, stage: str
) -> np.ndarray:
    """Return R² of every model on every resample, (n_resamples, n_models).

    Parameters
    ----------
    y : array of shape (n_stars,)
    predicted : array of shape (n_stars, n_models)
    star : int array of shape (n_stars,)
        Which star a row shows.
    n_resamples : int
    seed : int
    stage : str
        Name of the random stream.
    """
    terms = r2_terms(y, (y[:, None] - predicted) ** 2)
    return r2_of_sums(resample_sums(terms, star, n_resamples=n_resamples, seed=seed, stage=stage), y)


def r2_terms(y: np.ndarray, squared_error: np.ndarray) -> np.ndarray:
    """Return what must be summed over a draw to score it, (n_stars, 3 + n_models).

    Parameters
    ----------
    y : array of shape (n_stars,)
    squared_error : array of shape (n_stars, n_models)
        Of one model, or its mean over several trainings: the mean of their R² is then scored.
    """
    centred = y - np.mean(y) if len(y) else y
    return np.column_stack([np.ones(len(y)), centred, centred**2, squared_error])


def sum_by_star(terms: np.ndarray, star: np.ndarray) -> np.ndarray:
    """Return the sum of every term (n_rows, n_terms) over the rows of each star, stars as they first appear in `star`.

    Parameters
    ----------
    terms : array of shape (n_rows, n_terms)
    star : int array of shape (n_rows,)
        Which star a row shows.
    """
    number, stars = pd.factorize(star)
    rows = np.arange(len(star))
    return sparse.csr_array((np.ones(len(star)), (number, rows)), shape=(len(stars), len(star))) @ terms


def resample_sums(terms: np.ndarray, star: np.ndarray, *, n_resamples: int, seed: int, stage: str) -> np.ndarray:
    """Return the sum of every term over every resample of the stars, (n_resamples, n_terms).

    NaN throughout with fewer than `LEAST_STARS` stars.

    Parameters
    ----------
    terms : array of shape (n_rows, n_terms)
    star : int array of shape (n_rows,)
        Which star a row shows: its rows are drawn together.
    n_resamples : int
    seed : int
    stage : str
        Name of the random stream.
    """
    terms = sum_by_star(terms, star)
    if len(terms) < LEAST_STARS:
        return np.full((n_resamples, terms.shape[1]), np.nan)
    sums = np.zeros((n_resamples, terms.shape[1]))

    def fill(stream: int) -> None:
        start = stream * RESAMPLES_PER_STREAM
        block = sums[start : start + RESAMPLES_PER_STREAM]
        for rows, part in _resampled_sums(terms, len(block), random_stream(seed, stage, stream)):
            block[rows] = part

    with ThreadPoolExecutor(usable_cores()) as threads:
        list(threads.map(fill, range(-(-n_resamples // RESAMPLES_PER_STREAM))))
    return sums


def r2_of_sums(sums: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return R² (n_resamples, n_models) from the sums of `r2_terms`; NaN where all stars drawn have the same label."""
    if len(y) < 2 or np.all(y == y[0]):
        return np.full((len(sums), sums.shape[1] - 3), np.nan)
    variation = sums[:, 2] - sums[:, 1] ** 2 / sums[:, 0]
    scale = np.sum((y - np.mean(y)) ** 2)
    return 1 - sums[:, 3:] / np.where(variation > 1e-12 * scale, variation, np.nan)[:, None]


def _resampled_sums(
    terms: np.ndarray, n_resamples: int, rng: np.random.Generator
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield which resamples and the sums of `terms` (n_stars, n_terms) over each of them, some at a time."""
    n_stars = len(terms)
    step = max(1, MAX_DRAWN // n_stars)
    for start in range(0, n_resamples, step):
        size = min(step, n_resamples - start)
        drawn = rng.integers(0, n_stars, size=size * n_stars, dtype=np.int32)
        ends = np.arange(size + 1, dtype=np.int32) * np.int32(n_stars)
        draws = sparse.csr_array((np.ones(len(drawn)), drawn, ends), shape=(size, n_stars))
        yield slice(start, start + size), draws @ terms
