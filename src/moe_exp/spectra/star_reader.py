"""Flux and error of the stars of a file, whatever its datasets are called."""

from pathlib import Path

import numpy as np

from moe_exp.spectra.error_ends import repair_ends
from moe_exp.spectra.files import FLUX, PLAIN, Layout
from moe_exp.spectra.hdf5 import open_hdf5
from moe_exp.spectra.masks import blank, find_masked
from moe_exp.spectra.row_reader import Band, RowReader


class Bands:
    """The last band of each dataset, for readers of several files that are read one after the other."""

    def __init__(self, layout: Layout) -> None:
        self.of = {name: Band() for name in layout.spectra}


class StarReader:
    """Flux, error and masked pixels of the stars of one file.

    Parameters
    ----------
    path : path of the file
    layout : Layout
    bands : Bands, optional
        Shared by readers of several files of this layout.
    turned : bool
        Whether to return pixels in the opposite of the stored order.

    Attributes
    ----------
    n_stars : int
    """

    def __init__(self, path: Path, layout: Layout = PLAIN, bands: Bands | None = None, *, turned: bool = False) -> None:
        self.path, self.layout = path, layout
        bands = bands or Bands(layout)
        self._readers = {name: RowReader(path, name, bands.of[name], turned=turned) for name in layout.spectra}
        self.n_stars = self._readers[FLUX].shape[0]

    def read(self, rows: np.ndarray, *, masked: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """Return flux and repaired error of increasing `rows`, each (len(rows), n_pixels) float32.

        Both are NaN in masked pixels; `masked` says whether there can be any, as it takes time to look.
        """
        flux, stored = self.read_stored(rows)
        error = repair_ends(stored)
        if masked:
            blank(flux, error, self.find_masked(rows, flux, error))
        return flux, error

    def read_stored(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the same as the file has them."""
        flux, stored = (self._readers[name].read(rows) for name in (FLUX, self.layout.uncertainty))
        return flux, to_error(stored) if self.layout.ivar else stored

    def find_masked(self, rows: np.ndarray, flux: np.ndarray, error: np.ndarray) -> np.ndarray:
        """Return which pixels of stars that were read are masked, (len(rows), n_pixels) bool."""
        mask = self.layout.mask
        flags = self._readers[mask].read(rows) if mask else None
        return find_masked(flux, error, flags, self.layout.sentinels)

    def stored_pixel(self, pixel: int) -> int:
        """Return the place in the file of a pixel as it is returned."""
        return self._readers[FLUX].stored_pixel(pixel)

    def stored_values(self, row: int, pixel: int) -> dict[str, float]:
        """Return what the file has of one pixel of a star in each dataset, by name."""
        place = row, self.stored_pixel(pixel)
        with open_hdf5(self.path) as file:
            return {name: float(file[name][place]) for name in self.layout.spectra}


def to_error(ivar: np.ndarray) -> np.ndarray:
    """Return 1-sigma errors of inverse variances; infinite where these are not positive."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(ivar > 0, 1 / np.sqrt(ivar), np.float32(np.inf))
