"""The contract of `data`: a source of stars says how many there are, and hands them out in three splits."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.progress import Stages
from moe_exp.spectra.dataset import Dataset
from moe_exp.spectra.grids import Grid
from moe_exp.spectra.label import LOG_G


@dataclass(frozen=True, kw_only=True)
class Data(ABC):
    """Base of all sources of stars: how many of them, how noisy, and from which seed.

    A subclass says where they come from: `read_grid`, `open` and `fingerprint`; `make_dataset` puts splits together.

    Parameters
    ----------
    n_train, n_val, n_test : int, float or None
        The experts' training stars, the gate's own, and the test stars: a number, a fraction of the stars in the files,
        or null for all that remain.
    noise_level : float
        Multiple of each pixel's 1-sigma error that is added as noise.
    label : str
        Column of the label table that is predicted.
    seed : int
        Makes the stars (if they are simulated), their splits (if they are shuffled) and their noise.
    """

    n_train: int | float | None = 32_000
    n_val: int | float | None = 10_000
    n_test: int | float | None = 10_000
    noise_level: float = 0.2
    label: str = LOG_G.option
    seed: int = 0

    def __post_init__(self) -> None:
        if not (self.noise_level >= 0 and np.isfinite(self.noise_level)):
            raise InputError(
                Code.OUT_OF_RANGE,
                f"data.noise_level={self.noise_level}: it multiplies the error and cannot be negative.",
            )
        if self.seed < 0:
            raise InputError(Code.OUT_OF_RANGE, f"data.seed={self.seed}: a seed is 0 or more.")

    def check(self, cache_dir: Path) -> None:
        """Refuse sizes that the disk of `cache_dir` cannot hold; files of the user's are there already.

        Raises
        ------
        InputError
            Naming the options.
        """
        return

    def refuse_label(self, columns: Iterable[str]) -> None:
        """Raise `InputError` unless the label is among the numeric columns that there are."""
        known = [*columns]
        if self.label not in known:
            raise InputError(
                Code.NO_SUCH_COLUMN,
                f"data.label={self.label}: the label table has no such column of numbers; it has {', '.join(known)}.",
            )

    @abstractmethod
    def read_grid(self) -> Grid:
        """Return the wavelength grid of the stars, before any of them is made or read in full."""

    @abstractmethod
    def open(self, cache_dir: Path, stages: Stages) -> Dataset:
        """Return the stars, split in three."""

    @abstractmethod
    def fingerprint(self) -> list[str]:
        """Tell the stars from those that they were or will be, beyond what options and code say."""
