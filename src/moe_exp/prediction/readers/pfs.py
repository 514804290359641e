"""PFS: pfsSingle and pfsObject (one object), pfsCoadd and pfsCalibrated (many), of 2019 and of today.

Flux is in nJy (per frequency), wavelengths are in nm and in vacuum. Where lengths differ, flux, mask and wavelength of
many objects are tables with a column ``value``, and covariances with columns ``row_0`` to ``row_2``.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.prediction.readers.block import BLOCK_STARS, Block, blank_bad, check_wavelength, unknown_velocity

NM = 10.0
"""Å"""

BAD = ("BAD", "SAT", "CR", "NO_DATA", "BAD_FLAT", "BAD_FLUXCAL", "BAD_SKY", "UNMASKEDNAN", "INTRP", "NOT_CONVERGED")
"""Names of flags, where the header names them, that make a pixel bad; without names, any flag does."""

PREFIX = "MP_"


def is_pfs(names: set[str]) -> bool:
    """Say by the names of its HDUs whether a file is one."""
    return {"FLUX", "MASK", "COVAR"} <= names


def read_pfs(hdus: Any, name: str) -> Iterator[Block]:
    """Yield the objects by their targetId or objId."""
    if _is_table(hdus["FLUX"]) or hdus["FLUX"].header["NAXIS"] == 2:
        yield from _read_many(hdus)
    else:
        flux = _to_per_angstrom(hdus["FLUX"].data, hdus["COVAR"].data[0], hdus["MASK"].data, hdus, _wavelength(hdus))
        yield Block([_name_one(hdus, name)], _wavelength(hdus), "vacuum", flux[None], unknown_velocity(1))


def _read_many(hdus: Any) -> Iterator[Block]:
    """Yield many objects: together, where one array of wavelengths serves all, else one by one."""
    star = _names(hdus["TARGET"].data)
    n_stars, together = len(star), not _is_table(hdus["FLUX"]) and hdus["WAVELENGTH"].header["NAXIS"] == 1
    wavelength = _wavelength(hdus) if together else np.empty(0)
    for start in range(0, n_stars, BLOCK_STARS if together else 1):
        rows = slice(start, min(start + BLOCK_STARS, n_stars)) if together else slice(start, start + 1)
        grid = wavelength if together else NM * np.asarray(_rows(hdus["WAVELENGTH"], rows), float)[0]
        variance = _rows(hdus["COVAR"], rows, "row_0")
        variance = variance[:, 0] if variance.ndim == 3 else variance
        flux = _to_per_angstrom(_rows(hdus["FLUX"], rows), variance, _rows(hdus["MASK"], rows), hdus, grid)
        yield Block(star[rows], grid, "vacuum", flux, unknown_velocity(len(flux)))


def _rows(hdu: Any, rows: slice, column: str = "value") -> np.ndarray:
    """Return some objects' values, of an image or of a table with a column."""
    return np.stack(list(hdu.data[column][rows])) if _is_table(hdu) else np.asarray(hdu.section[rows])


def _to_per_angstrom(
    flux: np.ndarray, variance: np.ndarray, mask: np.ndarray, hdus: Any, wavelength: np.ndarray
) -> np.ndarray:
    """Return flux per Å, in a unit of its own, of flux per frequency; NaN in bad pixels."""
    check_wavelength(wavelength)
    scale = (wavelength / wavelength.mean()) ** 2
    return blank_bad(flux, np.asarray(variance, float), (np.asarray(mask) & _bad_bits(hdus)) != 0) / scale


def _bad_bits(hdus: Any) -> int:
    header = hdus["MASK"].header
    named = {str(card).removeprefix(PREFIX): int(header[card]) for card in header if str(card).startswith(PREFIX)}
    bits = [1 << bit for name, bit in named.items() if name in BAD]
    return int(np.bitwise_or.reduce(bits)) if bits else -1


def _wavelength(hdus: Any) -> np.ndarray:
    """Return the wavelengths [Å] of all objects: an image of its own, or the cards of the flux."""
    if "WAVELENGTH" in hdus:
        return NM * np.asarray(hdus["WAVELENGTH"].data, float)
    header = hdus["FLUX"].header
    if "CRVAL1" not in header:
        raise InputError(
            Code.SPECTRA_UNREADABLE, "it is a file of PFS, but neither WAVELENGTH nor CRVAL1 of FLUX tells wavelengths."
        )
    step = header.get("CD1_1", header.get("CDELT1"))
    return NM * (header["CRVAL1"] + step * (np.arange(header["NAXIS1"]) + 1 - header["CRPIX1"]))


def _name_one(hdus: Any, name: str) -> str:
    for place in ("TARGET", 0):
        if place in hdus and "OBJID" in hdus[place].header:
            return str(hdus[place].header["OBJID"])
    return name


def _names(target: Any) -> list[str]:
    columns = {str(each).lower(): each for each in target.names}
    column = columns.get("targetid") or columns.get("objid")
    return [str(each) for each in target[column]] if column else list(map(str, range(len(target))))


def _is_table(hdu: Any) -> bool:
    return hasattr(hdu, "columns")
