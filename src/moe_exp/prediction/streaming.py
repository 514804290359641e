"""Predictions of files, some stars at a time, as they go to Parquet or FITS."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from moe_exp.cache.atomic import complete_file
from moe_exp.errors import InputError
from moe_exp.prediction.mixture import (
    BIN,
    ENDINGS,
    FLAG,
    MASKED,
    REASON,
    VELOCITY,
    VELOCITY_ERROR,
    Mixture,
)
from moe_exp.prediction.readers import read_spectra
from moe_exp.spectra.medium import Medium

FILE, STAR = "file", "star"

FITS_NAMES = {BIN: "BIN", MASKED: "FRAC_MASKED", VELOCITY: "VRAD", VELOCITY_ERROR: "VRAD_ERR"}
"""Columns as DESI's table RVTAB names them, where it has them, and in its manner where not; see `fits_names`."""

FITS_ENDINGS = ("", "_ERR", "_LOW95", "_HIGH95")
"""What `moe_exp.prediction.mixture.ENDINGS` become."""


class Writer(Protocol):
    """Takes tables of predictions, one after the other."""

    def write(self, table: pd.DataFrame) -> None:
        """Append a table."""


class ParquetRows:
    """Rows of a Parquet file; each table is on disk when the next one comes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: parquet.ParquetWriter | None = None

    def write(self, table: pd.DataFrame) -> None:
        """Append a table."""
        rows = pa.Table.from_pandas(table, preserve_index=False)
        if self._file is None:
            self._file = parquet.ParquetWriter(self._path, rows.schema)
        self._file.write_table(rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()


class FitsRows:
    """Rows of the table of a FITS file, which are kept until the last is there: some 200 bytes a star."""

    def __init__(self, path: Path) -> None:
        self._path, self._tables = path, list[pd.DataFrame]()

    def write(self, table: pd.DataFrame) -> None:
        """Append a table."""
        self._tables.append(table)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None and self._tables:
            from astropy.table import Table

            whole = pd.concat(self._tables, ignore_index=True)
            whole = whole.rename(columns=fits_names(str(whole.columns[2])))  # after file and star
            columns = {str(name).upper().replace(" ", "_"): _plain(whole[name]) for name in whole}
            Table(columns).write(self._path, format="fits", overwrite=True)


def fits_names(label: str) -> dict[str, str]:
    """Return how the columns of a prediction of a label are called in FITS: ``log_g_error`` becomes ``LOGG_ERR``."""
    name = label.replace("_", "").upper()
    numbers = {label + ours: name + theirs for ours, theirs in zip(ENDINGS, FITS_ENDINGS, strict=True)}
    return FITS_NAMES | numbers | {FLAG: f"{name}_WARN", REASON: f"{name}_REASON"}


def _plain(column: pd.Series) -> np.ndarray:
    """Return a column as FITS has it: numbers, or text of one length."""
    return column.to_numpy() if column.dtype.kind in "bif" else column.to_numpy(str)


KINDS: dict[str, Callable[[Path], Any]] = {".parquet": ParquetRows, ".fits": FitsRows}


def check_output(path: Path) -> None:
    """Refuse a name that tells no kind of table, by raising `InputError`."""
    if path.suffix.lower() not in KINDS:
        raise InputError(f"{path}: the name of the output must end in {' or '.join(KINDS)}.")


@contextmanager
def write_table(path: Path) -> Iterator[Writer]:
    """Write a table of predictions; it appears under its name only when it is complete."""
    check_output(path)
    with complete_file(path) as partial, KINDS[path.suffix.lower()](partial) as rows:
        yield rows


def predict_file(
    model: Mixture, path: Path, *, medium: Medium | None, velocity: float | None
) -> Iterator[pd.DataFrame]:
    """Yield predictions of the spectra of a file, some at a time, from the first that can be used on.

    Raises
    ------
    InputError
        If it cannot be read, or none of its spectra can be used.
    """
    held: list[pd.DataFrame] = []
    usable = False
    for block in read_spectra(path):
        if not len(block.flux):
            continue
        try:
            table = model.predict_block(block, medium=medium, velocity=velocity)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
        table.insert(0, FILE, str(path))
        table.insert(1, STAR, block.star)
        held.append(table)
        usable = usable or bool(table[model.numbers[0]].notna().any())
        if usable:  # else the file may be one that cannot be used, and leaves no row
            yield from held
            held.clear()
    if not usable:
        low, high = model.fitted.wavelength[[0, -1]]
        raise InputError(
            f"{path}: none of its spectra has half of the model's pixels, {low:.0f} to {high:.0f} Å in "
            f"{model.fitted.medium}, with positive flux."
        )


def predict_files(
    model: Mixture,
    paths: Iterable[Path],
    write: Callable[[pd.DataFrame], None],
    *,
    medium: Medium | None = None,
    velocity: float | None = None,
    advance: Callable[[int], None] = lambda n: None,
) -> dict[Path, str]:
    """Predict the spectra of files and hand them to `write`; return why files failed, after which the others go on.

    Of a file that fails half-way, what was predicted before stays.
    """
    failed = {}
    for path in paths:
        try:
            for table in predict_file(model, path, medium=medium, velocity=velocity):
                write(table)
                advance(len(table))
        except InputError as error:
            failed[path] = str(error)
    return failed
