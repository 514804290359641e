"""Coadds and spectra of DESI: many targets, three arms, which are joined where they overlap."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from moe_exp.prediction.readers.block import BLOCK_STARS, Block, blank_bad, real, unknown_velocity
from moe_exp.spectra.known_lines import KMS

ARMS = ("B", "R", "Z", "BRZ")


def is_desi(names: set[str]) -> bool:
    """Say by the names of its HDUs whether a file is one."""
    return any({f"{arm}_WAVELENGTH", f"{arm}_FLUX", f"{arm}_IVAR"} <= names for arm in ARMS)


def read_desi(hdus: Any, name: str) -> Iterator[Block]:
    """Yield the targets by their TARGETID; wavelengths are in vacuum."""
    arms = {arm: real(hdus[f"{arm}_WAVELENGTH"].data) for arm in ARMS if f"{arm}_WAVELENGTH" in hdus}
    pixels = _cut(arms)
    wavelength = np.concatenate([arms[arm][kept] for arm, kept in pixels.items()])
    star = [str(each) for each in hdus["FIBERMAP"].data["TARGETID"]]
    velocity = _velocities(hdus, len(star))
    for start in range(0, len(star), BLOCK_STARS):
        rows = slice(start, min(start + BLOCK_STARS, len(star)))
        flux = np.hstack([_read(hdus, arm, rows)[:, kept] for arm, kept in pixels.items()])
        yield Block(star[rows], wavelength, "vacuum", flux, velocity[rows])


def _cut(arms: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return which pixels of each arm are used: up to the middle of what two neighbours share."""
    order = sorted(arms, key=lambda arm: arms[arm][0])
    edges = [-np.inf]
    edges += [(arms[left][-1] + arms[right][0]) / 2 for left, right in zip(order[:-1], order[1:], strict=True)]
    edges.append(np.inf)
    return {arm: (arms[arm] >= edges[i]) & (arms[arm] < edges[i + 1]) for i, arm in enumerate(order)}


def _read(hdus: Any, arm: str, rows: slice) -> np.ndarray:
    """Return the flux of some targets in one arm, NaN in bad pixels."""
    ivar = np.asarray(hdus[f"{arm}_IVAR"].section[rows], float)
    bad = np.asarray(hdus[f"{arm}_MASK"].section[rows]) != 0 if f"{arm}_MASK" in hdus else None
    return blank_bad(hdus[f"{arm}_FLUX"].section[rows], ivar, bad)  # an inverse variance is good where an error is


def _velocities(hdus: Any, n_stars: int) -> np.ndarray:
    """Return what tables of the same rows say: RVTAB's velocity, or a star's redshift."""
    if "RVTAB" in hdus and len(hdus["RVTAB"].data) == n_stars:
        return np.asarray(hdus["RVTAB"].data["VRAD"], float)
    if "REDSHIFTS" in hdus and len(hdus["REDSHIFTS"].data) == n_stars:
        table = hdus["REDSHIFTS"].data
        is_star = np.char.strip(np.asarray(table["SPECTYPE"], str)) == "STAR"
        return np.where(is_star, KMS * np.asarray(table["Z"], float), np.nan)
    return unknown_velocity(n_stars)
