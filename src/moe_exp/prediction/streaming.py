"""Predictions of files, some stars at a time, as they go to Parquet or FITS."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from moe_exp.cache.atomic import complete_file
from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.prediction.layouts import FILE, LAYOUTS, STAR
from moe_exp.prediction.mixture import Mixture
from moe_exp.prediction.readers import read_spectra
from moe_exp.spectra.label import Label
from moe_exp.spectra.medium import Medium


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
    """Rows of the table of a FITS file, which are kept until the last is there: some 200 bytes a star.

    Parameters
    ----------
    path : Path
    layout : str
        One of `LAYOUTS`.
    label : Label
        What is predicted.
    """

    def __init__(self, path: Path, layout: str, label: Label) -> None:
        self._path, self._layout, self._label = path, layout, label
        self._tables: list[pd.DataFrame] = []

    def write(self, table: pd.DataFrame) -> None:
        """Append a table."""
        self._tables.append(LAYOUTS[self._layout](table, self._label))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None and self._tables:
            from astropy.table import Table

            whole = pd.concat(self._tables, ignore_index=True)
            columns = {str(name): _plain(whole[name]) for name in whole}
            Table(columns, meta={"EXTNAME": self._layout.upper()}).write(self._path, format="fits", overwrite=True)


def _plain(column: pd.Series) -> np.ndarray:
    """Return a column as FITS has it: numbers, or text of one length."""
    return column.to_numpy() if column.dtype.kind in "biuf" else column.to_numpy(str)


PARQUET, FITS = ".parquet", ".fits"


def check_output(path: Path, layout: str | None) -> None:
    """Refuse a name that tells no kind of table, or a layout of another kind, by raising `InputError`."""
    if path.suffix.lower() not in (PARQUET, FITS):
        raise InputError(Code.OUTPUT_NAME, f"{path}: the name of the output must end in {PARQUET} or {FITS}.")
    if layout is not None and path.suffix.lower() != FITS:
        raise InputError(
            Code.OUTPUT_NAME,
            f"{path}: --layout {layout} is a layout of FITS; name the output *{FITS}, or leave the option out.",
        )


@contextmanager
def write_table(path: Path, layout: str | None, label: Label) -> Iterator[Writer]:
    """Write a table of predictions of a label; it appears under its name only when it is complete.

    Parameters
    ----------
    path : Path
    layout : str or None
        One of `LAYOUTS`, of FITS alone; by default the first.
    label : Label
    """
    check_output(path, layout)
    with complete_file(path) as partial, _open(partial, path.suffix.lower(), layout, label) as rows:
        yield rows


def _open(path: Path, ending: str, layout: str | None, label: Label) -> ParquetRows | FitsRows:
    return ParquetRows(path) if ending == PARQUET else FitsRows(path, layout or next(iter(LAYOUTS)), label)


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
            raise InputError(error.code, f"{path}: {error.message}") from error
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
            Code.NO_USABLE_SPECTRUM,
            f"{path}: none of its spectra has half of the model's pixels, {low:.0f} to {high:.0f} Å in "
            f"{model.fitted.medium}, with positive flux.",
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
