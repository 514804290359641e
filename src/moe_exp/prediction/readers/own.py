"""HDF5 files of this project, without their labels."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from moe_exp.prediction.readers.block import BLOCK_STARS, Block
from moe_exp.spectra.files import read_grid
from moe_exp.spectra.medium_choice import find_lines
from moe_exp.spectra.star_reader import StarReader


def read_own(path: Path) -> Iterator[Block]:
    """Yield the stars of a file, by the number of their row; they are at rest, as those of a training file are."""
    grid = read_grid(path)
    reader = StarReader(path, turned=grid.descending)
    medium = grid.medium or find_lines([path]).medium
    for start in range(0, reader.n_stars, BLOCK_STARS):
        rows = np.arange(start, min(start + BLOCK_STARS, reader.n_stars))
        flux, _ = reader.read(rows)
        yield Block(list(map(str, rows.tolist())), grid.wavelength, medium, flux, np.zeros(len(rows)))
