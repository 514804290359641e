"""Rows of one dataset of a file, read as they are needed."""

import os
from pathlib import Path

import h5py
import numpy as np

from moe_exp.errors import InputError


class RowReader:
    """Rows of one two-dimensional HDF5 dataset, in any selection, without holding the rest.

    Contiguous float32 data are read straight from the file's bytes, several threads at a time if need be; other
    storage (chunked, compressed, another type) goes through h5py in blocks of neighbouring rows.

    Parameters
    ----------
    path : path of the file
    name : str
        The dataset's name within the file.
    """

    block_rows = 1024

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        with h5py.File(path, "r") as file:
            dataset = file[name]
            self.shape: tuple[int, int] = dataset.shape
            plain = dataset.dtype == np.dtype("<f4") and dataset.chunks is None
            self._offset = dataset.id.get_offset() if plain else None

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return the rows asked for, (len(rows), n_pixels) float32; `rows` must increase."""
        values = np.empty((len(rows), self.shape[1]), np.float32)
        if self._offset is None:
            self._read_blocks(rows, values)
        else:
            self._read_bytes(rows, values, self._offset)
        return values

    def _read_bytes(self, rows: np.ndarray, values: np.ndarray, offset: int) -> None:
        size = values.strides[0]
        with self.path.open("rb", buffering=0) as file:
            for value, row in zip(values, rows.tolist(), strict=True):
                if os.preadv(file.fileno(), [value.data], offset + row * size) != size:
                    raise InputError(f"{self.path}: {self.name} ends before row {row}; the file is cut off.")

    def _read_blocks(self, rows: np.ndarray, values: np.ndarray) -> None:
        with h5py.File(self.path, "r") as file:
            for start in range(0, self.shape[0], self.block_rows):
                lo, hi = np.searchsorted(rows, [start, start + self.block_rows])
                if lo < hi:
                    first, last = rows[lo], rows[hi - 1] + 1
                    values[lo:hi] = file[self.name][first:last][rows[lo:hi] - first]
