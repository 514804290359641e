"""A growing set of simulated stars on disk: files of a range of star indices each, made once and reused.

A file appears under its name only when it is complete: an interrupted run loses at most the file it was writing. More
stars come in files of their own, since other runs may be reading those that are there; only a damaged file is replaced.
"""

import json
import logging
import re
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from filelock import FileLock

from moe_exp.cache.code import code_digest
from moe_exp.cache.private import make_private
from moe_exp.cache.stages import cache_key
from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.machine import require_room
from moe_exp.progress import Advance, Stages
from moe_exp.spectra.checksums import read_checksums
from moe_exp.spectra.file_state import FileState
from moe_exp.spectra.files import read_grid
from moe_exp.spectra.inspection import inspect
from moe_exp.spectra.medium import Medium
from moe_exp.spectra.simulator import CHUNK_SIZE, Simulator, StarChunk, simulate
from moe_exp.spectra.writer import SpectraWriter, write_spectra

log = logging.getLogger(__name__)

CHUNKS_PER_FILE = 40
STARS_PER_FILE = CHUNKS_PER_FILE * CHUNK_SIZE
STARS_FILE = re.compile(r"stars_(\d+)_(\d+)\.h5")
SIMULATED_MEDIUM: Medium = "air"
SPEED_OF_LIGHT_KMS = 299_792.458


class Part(NamedTuple):
    """One file of the set: it holds stars `first` to `last` (exclusive)."""

    path: Path
    first: int
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
        self._cache_dir = cache_dir

    def require(self, n_stars: int, stages: Stages) -> list[Path]:
        """Make the stars that are missing or damaged; return the files of the first `n_stars` or a few more, inspected.

        Raises
        ------
        InputError
            If the disk has too little room for them.
        """
        make_private(self.folder)
        with self._lock():
            parts = self._divide(-(-n_stars // CHUNK_SIZE) * CHUNK_SIZE)
            self._make([part for part in parts if not _is_whole(part)], stages)
        with stages.stage("inspect", sum(part.last - part.first for part in parts)) as advance:
            states = {part: FileState.of(part.path) for part in parts}
            damaged = [part for part in parts if not self._holds_its_stars(part, advance)]
        if damaged:
            with self._lock():
                self._make([part for part in damaged if FileState.of(part.path) == states[part]], stages)
        return [part.path for part in parts]

    def _lock(self) -> FileLock:
        return FileLock(self.folder / ".lock")

    def _divide(self, needed: int) -> list[Part]:
        """Cover stars 0 to `needed` by the files that are there, and by new ones in between and behind."""
        found = map(STARS_FILE.fullmatch, sorted(path.name for path in self.folder.iterdir()))
        there = {int(name[1]): int(name[2]) for name in found if name}
        parts: list[Part] = []
        first = 0
        while first < needed:
            boundary = (first // STARS_PER_FILE + 1) * STARS_PER_FILE
            last = there.get(first) or min(needed, boundary, *(start for start in there if start > first))
            parts.append(Part(self.folder / f"stars_{first:08d}_{last:08d}.h5", first, last))
            first = last
        return parts

    def _make(self, parts: list[Part], stages: Stages) -> None:
        n_stars = sum(part.last - part.first for part in parts)
        if parts:
            self._announce(n_stars)
            with stages.stage("simulate", n_stars) as advance:
                for group in _consecutive(parts):
                    self._write(group, advance)

    def _announce(self, n_stars: int) -> None:
        size = n_stars * bytes_per_star(self.simulator)
        require_room(
            self.folder,
            size,
            "Simulated spectra",
            "Free some room, ask for fewer stars, or name another folder with cache_dir=... or MOE_EXP_CACHE.",
        )
        log.info("writing %.2f GB of simulated spectra (flux and error) to %s", size / 1e9, self.folder)
        (self.folder / "simulator.json").write_text(json.dumps(self._identity, indent=2), encoding="utf-8")

    def _write(self, parts: list[Part], advance: Advance) -> None:
        """Write files whose stars follow each other."""
        chunks = simulate(self.simulator, seed=self.seed, first=parts[0].first, last=parts[-1].last, device=self.device)
        for path, first, last in parts:
            with write_simulated(path, self.simulator, last - first) as writer:
                write_stars(writer, islice(chunks, (last - first) // CHUNK_SIZE), advance)

    def _holds_its_stars(self, part: Part, advance: Advance) -> bool:
        """Hold every star of a file to the checksum that was stored when it was made."""
        try:
            inspect(part.path, self._cache_dir, advance)
        except InputError as damage:
            _warn_of_damage(part.path, damage)
            return False
        return True


def _is_whole(part: Part) -> bool:
    """Say whether a file is there with all its stars and their checksums, as far as one look at its head tells."""
    if not part.path.exists():
        return False
    try:
        read_grid(part.path)
        stored = read_checksums(part.path)
        if stored is None or len(stored.stars) != part.last - part.first:
            raise InputError(Code.FILE_DAMAGED, f"{part.path} lacks checksums of {part.last - part.first} stars.")
    except InputError as damage:
        _warn_of_damage(part.path, damage)
        return False
    return True


def _warn_of_damage(path: Path, damage: InputError) -> None:
    log.warning("%s is damaged: its stars are made again (%s)", path, damage)


def _consecutive(parts: list[Part]) -> list[list[Part]]:
    """Group files so that one range of stars fills each group."""
    groups: list[list[Part]] = []
    for part in parts:
        if groups and groups[-1][-1].last == part.first:
            groups[-1].append(part)
        else:
            groups.append([part])
    return groups


def write_simulated(path: Path, simulator: Simulator, n_stars: int) -> AbstractContextManager[SpectraWriter]:
    """Write one file of simulated stars, whose wavelengths are in air; see `write_spectra`."""
    return write_spectra(
        path, wavelength=simulator.wavelength, medium=SIMULATED_MEDIUM, n_stars=n_stars, random_order=True
    )


def write_stars(writer: SpectraWriter, chunks: Iterable[StarChunk], advance: Advance) -> None:
    """Add simulated stars to a file, with their redshift and median signal to noise as labels."""
    for labels, flux, error in chunks:
        redshift = labels["rv"] / SPEED_OF_LIGHT_KMS
        writer.add(flux, error, labels.assign(redshift=redshift, snr=np.median(flux / error, axis=1)))
        advance(len(labels))


def bytes_per_star(simulator: Simulator) -> int:
    """Return what flux and error of one star take on disk."""
    return 2 * 4 * simulator.n_pixels
