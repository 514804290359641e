"""Labels of the simulated stars, drawn star by star."""

import pandas as pd

from moe_exp.random_streams import random_stream
from moe_exp.spectra.simulator.settings import Simulator

LABELS = ("teff", "logg", "m_h", "a_m", "c_m", "mag", "rv")


def draw_labels(simulator: Simulator, *, seed: int, first: int, last: int) -> pd.DataFrame:
    """Return the labels of stars `first` to `last` (exclusive).

    The labels of a star depend on `seed` and its index alone, so that the first stars of a large set are those of a
    small one.

    Parameters
    ----------
    simulator : Simulator
    seed : int
        `data.seed`.
    first, last : int
        Range of star indices.

    Returns
    -------
    DataFrame of n_stars rows
        Columns teff [K], logg, m_h, a_m, c_m [dex], mag, rv [km/s]; the index is the star's.
    """
    rows = [_draw_star(simulator, seed=seed, index=index) for index in range(first, last)]
    return pd.DataFrame(rows, columns=list(LABELS), index=pd.RangeIndex(first, last, name="star"), dtype=float)


def _draw_star(simulator: Simulator, *, seed: int, index: int) -> tuple[float, ...]:
    rng = random_stream(seed, "labels", index)
    lowest, highest = simulator.m_h
    return (
        rng.uniform(*simulator.teff),
        rng.uniform(*simulator.logg),
        lowest + (highest - lowest) * rng.beta(simulator.mh_beta, simulator.mh_beta),
        rng.uniform(*simulator.a_m),
        rng.uniform(*simulator.c_m),
        rng.uniform(*simulator.mag),
        rng.uniform(-simulator.rv_max, simulator.rv_max),
    )
