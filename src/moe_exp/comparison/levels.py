"""What a difference scatters by: test stars, training seeds and data seeds, in one model, each with its uncertainty.

What star i of data seed d says of a difference after training s is

    effect + data seed_d + star_di + training_ds + rest_dis,

all parts independent, and an R² difference its mean over stars. A data seed draws training and test stars anew, and a
training is another one on other stars, so that stars and trainings are nested in data seeds and crossed with each
other; where trainings with one seed go alike on all data seeds, an F test tells. Mean squares tell the variances
(Searle, Casella & McCulloch 1992, Variance Components, chapter 4); their intervals are those of generalised pivotal
quantities, which put n s² / chi²_n in the place of each mean square (Weerahandi 1993, Journal of the American
Statistical Association 88, 899), for stars with the degrees of freedom that their kurtosis leaves. The mean over data
seeds, the effect when everything is drawn anew, has Student's t interval, which needs none of this; see `data_seeds`.
How often all of them hold the truth: ``bench/results/levels.md``.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from moe_exp.codes import Code, tagged
from moe_exp.comparison.multiplicity import holm
from moe_exp.comparison.scoring import Settings
from moe_exp.comparison.tables import PAIR_COLUMNS, Row, ScoredPair, pair_columns
from moe_exp.evaluation.bootstrap import Interval
from moe_exp.evaluation.expansion import degrees_of_freedom
from moe_exp.evaluation.resamples import LEAST_STARS
from moe_exp.evaluation.tables import interval_columns
from moe_exp.random_streams import random_stream

N_DRAWS = 10_000
"""Draws of each mean square, for the intervals of variances."""

ALIKE = 0.01
"""Adjusted p below which trainings with one seed are said to go alike."""

LEVELS = ("star", "seed", "data_seed")
"""What a difference scatters by, from the inside out."""


class Level(NamedTuple):
    """The scatter that one level gives a difference, in R²; NaN for what one seed cannot tell."""

    sd: Interval
    """standard deviation of what a single star says (mean over the trainings that there are), of a training, of a data
    seed; of stars and trainings more average out"""
    share: float
    """of the variance of the measured mean, as far as its levels are known"""


class Levels(NamedTuple):
    """All that one difference scatters by, and on how much that rests."""

    star: Level
    seed: Level
    data_seed: Level
    """beyond what stars and trainings explain; with one training seed it holds the trainings' too"""
    rest: float
    """standard deviation by which one star says something else after another training; NaN for one seed"""
    p_alike: float
    """probability of trainings that go as much alike on all data seeds, seed by seed, if they were independent"""
    new: Interval
    """the mean, and where the difference of one more data seed lies, with as many stars and trainings of its own"""
    n_stars: int
    n_seeds: int
    n_data_seeds: int


def measure_levels(said: Sequence[np.ndarray], *, confidence: float, seed: int) -> Levels:
    """Take a difference apart.

    Parameters
    ----------
    said : sequence of arrays of shape (n_stars, n_seeds)
        For each data seed what every star says of the difference after each training; its mean is the difference.
    confidence : float
        Of all intervals.
    seed : int
        Seed of their draws.
    """
    rng = random_stream(seed, "levels")
    of_stars = [each.mean(axis=1) for each in said]
    of_seeds = [each.mean(axis=0) for each in said if each.shape[1] > 1]
    values = np.array([each.mean() for each in said])
    per_star, per_seed = (float(np.mean([1 / each.shape[axis] for each in said])) for axis in (0, 1))
    rest = _pool([_rest(each) for each in said if each.shape[1] > 1])

    star = _pool([_mean_square(each, degrees_of_freedom(each - each.mean())) for each in of_stars])
    trainings = _pool([_mean_square(each, len(each) - 1) for each in of_seeds])
    between = _pool([_mean_square(values, len(values) - 1)] if len(values) > 1 else [])

    of_star, of_training, of_data_seed = (_draw(each, rng) for each in (star, trainings, between))
    of_training = of_training - rest.value * per_star
    of_data_seed = of_data_seed - of_star * per_star - np.nan_to_num(of_training) * per_seed
    values_and_draws = ((of_star, per_star), (of_training, per_seed), (of_data_seed, 1.0))
    parts = [float(np.maximum(draws[0], 0) * weight) for draws, weight in values_and_draws]
    shares = np.divide(parts, np.nansum(parts) or np.nan)
    content = confidence if min(map(len, said)) >= LEAST_STARS else np.nan
    levels = [
        Level(_sd(draws, content), float(share)) for (draws, _), share in zip(values_and_draws, shares, strict=True)
    ]
    return Levels(
        star=levels[0],
        seed=levels[1],
        data_seed=levels[2],
        rest=float(np.sqrt(rest.value)),
        p_alike=_p_alike(said),
        new=_new(values, content),
        n_stars=round(1 / per_star),
        n_seeds=min(each.shape[1] for each in said),
        n_data_seeds=len(said),
    )


