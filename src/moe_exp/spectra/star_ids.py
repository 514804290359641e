"""Which rows are visits of one star, by a column of the label tables; without one, each row is a star of its own."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.spectra.labels import read_labels

LARGEST_EXACT = 2.0**53
"""Whole numbers beyond may have lost digits in float64."""


def read_star_ids(files: Sequence[Path], column: str, *, option: str) -> np.ndarray:
    """Return which star each row of some files shows, (n_rows,): whole numbers, or texts.

    `option` is the one that names the column.

    Raises
    ------
    InputError
        If a file has no such column, or a star has no id in it.
    """
    ids = pd.concat([_read_column(path, column, option) for path in files], ignore_index=True)
    return ids.to_numpy() if pd.api.types.is_integer_dtype(ids) else ids.astype(str).to_numpy(str)


def number_stars(star_ids: np.ndarray) -> np.ndarray:
    """Return the number of the star that each row shows, (n_rows,), from 0 in the order in which stars first appear."""
    return pd.factorize(star_ids)[0]


def _read_column(path: Path, column: str, option: str) -> pd.Series:
    labels = read_labels(path)
    if column not in labels:
        columns = ", ".join(map(str, labels))
        raise InputError(
            Code.NO_SUCH_COLUMN, f"{path}: {option}={column} is no column of the label table; it has {columns}."
        )
    ids = labels[column]
    missing = (ids.isna() | (ids.astype(str).str.strip() == "")).to_numpy()
    if missing.any():
        raise InputError(
            Code.BAD_STAR_IDS,
            f"{path}: {missing.sum()} of {len(ids)} rows have no {column}, which {option} names (first: row "
            f"{int(np.argmax(missing))}); give every row one, unique where a star was seen once.",
        )
    if not pd.api.types.is_float_dtype(ids):
        return ids
    if not ((ids % 1 == 0) & (ids.abs() < LARGEST_EXACT)).all():
        raise InputError(
            Code.BAD_STAR_IDS, f"{path}: {option}={column}: its numbers are no ids; store whole numbers or texts."
        )
    return ids.astype("int64")
