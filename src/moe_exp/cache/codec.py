"""Results as bytes and back, without pickle: reading them runs no code, whoever wrote them.

They are a zip file: the structure as JSON, each array as NumPy writes it (so that it opens as an npz), each table as
Parquet. Objects are kept by what they hold, and only those of classes that said so with `storable`.
"""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd

STRUCTURE = "structure.json"
PLAIN = (bool, int, float, str, type(None))

C = TypeVar("C", bound=type)

_classes: dict[str, type] = {}


class NotStorableError(TypeError):
    """A result holds something that is kept in no file."""


def storable(kind: C) -> C:
    """Let objects of a class be kept: of a dataclass or a named tuple its fields, else all that an instance holds."""
    _classes[_name(kind)] = kind
    return kind


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def encode(value: Any) -> bytes:
    """Return a result as the content of a file.

    Raises
    ------
    NotStorableError
        Naming what cannot be kept.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        structure = _take_apart(value, archive)
        archive.writestr(zipfile.ZipInfo(STRUCTURE), json.dumps(structure))
    return content.getvalue()


def decode(content: bytes) -> Any:
    """Return what `encode` was given.

    Raises
    ------
    Exception
        Of whatever kind, if it was made by other code or is no such content.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return _put_together(json.loads(archive.read(STRUCTURE)), archive)


def _take_apart(value: Any, archive: zipfile.ZipFile) -> Any:
    """Return what JSON holds of a value; arrays and tables go to the archive."""
    kind = type(value)
    if kind in PLAIN:
        return value
    if isinstance(value, np.ndarray | np.generic):
        return {"scalar" if isinstance(value, np.generic) else "array": _write_array(np.asarray(value), archive)}
    if isinstance(value, pd.DataFrame):
        return {"table": _write_table(value, archive)}
    if kind in (list, tuple):
        return {kind.__name__: [_take_apart(each, archive) for each in value]}
    if kind is dict and all(type(key) is str for key in value):
        return {"mapping": {key: _take_apart(each, archive) for key, each in value.items()}}
    if _classes.get(_name(kind)) is kind:
        held = {name: _take_apart(each, archive) for name, each in _held_by(value).items()}
        return {"class": _name(kind), "holds": held}
    raise NotStorableError(f"{_name(kind)} is not kept in files")


def _held_by(value: Any) -> dict[str, Any]:
    if isinstance(value, tuple):
        return value._asdict()  # type: ignore[attr-defined]
    return {field.name: getattr(value, field.name) for field in fields(value)} if is_dataclass(value) else vars(value)


def _write(archive: zipfile.ZipFile, ending: str, write: Callable[[Any], object]) -> str:
    """Add a file to the archive and return its name."""
    name = f"{len(archive.namelist())}.{ending}"
    with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as file:
        write(file)
    return name


def _write_array(array: np.ndarray, archive: zipfile.ZipFile) -> str:
    if array.dtype.hasobject:
        raise NotStorableError("an array of objects is not kept in files")
    return _write(archive, "npy", lambda file: np.lib.format.write_array(file, array, allow_pickle=False))


def _write_table(table: pd.DataFrame, archive: zipfile.ZipFile) -> str:
    content = io.BytesIO()
    try:
        table.to_parquet(content)
        same = pd.read_parquet(io.BytesIO(content.getvalue())).equals(table)
    except (ValueError, TypeError, OSError, NotImplementedError) as error:  # Arrow's errors are of these kinds
        raise NotStorableError(f"a table is not kept in files ({error})") from error
    if not same:
        raise NotStorableError("a table with values of mixed types is not kept in files")
    return _write(archive, "parquet", lambda file: file.write(content.getvalue()))


def _put_together(structure: Any, archive: zipfile.ZipFile) -> Any:
    if not isinstance(structure, dict):
        return structure
    if "class" in structure:
        held = {name: _put_together(each, archive) for name, each in structure["holds"].items()}
        return _make(_classes[structure["class"]], held)
    [(kind, content)] = structure.items()
    if kind in ("array", "scalar"):
        with archive.open(content) as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
        return array if kind == "array" else array[()]
    if kind == "table":
        return pd.read_parquet(io.BytesIO(archive.read(content)))
    if kind == "mapping":
        return {name: _put_together(each, archive) for name, each in content.items()}
    parts = [_put_together(each, archive) for each in content]
    return tuple(parts) if kind == "tuple" else parts


def _make(kind: type, held: dict[str, Any]) -> Any:
    """Make an object of what it held, which was checked when it was first made."""
    if issubclass(kind, tuple):
        return kind(**held)
    if is_dataclass(kind) and {field.name for field in fields(kind)} != {*held}:
        raise ValueError(f"{kind.__name__} has other fields by now")
    made = object.__new__(kind)
    made.__dict__.update(held)
    return made
