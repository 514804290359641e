"""What the page shows of a file: predictions of its first stars, and the spectrum of one of them."""

from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.prediction.adapting import adapt
from moe_exp.prediction.layouts import STAR
from moe_exp.prediction.mixture import Mixture
from moe_exp.prediction.readers import read_spectra
from moe_exp.spectra.medium import Medium

MOST_STARS = 1024
"""Stars of a file that are predicted: `moe-exp predict` takes any number."""


class Look(NamedTuple):
    """The first stars of a file."""

    table: pd.DataFrame
    """one row a star: what the file calls it, and the columns of `Mixture.predict`"""
    flux: np.ndarray
    """(n_stars, n_pixels) on the model's grid at rest; NaN where nothing is known"""


def look_at(model: Mixture, path: Path, *, medium: Medium | None, velocity: float | None) -> Look:
    """Predict the first `MOST_STARS` stars of a file.

    Raises
    ------
    InputError
        If it cannot be read, or holds no star.
    """
    tables: list[pd.DataFrame] = []
    spectra: list[np.ndarray] = []
    with closing(read_spectra(path)) as blocks:
        for block in blocks:
            if not len(block.flux):
                continue
            adapted = adapt(block, model.fitted, medium=medium, velocity=velocity)
            table = model.predict_adapted(adapted)
            table.insert(0, STAR, block.star)
            tables.append(table)
            spectra.append(adapted.flux)
            if sum(map(len, tables)) >= MOST_STARS:
                break
    if not sum(map(len, tables)):
        raise InputError(Code.SPECTRA_UNREADABLE, f"{path.name} holds no star.")
    return Look(pd.concat(tables, ignore_index=True)[:MOST_STARS], np.concatenate(spectra)[:MOST_STARS])
