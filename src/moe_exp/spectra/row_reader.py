"""Rows of one dataset of a file, read as they are needed."""

from collections.abc import Callable
from functools import partial
from io import FileIO
from pathlib import Path
from threading import Lock

import numpy as np

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.spectra.file_state import Watch
from moe_exp.spectra.hdf5 import count_band_rows, find_offset, open_hdf5


class Band:
    """The neighbouring rows that were read last, for readers that soon ask for others of them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._what: tuple[Path, str, int] | None = None
        self._values: np.ndarray | None = None

    def get(self, what: tuple[Path, str, int], read: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the rows that `what` (file, dataset, first row) names, from `read` if they are not those kept."""
        with self._lock:
            if self._values is None or self._what != what:
                self._what = self._values = None  # two bands need not fit into memory
                self._values = read()
                self._what = what
            return self._values


class RowReader:
    """Rows of one two-dimensional HDF5 dataset, in any selection, without holding the rest.

    Contiguous float32 data are read straight from the file's bytes, several threads at a time if need be; other
    storage (chunked, compressed, another type, kept in another file) goes through h5py in bands of whole chunks.

    Parameters
    ----------
    path : path of the file
    name : str
        The dataset's name within the file.
    band : Band, optional
        What keeps the last band; readers of one dataset in several files, read one after the other, share it.
    turned : bool
        Whether to return pixels in the opposite of the stored order.
    """

    def __init__(self, path: Path, name: str, band: Band | None = None, *, turned: bool = False) -> None:
        self.path, self.name, self.turned = path, name, turned
        self._band = band or Band()
        self._watch = Watch(path, (name,))
        with open_hdf5(path) as file:
            dataset = file[name]
            self.shape: tuple[int, int] = dataset.shape
            self._offset = find_offset(dataset, path)
            self._band_rows = count_band_rows(dataset)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows asked for, (len(rows), n_pixels) float32; `rows` must increase.

        Raises
        ------
        InputError
            If the file cannot be read, or is no longer the one that it was when the reader was made.
        """
        values = np.empty((len(rows), self.shape[1]), np.float32)
        self._watch.check()
        if self._offset is None:
            self._read_bands(rows, values)
        else:
            self._read_bytes(rows, values, self._offset)
        self._watch.check()
        return np.ascontiguousarray(values[:, ::-1]) if self.turned else values

    def stored_pixel(self, pixel: int) -> int:
        """Return the place in the file of a pixel as it is returned."""
        return self.shape[1] - 1 - pixel if self.turned else pixel

    def _read_bytes(self, rows: np.ndarray, values: np.ndarray, offset: int) -> None:
        edges = np.flatnonzero(np.diff(rows, prepend=-2, append=-2) != 1)
        with self.path.open("rb", buffering=0) as file:
            for first, last in zip(edges[:-1], edges[1:], strict=True):
                file.seek(offset + int(rows[first]) * values.strides[0])
                if not _fill(values[first:last], file):
                    raise InputError(
                        Code.FILE_DAMAGED,
                        f"{self.path}: {self.name} ends before row {rows[last - 1]}; the file is cut off.",
                    )

    def _read_bands(self, rows: np.ndarray, values: np.ndarray) -> None:
        for number in np.unique(rows // self._band_rows).tolist():
            first = number * self._band_rows
            lo, hi = np.searchsorted(rows, [first, first + self._band_rows])
            band = self._band.get((self.path, self.name, first), partial(self._read_band, first))
            values[lo:hi] = band[rows[lo:hi] - first]

    def _read_band(self, first: int) -> np.ndarray:
        with open_hdf5(self.path) as file, np.errstate(over="ignore"):
            return file[self.name][first : first + self._band_rows].astype(np.float32, copy=False)


def _fill(values: np.ndarray, file: FileIO) -> bool:
    """Fill an array from where the file stands; say whether there was enough."""
    left = values.data.cast("B")
    while left:
        n_read = file.readinto(left)
        if not n_read:
            return False
        left = left[n_read:]
    return True
