"""Small files that people write themselves: a spectrum as CSV, or some as NPZ."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.prediction.readers.block import Block, blank_bad, real, unknown_velocity
from moe_exp.spectra.grids import interpret_grid
from moe_exp.spectra.medium import MEDIUM

WAVELENGTH, FLUX, ERROR, MASK, VELOCITY, STAR = "wavelength", "flux", "error", "mask", "velocity", "star"


def read_csv(path: Path) -> Iterator[Block]:
    """Yield the one spectrum of a table with the columns wavelength, flux and, if it has them, error and mask."""
    table = pd.read_csv(path, comment="#", skipinitialspace=True)
    table.columns = [str(name).strip().lower() for name in table.columns]
    yield _block({name: table[name].to_numpy() for name in table.columns}, path)


def read_npz(path: Path) -> Iterator[Block]:
    """Yield the spectra of arrays wavelength (n_pixels,), flux (n_stars, n_pixels) and, if they are there, of others.

    These are error and mask, as flux; velocity [km/s] and star, (n_stars,); medium, ``air`` or ``vacuum``.
    """
    with (
        path.open("rb") as file,
        np.load(file, allow_pickle=False) as stored,
    ):
        yield _block(dict(stored), path)


def _block(found: dict[str, Any], path: Path) -> Block:
    missing = sorted({WAVELENGTH, FLUX} - set(found))
    if missing:
        raise InputError(
            Code.SPECTRA_UNREADABLE, f"it has no {' and no '.join(missing)}, only {', '.join(found) or 'nothing'}."
        )
    attributes = {MEDIUM: found[MEDIUM]} if MEDIUM in found else {}
    grid = interpret_grid(real(found[WAVELENGTH]), attributes, str(path))
    spectra = {name: np.atleast_2d(found[name]) for name in (FLUX, ERROR, MASK) if name in found}
    shapes = {name: each.shape for name, each in spectra.items()}
    if len(set(shapes.values())) > 1 or spectra[FLUX].shape[1:] != grid.wavelength.shape:
        said = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise InputError(Code.SPECTRA_UNREADABLE, f"shapes do not match: {said}, {WAVELENGTH} {grid.wavelength.shape}.")
    flux = blank_bad(spectra[FLUX], spectra.get(ERROR), spectra.get(MASK))
    n_stars = len(flux)
    velocity = np.atleast_1d(real(found[VELOCITY])) if VELOCITY in found else unknown_velocity(n_stars)
    star = [str(each) for each in np.atleast_1d(found[STAR])] if STAR in found else _names(path, n_stars)
    return Block(star, grid.wavelength, grid.medium, flux[:, ::-1] if grid.descending else flux, velocity)


def _names(path: Path, n_stars: int) -> list[str]:
    return [path.stem] if n_stars == 1 else list(map(str, range(n_stars)))
