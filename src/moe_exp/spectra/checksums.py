"""Checksums of stars: which star a spectrum is, and whether its bytes are still those that were written.

A file may carry them: `writer` stores one a star, and one of the rest.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from xxhash import xxh3_64

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.spectra.grids import Grid
from moe_exp.spectra.hdf5 import open_hdf5

CHECKSUMS = "dataset/checksums"
FRAME = "checksum_of_labels_wavelength_and_order"
"""The attribute of `CHECKSUMS` for what is no spectrum."""


class StoredChecksums(NamedTuple):
    """What a file says that it holds."""

    stars: np.ndarray
    """(n_stars,) uint64, from `checksum_stars`"""
    frame: int
    """From `checksum_frame`: all that is no spectrum"""


def needed_labels(labels: pd.DataFrame) -> np.ndarray:
    """Return teff, logg and m_h of stars, (n_stars, 3), as their checksums see them."""
    return labels[["teff", "logg", "m_h"]].to_numpy("<f8")


def checksum_stars(needed: np.ndarray, flux: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Digest stars by XXH3 [1]_: it is faster than memory, and two of a million stars agree by chance once in 4e7 sets.

    Parameters
    ----------
    needed : array of shape (n_stars, 3)
        From `needed_labels`.
    flux, error : arrays of shape (n_stars, n_pixels)
        The error with repaired ends.

    Returns
    -------
    array of shape (n_stars,), uint64

    References
    ----------
    .. [1] https://xxhash.com
    """
    flux, error = (np.ascontiguousarray(values, "<f4") for values in (flux, error))
    return np.fromiter(map(_checksum_star, needed, flux, error), np.uint64, len(needed))


def _checksum_star(needed: np.ndarray, flux: np.ndarray, error: np.ndarray) -> int:
    state = xxh3_64(needed.tobytes())
    state.update(flux.data)
    state.update(error.data)
    return state.intdigest()


def checksum_frame(grid: Grid, labels: pd.DataFrame, *, random_order: bool) -> int:
    """Digest what a file holds besides spectra: wavelengths, labels that are numbers, whether in random order."""
    state = xxh3_64(np.ascontiguousarray(grid.wavelength, "<f8").data)
    state.update((grid.medium or "").encode())
    state.update(bytes([random_order]))
    for name in sorted(labels.select_dtypes("number").columns.astype(str)):
        state.update(f"{name}\n".encode())
        state.update(np.ascontiguousarray(labels[name], "<f8").data)
    return state.intdigest()


def read_checksums(path: Path) -> StoredChecksums | None:
    """Return the checksums that a file carries; None if it carries none."""
    with open_hdf5(path) as file:
        if CHECKSUMS not in file:
            return None
        stored = file[CHECKSUMS]
        return StoredChecksums(stored[()], int(stored.attrs[FRAME]))


def check_stored(path: Path, stars: np.ndarray, *, grid: Grid, labels: pd.DataFrame, random_order: bool) -> None:
    """Refuse a file that carries checksums of something else than what was found in it.

    Parameters
    ----------
    path : path of the file
    stars : array of shape (n_stars,)
        From `checksum_stars`.
    grid, labels, random_order
        As for `checksum_frame`.

    Raises
    ------
    InputError
        Saying how many stars differ, and what to do.
    """
    stored = read_checksums(path)
    if stored is None:
        return
    same = stored.stars == stars if stored.stars.shape == stars.shape else np.zeros(len(stars), bool)
    differ = []
    if not same.all():
        differ.append(f"{(~same).sum()} of {len(same)} stars (first: row {np.argmin(same)})")
    if stored.frame != checksum_frame(grid, labels, random_order=random_order):
        differ.append("the labels, the wavelength or the mark of random order")
    if differ:
        raise InputError(
            Code.FILE_DAMAGED,
            f"{path}: {' and '.join(differ)} differ from the checksums that were stored when the file was written. The "
            f"file is damaged: write or copy it anew. If it was changed on purpose, remove the dataset {CHECKSUMS}.",
        )
