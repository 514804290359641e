"""A growing set of simulated stars on disk: files of a fixed range of star indices, made once and reused.

A file appears under its name only when it is complete: an interrupted run loses at most the file it was writing.
"""

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from filelock import FileLock

from moe_exp.cache.code import code_digest
from moe_exp.cache.stages import cache_key
from moe_exp.errors import InputError
from moe_exp.machine import require_room
from moe_exp.progress import Advance, Stages
from moe_exp.spectra.files import ERROR, FLUX, read_labels, read_wavelength
from moe_exp.spectra.row_reader import RowReader
from moe_exp.spectra.simulator import CHUNK_SIZE, Simulator, StarChunk, simulate
from moe_exp.spectra.writer import SpectraWriter, write_spectra

log = logging.getLogger(__name__)

CHUNKS_PER_FILE = 40
STARS_PER_FILE = CHUNKS_PER_FILE * CHUNK_SIZE
SPEED_OF_LIGHT_KMS = 299_792.458


class Unfinished(NamedTuple):
    """A file that is to hold stars `first` to `last` (exclusive), and holds those before `done` already."""

    path: Path
    first: int
    done: int
    last: int


class SimulatedFiles:
    """The files of one simulated data set in the cache.

    Parameters
    ----------
    simulator : Simulator
    seed : int
        `data.seed`.
    cache_dir : path
    device : str
        ``cpu`` or ``cuda``: their last bits differ, so each has files of its own.
    """

    def __init__(self, simulator: Simulator, *, seed: int, cache_dir: Path, device: str) -> None:
        self.simulator, self.seed, self.device = simulator, seed, device
        self._identity = {
            "simulator": asdict(simulator),
            "seed": seed,
            "device": device,
            "code": code_digest("moe_exp.spectra.simulator"),
        }
        self.folder = cache_dir / "simulated" / cache_key(self._identity)

    def require(self, n_stars: int, stages: Stages) -> list[Path]:
        """Make the stars that are missing and return the files that hold the first `n_stars` or a few more.

        Raises
        ------
        InputError
            If the disk has too little room for them.
        """
        needed = -(-n_stars // CHUNK_SIZE) * CHUNK_SIZE
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".lock"):
            unfinished = list(self._find_unfinished(needed))
            n_missing = sum(file.last - file.done for file in unfinished)
            if n_missing:
                self._announce(n_missing)
                with stages.stage("simulate", n_missing) as advance:
                    for group in _consecutive(unfinished):
                        self._write(group, advance)
        return [self._path(first) for first in range(0, needed, STARS_PER_FILE)]

    def _path(self, first: int) -> Path:
        return self.folder / f"stars_{first:08d}.h5"

    def _find_unfinished(self, needed: int) -> Iterator[Unfinished]:
        for first in range(0, needed, STARS_PER_FILE):
            path, last = self._path(first), min(first + STARS_PER_FILE, needed)
            done = first + _count_stars(path)
            if done < last:
                yield Unfinished(path, first, done, last)

    def _announce(self, n_stars: int) -> None:
        size = n_stars * bytes_per_star(self.simulator)
        require_room(
            self.folder,
            size,
            "Simulated spectra",
            "Free some room, ask for fewer stars, or name another folder with cache_dir=... or MOE_EXP_CACHE.",
        )
        log.info("writing %.2f GB of simulated spectra (flux and error) to %s", size / 1e9, self.folder)
        (self.folder / "simulator.json").write_text(json.dumps(self._identity, indent=2))

    def _write(self, files: list[Unfinished], advance: Advance) -> None:
        """Write files whose missing stars follow each other; stars that a file holds already are kept."""
        chunks = simulate(self.simulator, seed=self.seed, first=files[0].done, last=files[-1].last, device=self.device)
        for path, first, done, last in files:
            with write_spectra(
                path, wavelength=self.simulator.wavelength, n_stars=last - first, random_order=True
            ) as writer:
                if done > first:
                    rows = np.arange(done - first)
                    writer.add(RowReader(path, FLUX).read(rows), RowReader(path, ERROR).read(rows), read_labels(path))
                write_stars(writer, islice(chunks, (last - done) // CHUNK_SIZE), advance)


def _count_stars(path: Path) -> int:
    """Return how many stars a file of the cache holds; none where it is missing or damaged."""
    if not path.exists():
        return 0
    try:
        read_wavelength(path)
        return RowReader(path, FLUX).shape[0]
    except InputError:
        log.warning("%s is damaged: its stars are made again", path)
        return 0


def _consecutive(files: list[Unfinished]) -> list[list[Unfinished]]:
    """Group files so that one range of stars fills each group."""
    groups: list[list[Unfinished]] = []
    for file in files:
        if groups and groups[-1][-1].last == file.done:
            groups[-1].append(file)
        else:
            groups.append([file])
    return groups


def write_stars(writer: SpectraWriter, chunks: Iterable[StarChunk], advance: Advance) -> None:
    """Add simulated stars to a file, with their redshift and median signal to noise as labels."""
    for labels, flux, error in chunks:
        redshift = labels["rv"] / SPEED_OF_LIGHT_KMS
        writer.add(flux, error, labels.assign(redshift=redshift, snr=np.median(flux / error, axis=1)))
        advance(len(labels))


def bytes_per_star(simulator: Simulator) -> int:
    """Return what flux and error of one star take on disk."""
    return 2 * 4 * simulator.n_pixels
