"""The HDF5 layout in which the experiment reads and writes spectra.

======================================  =====================================================
``spectrumdataset/wave``                wavelength, (n_pixels,): see `grids` for units, `medium` for air and vacuum
``dataset/arrays/flux/value``           flux, (n_stars, n_pixels)
``dataset/arrays/error/value``          its 1-sigma error, (n_stars, n_pixels)
one pandas table                        labels: T_eff [K], log_g [dex], M_H [dex]; others are optional
``dataset/checksums``                   what the rest is held to, (n_stars,), if it is there: see `checksums`
======================================  =====================================================

A `Layout` says where users' files differ from it, and how they mark bad pixels.
"""

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.spectra.grids import UNIT_NAMES, Grid, interpret_grid, join_grids
from moe_exp.spectra.hdf5 import check_storage, open_hdf5, why_missing
from moe_exp.spectra.medium import MEDIUM_NAMES

WAVELENGTH = "spectrumdataset/wave"
FLUX = "dataset/arrays/flux/value"
ERROR = "dataset/arrays/error/value"
LABELS = "dataset/params"
REQUIRED_LABELS = {"T_eff": "teff", "log_g": "logg", "M_H": "m_h"}
FILE_LABELS = {**REQUIRED_LABELS, "a_M": "a_m", "C_M": "c_m"}
RANDOM_ORDER = "stars_in_random_order"
STAR_INDEX = "star_index"
"""The label that a star gets by its place; a column of this name is not read."""


class Layout(NamedTuple):
    """What a file has instead of errors, and what marks its bad pixels: see `masks` for the rule."""

    ivar: str | None = None
    """dataset of inverse variances, (n_stars, n_pixels), that is read in place of `ERROR`"""
    mask: str | None = None
    """dataset of flags, (n_stars, n_pixels), that are not 0 in bad pixels"""
    sentinels: tuple[float, ...] = ()
    """values of flux that stand for none, as the file has them"""

    @property
    def uncertainty(self) -> str:
        """The dataset that errors are taken from."""
        return self.ivar or ERROR

    @property
    def spectra(self) -> tuple[str, ...]:
        """All datasets of shape (n_stars, n_pixels)."""
        return (FLUX, self.uncertainty, *([self.mask] if self.mask else []))

    @property
    def datasets(self) -> tuple[str, ...]:
        """All datasets that are read, besides the labels."""
        return (WAVELENGTH, *self.spectra)


PLAIN = Layout()
"""The layout of this project's own files."""


def find_files(path: str | os.PathLike[str] | Sequence[str], option: str = "data.path") -> list[Path]:
    """List the files that a path, a list of paths or a glob names, in sorted order.

    Raises
    ------
    InputError
        If something named does not exist, or a glob matches nothing.
    """
    patterns = [path] if isinstance(path, str | os.PathLike) else path
    if not isinstance(patterns, Sequence) or not all(isinstance(each, str | os.PathLike) for each in patterns):
        raise InputError(Code.NO_FILE, f"{option}={path} is neither a path nor a list of paths.")
    files: list[Path] = []
    for pattern in patterns:
        found = _expand(os.path.expanduser(pattern))  # noqa: PTH111
        if not found:
            raise InputError(
                Code.NO_FILE, f"{option}: no file matches {os.fspath(pattern)!r} (working folder {Path.cwd()})."
            )
        files += [Path(name).resolve() for name in found]
    if not files:
        raise InputError(Code.NO_FILE, f"{option} is empty: give a file, a list of files or a glob.")
    if len(set(files)) < len(files):
        raise InputError(Code.FILE_TWICE, f"{option} names {len(files) - len(set(files))} file(s) twice.")
    return files


def _expand(pattern: str) -> list[str]:
    """Return the files that a pattern matches; a name that exists is that file, whatever brackets it holds."""
    return [pattern] if Path(pattern).exists() else sorted(glob.glob(pattern))  # noqa: PTH207 - absolute patterns too


def read_grid(path: Path, layout: Layout = PLAIN) -> Grid:
    """Return the wavelength grid of one file, or raise `InputError` if its datasets cannot be used."""
    stored, attributes = _open_checked(path, layout)
    return interpret_grid(stored, attributes, f"{path}: {WAVELENGTH}")


def read_joint_grid(files: Sequence[Path], layout: Layout = PLAIN) -> Grid:
    """Return the one wavelength grid of several files, or raise `InputError` if they have different ones."""
    return join_grids({str(path): read_grid(path, layout) for path in files})


def _open_checked(path: Path, layout: Layout) -> tuple[np.ndarray, dict[str, Any]]:
    """Check that all datasets are there and fit together; return stored wavelengths, and what is said of them."""
    with open_hdf5(path) as file:
        missing = {name: why_missing(file, name) for name in layout.datasets}
        if any(missing.values()):
            lacking = ", ".join(f"{name} ({why})" for name, why in missing.items() if why)
            advice = " Name a dataset of inverse variances as data.ivar, if it has one." if missing.get(ERROR) else ""
            raise InputError(Code.DATASETS_MISSING, f"{path} lacks the dataset(s) {lacking}.{advice}")
        kinds = {name: file[name].dtype for name in layout.datasets}
        wrong = [name for name, kind in kinds.items() if kind.kind not in ("fiub" if name == layout.mask else "fiu")]
        if wrong:
            found = ", ".join(f"{name} of type {kinds[name]}" for name in wrong)
            raise InputError(Code.DATASETS_UNFIT, f"{path}: real numbers are needed, but the file has {found}.")
        check_storage({name: file[name] for name in layout.spectra}, path)
        wavelength = np.asarray(file[WAVELENGTH][()], float)
        shapes = {name: file[name].shape for name in layout.spectra}
        if len(set(shapes.values())) > 1 or len(shapes[FLUX]) != 2 or shapes[FLUX][1:] != wavelength.shape:
            found = ", ".join(f"{name} {shape}" for name, shape in {**shapes, WAVELENGTH: wavelength.shape}.items())
            raise InputError(
                Code.DATASETS_UNFIT,
                f"{path}: shapes do not match: {found}; (n_stars, n_pixels) and, for the last, (n_pixels,) are needed.",
            )
        return wavelength, _read_attributes(file)


def _read_attributes(file: h5py.File) -> dict[str, Any]:
    """Return what says unit or medium of the wavelength; a unit that the whole file has may be that of its flux."""
    whole = {name: file.attrs[name] for name in file.attrs if name.lower() in MEDIUM_NAMES}
    own = file[WAVELENGTH].attrs
    return whole | {name: own[name] for name in own if name.lower() in {*MEDIUM_NAMES, *UNIT_NAMES}}


def in_random_order(path: Path) -> bool:
    """Say whether the file declares its stars to be independent draws, so that any run of rows is a fair sample."""
    with open_hdf5(path) as file:
        said = file.attrs.get(RANDOM_ORDER, False)
    if not isinstance(said, bool | np.bool_ | np.integer):
        raise InputError(
            Code.DATASETS_UNFIT, f"{path}: the attribute {RANDOM_ORDER} must be true or false, but it is {said!r}."
        )
    return bool(said)
