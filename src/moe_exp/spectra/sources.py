"""The two kinds of `data`: HDF5 files of the user's, and files that the simulator makes first."""

import logging
import math
import shutil
from dataclasses import dataclass, field
from itertools import chain
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.machine import choose_device
from moe_exp.progress import Stages
from moe_exp.spectra.assembling import make_dataset
from moe_exp.spectra.dataset import Dataset
from moe_exp.spectra.file_state import identify
from moe_exp.spectra.files import FLUX, Layout, find_files, in_random_order, read_grid, read_joint_grid
from moe_exp.spectra.grids import Grid
from moe_exp.spectra.label import Label
from moe_exp.spectra.labels import numeric_columns
from moe_exp.spectra.masked_stars import DROP, REFUSE
from moe_exp.spectra.medium_choice import AUTO, MediumChoice, check_asked, choose_medium, find_lines, join_choices
from moe_exp.spectra.row_reader import RowReader
from moe_exp.spectra.simulated_files import SIMULATED_MEDIUM, SimulatedFiles, bytes_per_star
from moe_exp.spectra.simulator import Simulator
from moe_exp.spectra.sources_base import Data
from moe_exp.spectra.splits import hand_out, stable_order
from moe_exp.spectra.star_files import StarFiles
from moe_exp.spectra.star_ids import number_stars, read_star_ids

log = logging.getLogger(__name__)

RESERVED = 0.1
"""Share of the stars in data.path that tests, and as much that trains the gate, where nothing else is said."""

SIMULATED_LABELS = ("log_g", "T_eff", "M_H", "a_M", "C_M", "mag")
"""Labels of simulated stars that may be predicted."""


