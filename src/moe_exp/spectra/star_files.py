"""Files as one list of stars: their labels, masks and grid, and the spectra of some rows, which are those inspected."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.spectra.checksums import checksum_stars, needed_labels
from moe_exp.spectra.files import PLAIN, Layout, read_joint_grid
from moe_exp.spectra.grids import join_grids
from moe_exp.spectra.inspection import Inspection, forget, inspect
from moe_exp.spectra.masks import Masks
from moe_exp.spectra.star_reader import Bands, StarReader


class StarFiles:
    """Files that together are one list of stars, in the order of the files.

    Parameters
    ----------
    files : list of paths
        Files with the same wavelength grid.
    cache_dir : path
        Where findings about the files are kept.
    advance : callable
        Told the number of stars just inspected.
    star_ids : array of shape (n_stars,), optional
        Which star each row shows; by default each one of its own.
    layout : Layout
        What the files have instead of errors, and what marks bad pixels.

    Attributes
    ----------
    grid : Grid
    labels : DataFrame of n_stars rows
    checksums : array of shape (n_stars,), uint64
    masks : Masks
    n_repaired : int
    star_ids : array of shape (n_stars,), int or str
    """

    def __init__(
        self,
        files: list[Path],
        cache_dir: Path,
        advance: Callable[[int], None] = lambda n: None,
        star_ids: np.ndarray | None = None,
        layout: Layout = PLAIN,
    ) -> None:
        self.files = files
        read_joint_grid(files, layout)  # refuses files that do not fit together before they are read in full
        found: list[Inspection] = [inspect(path, cache_dir, advance, layout) for path in files]
        self.grid = join_grids({str(path): each.grid for path, each in zip(files, found, strict=True)})
        self._found, self._cache_dir = found, cache_dir
        self.labels = pd.concat([each.labels for each in found], ignore_index=True)
        self.checksums = np.concatenate([each.checksums for each in found])
        self.n_repaired = sum(each.n_repaired for each in found)
        self._needed = needed_labels(self.labels)
        bands = Bands(layout)
        self._readers = [
            StarReader(path, layout, bands, turned=each.grid.descending)
            for path, each in zip(files, found, strict=True)
        ]
        self._starts = np.cumsum([0, *(len(each.labels) for each in found)])
        self.masks = Masks.join(
            each.masks.shift(start) for each, start in zip(found, self._starts[:-1].tolist(), strict=True)
        )
        self.star_ids = np.arange(self.n_stars) if star_ids is None else star_ids

    @property
    def n_stars(self) -> int:
        """Number of stars in all files."""
        return int(self._starts[-1])

    def locate(self, row: int) -> str:
        """Say where a row of this list is stored."""
        number = self._file_of(row)
        return f"{self.files[number]}, row {row - self._starts[number]}"

    def look_at_masked(self, row: int) -> tuple[int, dict[str, float]]:
        """Return the first masked pixel of a row, and what the file has there of each dataset, by name."""
        number, pixel = self._file_of(row), self.masks.first_pixel(row)
        reader = self._readers[number]
        return reader.stored_pixel(pixel), reader.stored_values(row - int(self._starts[number]), pixel)

    def _file_of(self, row: int) -> int:
        return int(np.searchsorted(self._starts, row, side="right")) - 1

    def read(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return flux and repaired error of increasing `rows`, each (len(rows), n_pixels) float32, NaN where masked.

        Raises
        ------
        InputError
            If a star is not the one that was inspected.
        """
        cuts = pairwise(np.searchsorted(rows, self._starts).tolist())
        parts = [self._read_file(number, rows[lo:hi]) for number, (lo, hi) in enumerate(cuts) if lo < hi]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate([flux for flux, _ in parts]), np.concatenate([error for _, error in parts])

    def _read_file(self, number: int, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        reader, local = self._readers[number], rows - self._starts[number]
        flux, error = reader.read(local, masked=bool(self.masks.hold(rows).any()))
        wrong = np.flatnonzero(checksum_stars(self._needed[rows], flux, error) != self.checksums[rows])
        if len(wrong):
            forget(self._found[number], self._cache_dir)
            raise InputError(
                Code.FILE_CHANGED,
                f"{self.files[number]}: {len(wrong)} of {len(rows)} stars just read are not those that were checked "
                f"(first: row {local[wrong[0]]}): the file was exchanged, or its disk fails. The run ends here, and "
                f"nothing of these stars is kept. Start it again: the file is then checked anew.",
            )
        return flux, error
