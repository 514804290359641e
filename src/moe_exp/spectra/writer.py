"""Files of the layout that `files` reads, written star by star."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from moe_exp.cache.atomic import complete_file
from moe_exp.spectra.checksums import CHECKSUMS, FRAME, checksum_frame, checksum_stars, needed_labels
from moe_exp.spectra.error_ends import repair_ends
from moe_exp.spectra.files import ERROR, FILE_LABELS, FLUX, LABELS, RANDOM_ORDER, WAVELENGTH, read_grid
from moe_exp.spectra.labels import read_labels
from moe_exp.spectra.medium import MEDIUM, Medium


class SpectraWriter:
    """Takes the stars of one file, some at a time; see `write_spectra`.

    Parameters
    ----------
    file : h5py.File
        Open, with room for the stars.
    """

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self.labels: list[pd.DataFrame] = []
        self.checksums: list[np.ndarray] = []
        self.n_written = 0

    def add(self, flux: np.ndarray, error: np.ndarray, labels: pd.DataFrame) -> None:
        """Append stars: flux and error (n, n_pixels), and n rows of labels with teff, logg, m_h and any others."""
        rows = slice(self.n_written, self.n_written + len(flux))
        self._file[FLUX][rows], self._file[ERROR][rows] = flux, error
        self.checksums.append(checksum_stars(needed_labels(labels), flux, repair_ends(error)))
        self.labels.append(labels.rename(columns={ours: theirs for theirs, ours in FILE_LABELS.items()}))
        self.n_written = rows.stop


@contextmanager
def write_spectra(
    path: Path, *, wavelength: np.ndarray, medium: Medium, n_stars: int, random_order: bool
) -> Iterator[SpectraWriter]:
    """Write one file of this layout with its checksums; it appears under its name only when it is complete.

    Parameters
    ----------
    path : path of the file
    wavelength : array of shape (n_pixels,)
        Å, increasing.
    medium : ``air`` or ``vacuum``
        What the wavelengths are in; the file says so.
    n_stars : int
        How many stars the file will hold.
    random_order : bool
        Whether the stars are independent draws: then splits are taken in the stored order.

    Raises
    ------
    ValueError
        If another number of stars was added.
    """
    with complete_file(path) as partial:
        with h5py.File(partial, "w") as file:
            file[WAVELENGTH] = wavelength
            file[WAVELENGTH].attrs[MEDIUM] = medium
            file.attrs[RANDOM_ORDER] = int(random_order)
            for name in (FLUX, ERROR):
                file.create_dataset(name, (n_stars, len(wavelength)), "<f4")
            writer = SpectraWriter(file)
            yield writer
        if writer.n_written != n_stars:
            raise ValueError(f"{path}: {writer.n_written} of {n_stars} stars were added")
        labels = pd.concat(writer.labels, ignore_index=True)
        labels.to_hdf(partial, key=LABELS, format="table", mode="a", index=False)
        frame = checksum_frame(read_grid(partial), read_labels(partial), random_order=random_order)
        with h5py.File(partial, "a") as file:
            file[CHECKSUMS] = np.concatenate(writer.checksums)
            file[CHECKSUMS].attrs[FRAME] = np.uint64(frame)