@dataclass(frozen=True, kw_only=True)
class Hdf5Data(Data):
    """Spectra in HDF5 files.

    Parameters
    ----------
    n_val, n_test : int, float or None
        With null, all stars of files of their own, or a tenth of those in `path`.
    path : str or list of str
        A file, a list of files, or a glob of shards, taken in sorted order.
    val_path, test_path : same, or None
        Files of the gate's and of the test stars; without them these are reserved from `path`.
    shuffle : bool or None
        Whether stars are handed to the splits in an order shuffled by `seed`. By default they are, unless the files
        declare that their stars are independent draws.
    star_id : str or None
        Column of the label tables that says which star a row shows, where stars were seen several times: all visits of
        a star go to one split and one fold, and are resampled together. The sizes still count rows, and the gate's own
        hold-out, which ends its training, is drawn by row.
    medium : str
        ``air`` or ``vacuum``, where the files do not say which of them their wavelengths are in; ``auto`` looks for
        strong lines.
    mask : str or None
        Dataset of flags, (n_stars, n_pixels), that are not 0 in bad pixels; see `masks` for the whole rule.
    ivar : str or None
        Dataset of inverse variances that is read in place of errors.
    sentinel : float, list of float or None
        Values of flux, as the files have them, that stand for none, such as -999 or 0.
    max_masked : float
        Largest share of its pixels that a star may have masked, of those that are used.
    too_masked : str
        ``refuse`` to end the run where a star has more, or ``drop`` to leave such stars out of their split.
    """

    path: Any = None
    val_path: Any = None
    test_path: Any = None
    shuffle: bool | None = None
    star_id: str | None = None
    medium: str = AUTO
    mask: str | None = None
    ivar: str | None = None
    sentinel: Any = None
    max_masked: float = 0.2
    too_masked: str = REFUSE

    def __post_init__(self) -> None:
        super().__post_init__()
        for option, size in (("n_train", self.n_train), ("n_val", self.n_val), ("n_test", self.n_test)):
            if size is not None and not size > 0:
                raise InputError(
                    Code.SPLIT_SIZE,
                    f"data.{option}={size}: give a number of stars, 1 or more; a fraction of those in the files, such "
                    f"as 0.2; or null for all that remain.",
                )
        if not 0 <= self.max_masked < 1:
            raise InputError(
                Code.OUT_OF_RANGE, f"data.max_masked={self.max_masked}: it is a share, 0 or more and below 1."
            )
        if self.too_masked not in (REFUSE, DROP):
            raise InputError(Code.UNKNOWN_CHOICE, f"data.too_masked={self.too_masked} is neither refuse nor drop.")
        if not all(isinstance(value, Real) for value in self._sentinels):
            raise InputError(
                Code.WRONG_TYPE, f"data.sentinel={self.sentinel} is neither a number nor a list of numbers."
            )
        check_asked(self.medium, "data.medium")

    @property
    def _sentinels(self) -> list[Any]:
        if self.sentinel is None:
            return []
        return self.sentinel if isinstance(self.sentinel, list) else [self.sentinel]

    @property
    def _layout(self) -> Layout:
        return Layout(self.ivar, self.mask, tuple(map(float, self._sentinels)))

    def _files(self) -> dict[str, list[Path]]:
        if self.path is None:
            raise InputError(
                Code.NO_FILE, "data.path is missing: name the HDF5 file(s), as in data=hdf5 data.path=stars.h5"
            )
        named = {"data.path": self.path, "data.val_path": self.val_path, "data.test_path": self.test_path}
        files = {option: find_files(path, option) for option, path in named.items() if path is not None}
        every = [path for group in files.values() for path in group]
        shared = {str(path) for path in every if every.count(path) > 1}
        if shared:
            raise InputError(
                Code.FILE_TWICE,
                f"{', '.join(sorted(shared))}: the same file serves two splits; the splits must differ.",
            )
        return files

    def check(self, cache_dir: Path) -> None:
        """Refuse a label that a file does not have."""
        if not Label(self.label).always_there:
            for path in chain.from_iterable(self._files().values()):
                self.refuse_label(numeric_columns(path))

    def fingerprint(self) -> list[str]:
        """Tell the files as they are now, and what they point to, from what they were or will be."""
        datasets = self._layout.datasets
        return [identify(path, datasets) for group in self._files().values() for path in group]

    def read_grid(self) -> Grid:
        """Return the wavelength grid of the files, with the medium that is said, asked for or found."""
        files = self._files()["data.path"]
        grid = read_joint_grid(files, self._layout)
        return grid._replace(medium=self._choose_medium("data.path", files, grid).medium)

    def _choose_medium(self, option: str, files: list[Path], grid: Grid) -> MediumChoice:
        return choose_medium(grid.medium, self.medium, find_lines(files, self._layout), option)

    def open(self, cache_dir: Path, stages: Stages) -> Dataset:
        """Check the files and split their stars.

        Raises
        ------
        InputError
            If a file cannot be used or holds too few stars.
        """
        files = self._files()
        options = {"data.n_test": "data.test_path", "data.n_val": "data.val_path", "data.n_train": "data.path"}
        home = {size: own if own in files else "data.path" for size, own in options.items()}
        sizes = {"data.n_test": self.n_test, "data.n_val": self.n_val, "data.n_train": self.n_train}
        for size, own in options.items():
            if sizes[size] is None and own != "data.path" and own not in files:
                sizes[size] = RESERVED
        rows: dict[str, np.ndarray] = {}
        star_ids = {option: self._star_ids(group) for option, group in files.items()}
        for option, group in files.items():
            shuffled = self.shuffle if self.shuffle is not None else not all(map(in_random_order, group))
            star = number_stars(star_ids[option])
            order = stable_order(star, seed=self.seed, shuffled=shuffled)
            rows |= hand_out(order, star, {size: sizes[size] for size in sizes if home[size] == option})
        with stages.stage("inspect", sum(map(len, star_ids.values()))) as advance:
            stars = {
                option: StarFiles(files[option], cache_dir, advance, ids, self._layout)
                for option, ids in star_ids.items()
            }
        choices = {option: self._choose_medium(option, files[option], each.grid) for option, each in stars.items()}
        for option, each in stars.items():
            for remark in (*each.grid.remarks, choices[option].describe()):
                log.info("%s: %s", option, remark)
        return make_dataset(
            self,
            name=Path(files["data.path"][0]).stem,
            source=", ".join(str(path) for path in files["data.path"]),
            stars={size: (stars[home[size]], rows[size]) for size in sizes},
            noise_stages={size: _noise_stage(home[size]) for size in sizes},
            medium=join_choices(choices),
            star_id=self.star_id,
            max_masked=self.max_masked,
            too_masked=self.too_masked,
        )

    def _star_ids(self, files: list[Path]) -> np.ndarray:
        """Return which star each row of a group of files shows, (n_rows,)."""
        n_rows = sum(_n_stars(path, self._layout) for path in files)
        return np.arange(n_rows) if self.star_id is None else read_star_ids(files, self.star_id, option="data.star_id")


