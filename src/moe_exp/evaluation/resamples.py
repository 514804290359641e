"""Resamples of stars, and what models score on them.

Each resample draws stars with replacement once, for all models. A star that was seen several times is drawn with all of
its visits (cluster bootstrap; Davison & Hinkley 1997, Bootstrap Methods and their Application, section 3.8). R² needs
four sums over a draw: of 1, y, y² and the squared error. They come from one product of the draws, as a sparse matrix,
with each star's sums; no resampled array is formed.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
from scipy import sparse

from moe_exp.machine import usable_cores
from moe_exp.random_streams import random_stream

RESAMPLES_PER_STREAM = 100
"""Resamples that share one random stream; part of the definition of the draws, not a matter of speed."""

LEAST_STARS = 10
"""With fewer stars there is no interval: a percentile interval even of a mean would be too narrow by a fifth and more
(Student's t for the normal's quantile), and that of two stars may have no width."""

MAX_DRAWN = 2**20
"""Most stars drawn at a time; has no effect on results."""


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
