"""HDF5 files as they are stored: what can be read, what it costs, and which other files the bytes lie in.

A dataset need not lie in the file that names it: a link may lead to another file, a virtual dataset is put together
from others, and raw data may lie in files without any header.
"""

import glob
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import h5py

from moe_exp.codes import Code
from moe_exp.errors import InputError

LIBRARY_ERRORS = (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError, MemoryError, OverflowError)
"""What h5py raises on damaged files, depending on where they are damaged."""

MAX_BAND_BYTES = 2**28
"""Most that is read at once, and most that may have to be read to get at one row."""

BAND_ROWS = 1024
"""Rows that are read at once, where the storage does not ask for more."""


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open a file for reading; whatever the library finds wrong with it then becomes an `InputError`."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except InputError:
        raise
    except LIBRARY_ERRORS as error:
        raise InputError(Code.NOT_HDF5, f"{path} cannot be read as HDF5: {error}.") from error


def why_missing(file: h5py.File, name: str) -> str:
    """Say why there is no dataset of this name; nothing if there is one."""
    if isinstance(file.get(name), h5py.Dataset):
        return ""
    parts = name.strip("/").split("/")
    for depth in range(1, len(parts) + 1):
        link = file.get("/".join(parts[:depth]), getlink=True)
        if isinstance(link, h5py.ExternalLink):
            return f"it is linked to {link.path} of {link.filename}, which is not there"
        if isinstance(link, h5py.SoftLink):
            return why_missing(file, "/".join([link.path, *parts[depth:]]))
    return "it is not there"


def find_offset(dataset: h5py.Dataset, path: Path) -> int | None:
    """Return where the rows begin in the bytes of the file at `path`, if they are little-endian float32 one by one.

    None stands for data that only the library can read: chunked or compressed, of another type, not written yet, or
    kept in another file.
    """
    floats = dataset.id.get_type().equal(h5py.h5t.IEEE_F32LE)
    here = Path(dataset.file.filename).samefile(path)
    return dataset.id.get_offset() if floats and here else None  # None as well where the storage is not contiguous


def count_band_rows(dataset: h5py.Dataset) -> int:
    """Return how many neighbouring rows are best read at once: whole chunks, and as many as memory allows."""
    chunk_rows = dataset.chunks[0] if dataset.chunks else 1
    affordable = MAX_BAND_BYTES // max(1, dataset.dtype.itemsize * dataset.shape[1])
    return max(1, min(BAND_ROWS, affordable) // chunk_rows) * chunk_rows


def check_storage(datasets: Mapping[str, h5py.Dataset], path: Path) -> None:
    """Refuse datasets that cannot be read here, or whose chunks make one row cost too much.

    Raises
    ------
    InputError
        With the command that rewrites the file.
    """
    found = [f"{name} {what}" for name, each in datasets.items() for what in (_filters(each), _chunks(each)) if what]
    if found:
        raise InputError(
            Code.SLOW_LAYOUT,
            f"{path}: {'; '.join(found)}. To rewrite the file star by star: "
            f"h5repack -f NONE -l {','.join(datasets)}:CONTI {path} rewritten.h5",
        )


def _filters(dataset: h5py.Dataset) -> str:
    """Say which filters are missing; nothing if none is."""
    layout = dataset.id.get_create_plist()
    filters = [layout.get_filter(number) for number in range(layout.get_nfilters())]
    missing = [f"{code} ({label.decode()})" for code, _, _, label in filters if not h5py.h5z.filter_avail(code)]
    if not missing:
        return ""
    return (
        f"needs the HDF5 filter {', '.join(missing)}, which is not installed here (install hdf5plugin and set "
        f"HDF5_PLUGIN_PATH to its folder of plugins, or rewrite the file where the filter is installed)"
    )


def _chunks(dataset: h5py.Dataset) -> str:
    """Say what one row costs; nothing if that is affordable."""
    if not dataset.chunks or len(dataset.shape) != 2:
        return ""
    stars, pixels = dataset.chunks
    cost = stars * dataset.shape[1] * dataset.dtype.itemsize
    if cost <= MAX_BAND_BYTES:
        return ""
    return f"is stored in chunks of {stars:,} stars x {pixels:,} pixels, so that one star costs {cost / 1e9:.2f} GB"


def files_behind(path: Path, names: tuple[str, ...]) -> list[Path]:
    """Return the files whose bytes some datasets of a file consist of: it, and all that it points to.

    Raises
    ------
    InputError
        If it cannot be read, a file that it points to is missing, or a dataset is made of itself.
    """
    with open_hdf5(path) as file:
        datasets = [file.get(name) for name in names]
        found = {path.resolve()}.union(*(_files_of(each) for each in datasets if isinstance(each, h5py.Dataset)))
    return sorted(found)


def _files_of(dataset: h5py.Dataset, made: tuple[tuple[Path, str], ...] = ()) -> set[Path]:
    """Return the files of a dataset's bytes; `made` are the virtual ones, by file and name, that are made of it."""
    home = Path(dataset.file.filename).resolve()
    made = *made, (home, dataset.name)
    if made[-1] in made[:-1]:
        raise InputError(
            Code.NOT_HDF5, f"{home}: the virtual dataset {dataset.name} is made of itself; store its values instead."
        )
    found = {home}
    for name, _, _ in dataset.external or ():
        found |= _locate(os.fsdecode(name), home)
    for source in dataset.virtual_sources() if dataset.is_virtual else ():
        for path in [home] if source.file_name == "." else _locate(source.file_name, home):
            found.add(path)
            with open_hdf5(path) as file:
                inner = file.get(source.dset_name)
                found |= _files_of(inner, made) if isinstance(inner, h5py.Dataset) else set()
    return found


def _locate(name: str, home: Path) -> set[Path]:
    """Return the files that a file at `home` can mean by `name`; ``%b`` stands for any number."""
    pattern = "*".join(glob.escape(part) for part in name.split("%b"))
    places = (home.parent / pattern, Path.cwd() / pattern, home.parent / Path(pattern).name)
    found = {Path(each).resolve() for place in places for each in glob.glob(str(place))}  # noqa: PTH207 - may be absolute
    if not found:
        raise InputError(
            Code.NOT_HDF5, f"{home} points to the file {name}, which does not exist; put it beside {home.name}."
        )
    return found
