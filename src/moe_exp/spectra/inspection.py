"""One look at every value of a file before any work starts: is it usable, and which stars does it hold.

A file is read in full once; what was found is kept beside the other caches and trusted while the file stays the same,
and for as long as the stars that are read later are those that were found.
"""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from moe_exp.cache.code import code_digest
from moe_exp.cache.stages import StageCache
from moe_exp.errors import InputError
from moe_exp.machine import usable_cores
from moe_exp.spectra.checksums import check_stored, checksum_stars, needed_labels
from moe_exp.spectra.file_state import Watch, identify
from moe_exp.spectra.files import ERROR, FLUX, in_random_order, read_grid
from moe_exp.spectra.grids import Grid
from moe_exp.spectra.hdf5 import open_hdf5
from moe_exp.spectra.labels import read_labels
from moe_exp.spectra.plausibility import LARGEST, SMALLEST, Fault, add_faults, find_faults
from moe_exp.spectra.repair import MAX_REPAIRED, repair_ends
from moe_exp.spectra.row_reader import RowReader

log = logging.getLogger(__name__)

BLOCK_ROWS = 256


class Inspection(NamedTuple):
    """What one look at a file found."""

    grid: Grid
    labels: pd.DataFrame
    """n_stars rows: teff [K], logg [dex], m_h [dex] and whatever else the table holds"""
    checksums: np.ndarray
    """(n_stars,) uint64 digest of each star's flux, error and labels"""
    n_repaired: int
    """NaN pixels at the ends of error vectors that are repaired when read"""
    identity: Mapping[str, str]
    """What the findings are kept under"""


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
    identity = {"file": identify(path), "code": code_digest(__name__)}
    done = 0

    def count(stars: int) -> None:
        nonlocal done
        done += stars
        advance(stars)

    inspection = _kept(cache_dir).get("inspected", identity, lambda: _read_in_full(path, identity, count))
    if not done:
        advance(len(inspection.labels))
    if inspection.n_repaired:
        log.info("%s: %d NaN at the ends of error vectors, repaired when read", path, inspection.n_repaired)
    return inspection


def forget(inspection: Inspection, cache_dir: Path) -> None:
    """Trust an inspection no more: what was read since is not what it found."""
    _kept(cache_dir).discard("inspected", inspection.identity)


def _kept(cache_dir: Path) -> StageCache:
    return StageCache(cache_dir, limit_gb=math.inf, quiet=True)


def _read_in_full(path: Path, identity: Mapping[str, str], advance: Callable[[int], None]) -> Inspection:
    watch = Watch(path)
    grid = read_grid(path)
    labels = read_labels(path)
    flux, error = (RowReader(path, name, turned=grid.descending) for name in (FLUX, ERROR))
    n_stars = flux.shape[0]
    if len(labels) != n_stars:
        raise InputError(f"{path}: {len(labels)} rows of labels, but {n_stars} spectra in {FLUX}; they must match.")
    needed, checksums = needed_labels(labels), np.zeros(n_stars, np.uint64)

    def look(first: int) -> tuple[int, list[Fault]]:
        rows = np.arange(first, min(first + BLOCK_ROWS, n_stars))
        flux_block, raw = flux.read(rows), error.read(rows)
        error_block = repair_ends(raw)
        checksums[rows] = checksum_stars(needed[rows], flux_block, error_block)
        advance(len(rows))
        return int(np.isnan(raw).sum()), find_faults(flux_block, error_block, first)

    with ThreadPoolExecutor(usable_cores()) as threads:
        looks = list(threads.map(look, range(0, n_stars, BLOCK_ROWS)))
    check_stored(path, checksums, grid=grid, labels=labels, random_order=in_random_order(path))
    faults = add_faults(fault for _, faults in looks for fault in faults)
    _refuse(path, [fault._replace(pixel=flux.stored_pixel(fault.pixel)) for fault in faults])
    watch.check()
    return Inspection(grid, labels, checksums, sum(repaired for repaired, _ in looks), identity)


def _refuse(path: Path, faults: Sequence[Fault]) -> None:
    """Raise `InputError` if anything is wrong with a file's values, saying it all at once."""
    if not faults:
        return
    with open_hdf5(path) as file:
        found = [_describe(fault, float(file[fault.dataset][fault.row, fault.pixel])) for fault in faults]
    raise InputError(
        f"{path}: {'; '.join(found)}. Only NaN in the first or last {MAX_REPAIRED} pixels of an error are repaired: "
        f"mend these stars or remove them."
    )


def _describe(fault: Fault, value: float) -> str:
    """Say what is wrong, where first, and the value as the file has it."""
    where = f"{fault.n_stars:,} star(s), first in row {fault.row}, pixel {fault.pixel}"
    outside = np.isfinite(value) and value != 0 and not SMALLEST <= abs(value) <= LARGEST
    unit = ", beyond the range of float32, 1e-38 to 3e38: give all in another unit" if outside else ""
    return f"{fault.dataset} {fault.problem} in {where} ({value:g}{unit})"
