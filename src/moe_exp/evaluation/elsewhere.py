"""Predictions that were made elsewhere: read from a table, and matched with the test stars of a run."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.spectra.label import LOG_G, Label

STARS = ("star_index", "star_id")
"""Columns of which one says which star a row is about, as in a run's ``predictions.parquet``."""

READERS: dict[str, Callable[[Path], pd.DataFrame]] = {".parquet": pd.read_parquet, ".csv": pd.read_csv}

SAME_LABEL = 1e-4
"""Labels that differ by more, in their unit, are not those of one star."""


def read_table(path: Path) -> pd.DataFrame:
    """Read a table of predictions: ``star_index`` or ``star_id``, ``prediction``, maybe ``sigma`` and the label.

    Raises
    ------
    InputError
        If the file cannot be read, or lacks a column.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(Code.IMPORT_TABLE, f"{path}: a table of predictions ends in {' or '.join(READERS)}.")
    try:
        table = reader(path)
    except (ValueError, OSError) as error:  # pyarrow's and pandas' own errors are such
        raise InputError(
            Code.IMPORT_TABLE, f"{path} cannot be read as a table: {' '.join(str(error).split())}"
        ) from error
    missing = [] if set(STARS) & set(table) else [" or ".join(STARS)]
    missing += [] if "prediction" in table else ["prediction"]
    if missing:
        raise InputError(
            Code.IMPORT_TABLE,
            f"{path} has no column {', '.join(missing)}; it has {', '.join(map(str, table)) or 'none'}. It needs "
            f"{' or '.join(STARS)}, and prediction; sigma and the label may be there.",
        )
    wrong = [name for name in ("prediction", "sigma") if name in table and table[name].dtype.kind not in "fiu"]
    if wrong:
        raise InputError(
            Code.IMPORT_TABLE, f"{path}: {', '.join(wrong)} {'are' if len(wrong) > 1 else 'is'} no column of numbers."
        )
    return table


def match_stars(table: pd.DataFrame, stars: pd.DataFrame, path: Path, label: Label = LOG_G) -> pd.DataFrame:
    """Return the rows of a table in the order of a run's test stars, of each star exactly one.

    Parameters
    ----------
    table : DataFrame
        As `read_table` leaves it.
    stars : DataFrame of n_stars rows
        ``star_index``, ``star_id`` and the label of the test stars.
    path : path
        Of the table, for messages.
    label : Label
        What is predicted; the table may have it, under the name that `stars` has.

    Raises
    ------
    InputError
        If stars are missing, doubled or unknown, values are NaN, or labels are others; with the count of each.
    """
    key = next(name for name in STARS if name in table)
    if stars[key].duplicated().any():
        raise InputError(
            Code.IMPORT_STARS, f"{path}: test stars were seen several times, so that {key} tells none; give star_index."
        )
    wrong = list(_wrong_rows(table, stars, key))
    if not wrong:
        table = table.set_index(key).loc[stars[key]].reset_index()
        true = stars[label.column].to_numpy(float)
        labels = pd.to_numeric(table[label.column], errors="coerce").to_numpy(float) if label.column in table else true
        others = ~(np.abs(labels - true) <= SAME_LABEL)
        limit = label.amount(f"{SAME_LABEL:g}")
        wrong = [_count(others, stars[key], f"with a {label.column} that differs by more than {limit}")]
    if any(wrong):
        raise InputError(
            Code.IMPORT_STARS,
            f"{path} does not hold the {len(stars)} test stars once each: {'; '.join(filter(None, wrong))}.",
        )
    return table


def _wrong_rows(table: pd.DataFrame, stars: pd.DataFrame, key: str) -> Iterator[str]:
    """Yield what keeps a table from being matched, each with its number."""
    found = [
        _count(~stars[key].isin(table[key]).to_numpy(), stars[key], "missing"),
        _count(table[key].duplicated().to_numpy(), table[key], "doubled"),
        _count(~table[key].isin(stars[key]).to_numpy(), table[key], "unknown"),
        _count(~np.isfinite(table["prediction"].to_numpy(float)), table[key], "with a prediction that is no number"),
    ]
    if "sigma" in table:
        found.append(_count(~(table["sigma"].to_numpy(float) > 0), table[key], "with a sigma that is not positive"))
    yield from filter(None, found)


def _count(wrong: np.ndarray, keys: pd.Series, what: str) -> str:
    """Say how many stars are wrong in some way, and which is the first; nothing if none is."""
    n_wrong = np.count_nonzero(wrong)
    return f"{n_wrong} {what} (first: {keys.iloc[int(np.argmax(wrong))]})" if n_wrong else ""