@dataclass(frozen=True, kw_only=True)
class SimulatedData(Data):
    """Simulated spectra, written to the cache folder in the layout of every other data set, once.

    Parameters
    ----------
    simulator : Simulator
        The physics.
    device : str
        What computes the spectra, ``cpu`` or ``cuda``. Their last bits differ, so that each makes stars of its own:
        this is part of the data, and has nothing to do with the device that models are fitted on.
    """

    simulator: Simulator = field(default_factory=Simulator)
    device: str = "cpu"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.device not in ("cpu", "cuda"):
            raise InputError(
                Code.UNKNOWN_CHOICE,
                f"data.device={self.device}: choose cpu or cuda; it decides the last bits of the stars.",
            )

    def fingerprint(self) -> list[str]:
        """Return nothing: configuration and code say which stars these are."""
        return []

    def read_grid(self) -> Grid:
        """Return the simulator's wavelength grid."""
        return Grid(self.simulator.wavelength, descending=False, medium=SIMULATED_MEDIUM, remarks=())

    def _sizes(self) -> dict[str, int]:
        sizes = {"data.n_test": self.n_test, "data.n_val": self.n_val, "data.n_train": self.n_train}
        for option, size in sizes.items():
            if size is None or not math.isfinite(size) or size < 1 or size != int(size):
                raise InputError(
                    Code.SPLIT_SIZE,
                    f"{option}={size}: the number of simulated stars must be given as a whole number, 1 or more.",
                )
        return {option: int(size) for option, size in sizes.items() if size is not None}

    def check(self, cache_dir: Path) -> None:
        """Refuse a label that no simulated star has, and more stars than an empty disk could hold."""
        self.refuse_label(SIMULATED_LABELS)
        sizes = self._sizes()
        n_bytes = sum(sizes.values()) * bytes_per_star(self.simulator)
        disk = shutil.disk_usage(next(each for each in (cache_dir, *cache_dir.absolute().parents) if each.exists()))
        if n_bytes > disk.total:
            asked_for = ", ".join(f"{option}={size}" for option, size in sizes.items())
            raise InputError(
                Code.DISK_FULL,
                f"{asked_for}: the spectra would need {n_bytes / 1e9:,.0f} GB in {cache_dir}, on a disk of "
                f"{disk.total / 1e9:,.0f} GB. Ask for fewer stars, or name another folder with cache_dir=... or "
                f"MOE_EXP_CACHE.",
            )

    def open(self, cache_dir: Path, stages: Stages) -> Dataset:
        """Make the stars that are missing, check the files and split their stars."""
        sizes = self._sizes()
        n_stars = sum(sizes.values())
        store = SimulatedFiles(self.simulator, seed=self.seed, cache_dir=cache_dir, device=choose_device(self.device))
        stars = StarFiles(store.require(n_stars, stages), cache_dir)
        rows = hand_out(np.arange(stars.n_stars), stars.star_ids, sizes)
        return make_dataset(
            self,
            name="simulated",
            source=str(store.folder),
            stars={size: (stars, rows[size]) for size in sizes},
            noise_stages=dict.fromkeys(sizes, _noise_stage("data.path")),
            medium=MediumChoice(SIMULATED_MEDIUM, "simulator"),
        )


def _n_stars(path: Path, layout: Layout) -> int:
    read_grid(path, layout)
    return RowReader(path, FLUX).shape[0]


def _noise_stage(option: str) -> str:
    """Name the noise stream of one group of files; a row number means another star in another group."""
    return f"noise {option}"
