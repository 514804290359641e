"""The label table of a file: columns, values, and that its rows are those of the spectra.

Row i of the table belongs to spectrum i. An index of numbers that increase says nothing else, and neither does one that
starts again at 0, as tables that were joined have it, or one of texts. Numbers in any other order, which a table has
that was sorted and saved with its old index, may name the spectrum to which a row belongs: such a table is refused.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.spectra.files import FILE_LABELS, REQUIRED_LABELS, STAR_INDEX
from moe_exp.spectra.plausibility import find_bad_labels


def read_labels(path: Path) -> pd.DataFrame:
    """Return teff [K], logg [dex] and m_h [dex] of one file, and its other columns under their own names.

    Raises
    ------
    InputError
        If the table or a column is missing, the order of the rows is in doubt, or a needed label is not what a star
        has.
    """
    table = _read_table(path)
    missing = [name for name in REQUIRED_LABELS if name not in table]
    if missing:
        columns = ", ".join(map(str, table.columns))
        raise InputError(
            Code.LABEL_TABLE_UNFIT, f"{path}: the label table lacks {', '.join(missing)}; it has {columns}."
        )
    doubled = sorted({str(name) for name in table.columns[table.columns.duplicated()]})
    if doubled:
        raise InputError(
            Code.LABEL_TABLE_UNFIT,
            f"{path}: the label table has several columns named {', '.join(doubled)}; keep one of each.",
        )
    _check_order(table.index, path)
    labels = _rename_labels(table, path)
    found = find_bad_labels(labels)
    if found:
        raise InputError(Code.IMPOSSIBLE_LABEL, f"{path}: {'; '.join(found)}. Mend or remove them.")
    return labels


def numeric_columns(path: Path) -> list[str]:
    """Return the names of the columns of numbers that the label table of a file has, as the file has them."""
    table = _read_table(path)
    kinds = zip(table.columns, table.dtypes, strict=True)
    return [str(name) for name, kind in kinds if _is_real(kind)]


def _is_real(kind: Any) -> bool:
    """Say whether a column of this type holds real numbers."""
    return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_complex_dtype(kind)


def _read_table(path: Path) -> pd.DataFrame:
    try:
        return pd.DataFrame(pd.read_hdf(path))
    except Exception as error:  # what pandas, PyTables and pickle say of damaged files has no end
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            Code.LABEL_TABLE_UNFIT, f"{path}: the label table cannot be read with pandas.read_hdf: {reason}"
        ) from error


def _check_order(index: pd.Index, path: Path) -> None:
    """Refuse an index of numbers by which the rows would have another order than they are stored in."""
    if not pd.api.types.is_numeric_dtype(index) or index.is_monotonic_increasing:
        return
    numbers = index.to_numpy(float)
    if not index.is_unique and np.all((np.diff(numbers) == 1) | (numbers[1:] == 0)):
        return
    place = int(np.argmax(np.diff(numbers) < 0)) + 1
    raise InputError(
        Code.LABELS_SHUFFLED,
        f"{path}: the label table was sorted or shuffled: the index of its row {place} is {index[place]}, after "
        f"{index[place - 1]}. Either row {place} belongs to spectrum {place}: then save the table with "
        f"reset_index(drop=True); or it belongs to spectrum {index[place]}: then save it with sort_index().",
    )


def _rename_labels(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Return the columns under this project's names; a column that has such a name already gives way."""
    texts = [name for name in REQUIRED_LABELS if not _is_real(table[name].dtype)]
    if texts:
        kinds = ", ".join(f"{name} is {table[name].dtype}" for name in texts)
        raise InputError(Code.LABEL_TABLE_UNFIT, f"{path}: labels must be numbers, but {kinds}.")
    renamed = {theirs: ours for theirs, ours in FILE_LABELS.items() if theirs in table}
    others = table.drop(columns=[name for name in (*renamed.values(), STAR_INDEX) if name in table])
    return others.rename(columns=renamed).reset_index(drop=True)
