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
from moe_exp.cache.codec import storable
from moe_exp.cache.stages import StageCache
from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.machine import usable_cores
from moe_exp.spectra.checksums import check_stored, checksum_stars, needed_labels
from moe_exp.spectra.error_ends import repair_ends
from moe_exp.spectra.file_state import Watch, identify
from moe_exp.spectra.files import FLUX, PLAIN, Layout, in_random_order, read_grid
from moe_exp.spectra.grids import Grid
from moe_exp.spectra.labels import read_labels
from moe_exp.spectra.masks import Masks, blank
from moe_exp.spectra.plausibility import Fault, add_faults, describe_value, find_faults
from moe_exp.spectra.star_reader import StarReader

log = logging.getLogger(__name__)

BLOCK_ROWS = 256


class Look(NamedTuple):
    """What was found in some stars of a file."""

    masks: Masks
    n_repaired: int
    faults: list[Fault]


@storable
class Inspection(NamedTuple):
    """What one look at a file found."""

    grid: Grid
    labels: pd.DataFrame
    """n_stars rows: teff [K], logg [dex], m_h [dex] and whatever else the table holds"""
    checksums: np.ndarray
    """(n_stars,) uint64 digest of each star's flux, error and labels, with NaN in masked pixels"""
    masks: Masks
    n_repaired: int
    """NaN pixels at the ends of error vectors that are repaired when read"""
    identity: Mapping[str, str]
    """What the findings are kept under"""


def inspect(
    path: Path, cache_dir: Path, advance: Callable[[int], None] = lambda n: None, layout: Layout = PLAIN
) -> Inspection:
    """Check every value of a file and digest every star, or recall what was found when the file was last seen.

    Parameters
    ----------
    path : path of the file
    cache_dir : path
        Where findings are kept.
    advance : callable
        Told the number of stars just done.
    layout : Layout

    Raises
    ------
    InputError
        If anything in the file cannot be used; masked pixels can.
    """
    identity = {"file": identify(path, layout.datasets), "layout": repr(layout), "code": code_digest(__name__)}
    done = 0

    def count(stars: int) -> None:
        nonlocal done
        done += stars
        advance(stars)

    inspection = _kept(cache_dir).get("inspected", identity, lambda: _read_in_full(path, layout, identity, count))
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


def _read_in_full(
    path: Path, layout: Layout, identity: Mapping[str, str], advance: Callable[[int], None]
) -> Inspection:
    watch = Watch(path, layout.datasets)
    grid = read_grid(path, layout)
    labels = read_labels(path)
    reader = StarReader(path, layout, turned=grid.descending)
    n_stars = reader.n_stars
    if len(labels) != n_stars:
        raise InputError(
            Code.DATASETS_UNFIT, f"{path}: {len(labels)} rows of labels, but {n_stars} spectra; they must match."
        )
    needed = needed_labels(labels)
    written, checksums = np.zeros((2, n_stars), np.uint64)

    def look(first: int) -> Look:
        rows = np.arange(first, min(first + BLOCK_ROWS, n_stars))
        flux, stored = reader.read_stored(rows)
        error = repair_ends(stored)
        n_repaired = 0 if error is stored else int(np.isnan(stored).sum() - np.isnan(error).sum())
        masked = reader.find_masked(rows, flux, error)
        written[rows] = checksums[rows] = checksum_stars(needed[rows], flux, error)
        if masked.any():
            blank(flux, error, masked)
            checksums[rows] = checksum_stars(needed[rows], flux, error)
        advance(len(rows))
        return Look(Masks.of(masked, first), n_repaired, find_faults(flux, error, first))

    with ThreadPoolExecutor(usable_cores()) as threads:
        looks = list(threads.map(look, range(0, n_stars, BLOCK_ROWS)))
    check_stored(path, written, grid=grid, labels=labels, random_order=in_random_order(path))
    _refuse(reader, add_faults(fault for each in looks for fault in each.faults))
    watch.check()
    masks = Masks.join(each.masks for each in looks)
    return Inspection(grid, labels, checksums, masks, sum(each.n_repaired for each in looks), identity)


def _refuse(reader: StarReader, faults: Sequence[Fault]) -> None:
    """Raise `InputError` if anything is wrong with a file's values, saying it all at once."""
    if faults:
        found = "; ".join(_describe(reader, fault) for fault in faults)
        raise InputError(
            Code.IMPOSSIBLE_SPECTRUM,
            f"{reader.path}: {found}. Mend or remove these stars; or, if such values mark bad pixels, have these "
            f"masked: name the value of their flux as data.sentinel, or a dataset of flags as data.mask.",
        )


def _describe(reader: StarReader, fault: Fault) -> str:
    """Say what is wrong, where first, and the value as the file has it."""
    dataset = FLUX if fault.dataset == FLUX else reader.layout.uncertainty
    value = reader.stored_values(fault.row, fault.pixel)[dataset]
    return (
        f"{dataset} {fault.problem} in {fault.n_stars:,} star(s), first in row {fault.row}, "
        f"pixel {reader.stored_pixel(fault.pixel)} ({describe_value(value)})"
    )
