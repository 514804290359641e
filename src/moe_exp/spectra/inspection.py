"""One look at every value of a file before any work starts: is it usable, and which stars does it hold.

A file is read in full once; what was found is kept beside the other caches and trusted while the file's size and time
of change stay the same.
"""

import hashlib
import logging
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from moe_exp.cache.code import code_digest
from moe_exp.cache.stages import StageCache
from moe_exp.errors import InputError
from moe_exp.machine import usable_cores
from moe_exp.spectra.files import ERROR, FLUX, read_labels, read_wavelength
from moe_exp.spectra.row_reader import RowReader

log = logging.getLogger(__name__)

MAX_REPAIRED = 8
"""Most pixels at either end of an error vector that may be NaN and are repaired."""

BLOCK_ROWS = 256


class Inspection(NamedTuple):
    """What one look at a file found."""

    labels: pd.DataFrame
    """n_stars rows: teff [K], logg [dex], m_h [dex] and whatever else the table holds"""
    checksums: np.ndarray
    """(n_stars,) uint64 digest of each star's flux, error and labels"""
    n_repaired: int
    """NaN pixels at the ends of error vectors that are repaired when read"""


def repair_ends(error: np.ndarray) -> np.ndarray:
    """Return `error` (n_stars, n_pixels) with NaN at the ends replaced by the nearest finite pixel of the same star."""
    ends = np.r_[:MAX_REPAIRED, -MAX_REPAIRED:0]
    if not np.isnan(error[:, ends]).any():
        return error
    error = error.copy()
    for flipped in (error, error[:, ::-1]):
        edge = flipped[:, : MAX_REPAIRED + 1]
        for pixel in range(MAX_REPAIRED - 1, -1, -1):
            missing = np.isnan(edge[:, pixel])
            edge[missing, pixel] = edge[missing, pixel + 1]
    return error


def check_flux(flux: np.ndarray, path: Path, first_row: int) -> None:
    """Raise `InputError` if any flux of a block is NaN or infinite."""
    good = np.isfinite(flux)
    if not good.all():
        row, pixel = np.argwhere(~good)[0]
        raise InputError(
            f"{path}: {FLUX} has NaN or infinite values in {(~good).any(axis=1).sum()} of the {len(flux)} stars from "
            f"row {first_row} on (first: row {first_row + row}, pixel {pixel}); remove or mend these stars."
        )


def check_error(error: np.ndarray, path: Path, first_row: int) -> None:
    """Raise `InputError` if any error of a block, ends already repaired, is not positive and finite."""
    bad = ~((error > 0) & np.isfinite(error))
    if bad.any():
        row, pixel = np.argwhere(bad)[0]
        raise InputError(
            f"{path}: {ERROR} is not positive and finite in {bad.any(axis=1).sum()} of the {len(error)} stars from row "
            f"{first_row} on (first: row {first_row + row}, pixel {pixel}, value {error[row, pixel]}); only NaN in the "
            f"first or last {MAX_REPAIRED} pixels are repaired."
        )


def inspect(path: Path, cache_dir: Path, advance: Callable[[int], None] = lambda n: None) -> Inspection:
    """Check every value of a file and digest every star, or recall what was found when the file was last seen.

    Parameters
    ----------
    path : path of the file
    cache_dir : path
        Where findings are kept.
    advance : callable
        Told the number of stars just done.

    Raises
    ------
    InputError
        If anything in the file cannot be used.
    """
    stat = path.stat()
    identity = {"file": f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}", "code": code_digest(__name__)}
    done = 0

    def count(stars: int) -> None:
        nonlocal done
        done += stars
        advance(stars)

    kept = StageCache(cache_dir, limit_gb=math.inf, quiet=True)
    inspection = kept.get("inspected", identity, lambda: _read_in_full(path, count))
    if not done:
        advance(len(inspection.labels))
    if inspection.n_repaired:
        log.info("%s: %d NaN at the ends of error vectors, repaired when read", path, inspection.n_repaired)
    return inspection


def _read_in_full(path: Path, advance: Callable[[int], None]) -> Inspection:
    read_wavelength(path)
    labels = read_labels(path)
    flux, error = RowReader(path, FLUX), RowReader(path, ERROR)
    n_stars = flux.shape[0]
    if len(labels) != n_stars:
        raise InputError(f"{path}: {len(labels)} rows of labels, but {n_stars} spectra in {FLUX}; they must match.")
    values = labels[["teff", "logg", "m_h"]].to_numpy("<f8")

    def look(first: int) -> tuple[list[bytes], int]:
        rows = np.arange(first, min(first + BLOCK_ROWS, n_stars))
        flux_block, raw = flux.read(rows), error.read(rows)
        check_flux(flux_block, path, first)
        error_block = repair_ends(raw)
        check_error(error_block, path, first)
        digests = [
            hashlib.blake2b(label.tobytes() + star.tobytes() + sigma.tobytes(), digest_size=8).digest()
            for label, star, sigma in zip(values[rows], flux_block, error_block, strict=True)
        ]
        advance(len(rows))
        return digests, int(np.isnan(raw).sum())

    with ThreadPoolExecutor(usable_cores()) as threads:
        looks = list(threads.map(look, range(0, n_stars, BLOCK_ROWS)))
    checksums = np.frombuffer(b"".join(digest for digests, _ in looks for digest in digests), "<u8")
    return Inspection(labels, checksums, sum(repaired for _, repaired in looks))
