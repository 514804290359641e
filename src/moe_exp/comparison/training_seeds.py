"""Estimates from several trainings: the scatter of the test stars and that between training seeds in one interval.

Stars are resampled; seeds, of which there are few, are not: resampling three seeds would show two thirds of their
variance and no tails, and 95 % intervals from it hold the truth in 75 % of simulated experiments where the seeds'
scatter dominates. Their mean is instead spread as Student's t with n_seeds - 1 degrees of freedom, which is exact for
normal scatter (Student 1908, Biometrika 6, 1). Both parts are added draw by draw.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import stats

from moe_exp.comparison.multiplicity import two_sided_p
from moe_exp.evaluation.bootstrap import Interval, percentile_interval
from moe_exp.random_streams import random_stream


@dataclass(frozen=True, eq=False)
class Estimate:
    """A score, or a difference of two, on the stars of one data seed, from one training or the mean over several.

    Attributes
    ----------
    interval : Interval
    n_seeds : int
    seed_sd : float
        Standard deviation between training seeds; NaN for one seed.
    draws : array of shape (n_resamples,)
        What the interval was taken from.
    contributions : array of shape (n_stars,)
        What each star adds to the value; to an R², what it takes from one.
    limited : bool
        Whether what a star could add is limited, as that of clipped predictions is.
    """

    interval: Interval
    n_seeds: int
    seed_sd: float
    draws: np.ndarray
    contributions: np.ndarray
    limited: bool

    @property
    def scatter(self) -> str:
        """What the interval contains."""
        return "stars" if self.n_seeds == 1 else "stars and seeds"

    @property
    def degrees_of_freedom(self) -> float:
        """Of the tails: those of the seeds' Student t; infinite where the seeds do not scatter."""
        return self.n_seeds - 1 if self.seed_sd > 0 else np.inf

    @property
    def p(self) -> float:
        """Probability of a value at least as far from zero, if the truth were zero."""
        return two_sided_p(self.draws, degrees_of_freedom=self.degrees_of_freedom)


def estimate(
    value: float,
    star_draws: np.ndarray,
    seed_values: np.ndarray,
    contributions: np.ndarray,
    *,
    limited: bool,
    confidence: float,
    seed: int,
) -> Estimate:
    """Combine the bootstrap over stars with the scatter between training seeds.

    Parameters
    ----------
    value : float
        Mean over the seeds, on the stars as they are.
    star_draws : array of shape (n_resamples,)
        The mean over the seeds on each resample of the stars.
    seed_values : array of shape (n_seeds,)
        Each seed's value on the stars as they are. It holds the scatter of single stars' predictions between seeds,
        which the star draws hold too: counted twice, it makes the interval a little too wide, never too narrow.
    contributions : array of shape (n_stars,)
    limited : bool
    confidence : float
    seed : int
        Seed of the resamples.
    """
    n_seeds = len(seed_values)
    seed_sd = float(np.std(seed_values, ddof=1)) if n_seeds > 1 else np.nan
    draws = star_draws
    if seed_sd > 0:
        draws = star_draws + seed_sd / np.sqrt(n_seeds) * _seed_scatter(n_seeds, len(star_draws), seed)
    interval = percentile_interval(value, draws, confidence)
    return Estimate(interval, n_seeds, seed_sd, draws, contributions, limited)


@lru_cache(maxsize=32)
def _seed_scatter(n_seeds: int, n_resamples: int, seed: int) -> np.ndarray:
    """Return evenly spaced quantiles of Student's t in random order, (n_resamples,)."""
    rank = random_stream(seed, "seed scatter", n_seeds).permutation(n_resamples)
    scatter = stats.t.ppf((rank + 0.5) / n_resamples, n_seeds - 1)
    scatter.flags.writeable = False
    return scatter
