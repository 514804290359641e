"""Whether wavelengths of some files are in air or in vacuum: by what is declared, or by where the lines lie."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.spectra.file_state import identify
from moe_exp.spectra.files import PLAIN, Layout, read_grid
from moe_exp.spectra.known_lines import LinePositions, measure_lines
from moe_exp.spectra.medium import MEDIA, Medium
from moe_exp.spectra.star_reader import StarReader

AUTO = "auto"
SAMPLES = 16
SAMPLE_STARS = 32
"""How many times, and how many neighbouring stars each, the lines are looked for in."""


class MediumChoice(NamedTuple):
    """The medium of a set of files."""

    medium: Medium | None
    """None if nothing tells it"""
    source: str
    """what tells it: ``file``, ``option``, ``lines`` or ``simulator``; or ``unknown``"""
    lines: str = ""
    """where the lines lie, in words"""

    def describe(self) -> str:
        """Say it in a line for the log."""
        if self.medium is None:
            return f"neither attributes nor lines tell whether wavelengths are in air or vacuum: {self.lines}"
        source = {"file": "as the file says", "option": "as data.medium says", "lines": "as its lines tell"}
        return f"wavelengths are in {self.medium}, {source[self.source]}: {self.lines}"


def check_asked(asked: str, option: str) -> None:
    """Raise `InputError` if an option asks for a medium that there is not."""
    if asked not in (AUTO, *MEDIA):
        raise InputError(Code.UNKNOWN_CHOICE, f"{option}={asked} is not auto, air or vacuum.")


def choose_medium(
    said: Medium | None, asked: str, positions: LinePositions, where: str, *, option: str = "data.medium"
) -> MediumChoice:
    """Take what the files say, else what is asked, else what the lines tell.

    Parameters
    ----------
    said : ``air``, ``vacuum`` or None
        By attributes of the files.
    asked : ``air``, ``vacuum`` or ``auto``
        By the option.
    positions : LinePositions
    where : str
        Name of the files.
    option : str
        Which option asks.

    Raises
    ------
    InputError
        If two of them contradict each other.
    """
    if said and asked not in (AUTO, said):
        raise InputError(
            Code.MEDIUM_CONTRADICTED,
            f"{where} says that its wavelengths are in {said}, but {option}={asked}; mend one of them.",
        )
    declared: Medium | None = said or (asked if asked in ("air", "vacuum") else None)  # type: ignore[assignment]
    found = positions.medium
    if declared and found and found != declared:
        by = "an attribute of the file" if said else f"{option}={asked}"
        raise InputError(
            Code.MEDIUM_CONTRADICTED,
            f"{where}: wavelengths are in {declared} by {by}, but {positions.describe()}. Correct it, or shift the "
            f"stars to rest if they all move.",
        )
    source = "file" if said else "option" if declared else "lines" if found else "unknown"
    return MediumChoice(declared or found, source, positions.describe())


def find_lines(files: Sequence[Path], layout: Layout = PLAIN) -> LinePositions:
    """Return where known lines lie in the stars of files with one grid.

    They are looked for once in a process while the files stay as they are: every job of a sweep is checked more than
    once, and each time would cost a third of a second.
    """
    return _find_lines(tuple(files), layout, tuple(identify(path, layout.datasets) for path in files))


@lru_cache(maxsize=32)
def _find_lines(files: tuple[Path, ...], layout: Layout, states: tuple[str, ...]) -> LinePositions:
    return measure_lines(read_grid(files[0], layout).wavelength, sample_flux(files, layout))


def sample_flux(files: Sequence[Path], layout: Layout = PLAIN) -> np.ndarray:
    """Return the flux of stars from all over some files, (n_stars, n_pixels), NaN where masked."""
    readers = [StarReader(path, layout, turned=read_grid(path, layout).descending) for path in files]
    ends = np.cumsum([reader.n_stars for reader in readers])
    rows = np.unique(np.linspace(0, ends[-1] - 1, SAMPLES).astype(int)[:, None] + np.arange(SAMPLE_STARS))
    cuts = np.searchsorted(rows, [0, *ends])
    return np.concatenate(
        [
            reader.read(rows[lo:hi] - (end - reader.n_stars))[0]
            for reader, end, (lo, hi) in zip(readers, ends, pairwise(cuts), strict=True)
            if lo < hi
        ]
    )


def join_choices(choices: Mapping[str, MediumChoice]) -> MediumChoice:
    """Return the one medium of all files of a run, by the option that names them.

    Raises
    ------
    InputError
        If they are in both.
    """
    known = {choice.medium: option for option, choice in choices.items() if choice.medium}
    if len(known) > 1:
        found = "; ".join(f"{option}: {choice.describe()}" for option, choice in choices.items())
        raise InputError(
            Code.MEDIA_DIFFER, f"The files of a run must be in one medium, but {found}. Convert some of them."
        )
    return next((choice for choice in choices.values() if choice.medium), next(iter(choices.values())))