class _MeanSquare(NamedTuple):
    """A variance with the degrees of freedom that it is known with."""

    value: float
    df: float


def _mean_square(values: np.ndarray, df: float) -> _MeanSquare:
    return _MeanSquare(float(np.var(values, ddof=1)) if len(values) > 1 else np.nan, df)


def _rest(said: np.ndarray) -> _MeanSquare:
    """Return what is left when each star's mean and each training's are taken off."""
    n_stars, n_seeds = said.shape
    df = (n_stars - 1) * (n_seeds - 1)
    left = said - said.mean(axis=1, keepdims=True) - said.mean(axis=0) + said.mean()
    return _MeanSquare(float(np.sum(left**2) / df) if df else np.nan, df)


def _pool(squares: Sequence[_MeanSquare]) -> _MeanSquare:
    """Return the mean of mean squares, each weighed alike, with the degrees of freedom of all; NaN if there is none."""
    if not squares:
        return _MeanSquare(np.nan, np.nan)
    return _MeanSquare(float(np.mean([each.value for each in squares])), float(sum(each.df for each in squares)))


def _draw(square: _MeanSquare, rng: np.random.Generator) -> np.ndarray:
    """Return a mean square, and behind it draws of what its variance could be, (1 + N_DRAWS,)."""
    if not np.isfinite(square.df):
        return np.full(1 + N_DRAWS, square.value)
    return np.append(square.value, square.value * square.df / rng.chisquare(square.df, N_DRAWS))


def _sd(draws: np.ndarray, content: float) -> Interval:
    """Return the root of a variance, the first of its draws, with the interval of the others; NaN has none."""
    ends = [np.nan, np.nan]
    if np.isfinite(content):
        ends = np.quantile(draws[1:], [(1 - content) / 2, (1 + content) / 2]).tolist()
    return Interval(*np.sqrt(np.maximum([draws[0], *ends], 0)).tolist())


def _p_alike(said: Sequence[np.ndarray]) -> float:
    """Test whether seeds differ by what their trainings share on all data seeds; NaN where these are not the same."""
    if len(said) == 1 or len({each.shape[1] for each in said}) > 1 or said[0].shape[1] == 1:
        return np.nan
    values = np.array([each.mean(axis=0) for each in said])
    rest = _rest(values)
    ratio = len(said) * np.var(values.mean(axis=0), ddof=1) / (rest.value or np.nan)
    return float(stats.f.sf(ratio, values.shape[1] - 1, rest.df))


def _new(values: np.ndarray, content: float) -> Interval:
    """Return the mean with Student's prediction interval for one more of the values."""
    mean, n = float(np.mean(values)), len(values)
    if n == 1:
        return Interval(mean, np.nan, np.nan)
    half = stats.t.ppf((1 + content) / 2, n - 1) * np.std(values, ddof=1) * np.sqrt(1 + 1 / n)
    return Interval(mean, float(mean - half), float(mean + half))


def levels_of(scored: Sequence[ScoredPair]) -> Levels:
    """Take the difference of a pair apart, which each of some data seeds has."""
    settings: Settings = scored[0].scoring.settings
    said = [each.scoring.said_by_stars(each.pair.model, each.pair.reference) for each in scored]
    return measure_levels(said, confidence=settings.confidence, seed=settings.seed)


def level_table(pairs: Iterable[Sequence[ScoredPair]]) -> pd.DataFrame:
    """Return a row for every pair, in the order of the table of pairs."""
    rows: list[Row] = []
    for scored in pairs:
        found = levels_of(scored)
        row = pair_columns(scored[0].pair) | interval_columns("new_delta_r2", found.new)
        for name in LEVELS:
            level: Level = getattr(found, name)
            row |= interval_columns(f"sd_{name}", level.sd) | {f"{name}_share": level.share}
        row |= {"sd_rest": found.rest, "p_alike": found.p_alike}
        rows.append(row | {f"n_{name}s": getattr(found, f"n_{name}s") for name in LEVELS})
    return pd.DataFrame(rows, columns=None if rows else PAIR_COLUMNS)


def note_alike(levels: pd.DataFrame) -> Iterator[str]:
    """Yield that seeds were not independent trainings on other stars, where they were not."""
    if "p_alike" in levels:
        alike = levels["contrast"][holm(levels["p_alike"].to_numpy(float)) < ALIKE].tolist()
        if alike:
            yield tagged(
                Code.TRAININGS_ALIKE,
                f"Trainings with one seed go alike on all data seeds, in {len(alike)} of {len(levels)} differences "
                f"({alike[0]} first): more data seeds do not quiet what they share, and intervals of these are too "
                f"narrow. Take other seeds on other data seeds.",
            )
