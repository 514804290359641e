"""Stars of another library, real ones above all: nothing is trained on them, and every run predicts them.

They come in the layout of all other files, on a grid, in a medium, at a resolution and in a unit of flux of their own,
and are brought to those of the training stars. Noise is not added: they have theirs.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from moe_exp.codes import Code, tagged
from moe_exp.errors import InputError
from moe_exp.spectra.dataset import STAR_ID, Dataset
from moe_exp.spectra.file_state import identify
from moe_exp.spectra.files import STAR_INDEX, find_files, read_joint_grid
from moe_exp.spectra.grids import Grid
from moe_exp.spectra.label import LOG_G, Label
from moe_exp.spectra.medium import convert
from moe_exp.spectra.medium_choice import AUTO, check_asked, choose_medium, find_lines
from moe_exp.spectra.pixels import pixel_edges, pixel_widths
from moe_exp.spectra.plausibility import LABEL_RANGES
from moe_exp.spectra.preprocessing import NativeWidth, Preprocessing
from moe_exp.spectra.resampling import find_covered, resample
from moe_exp.spectra.star_files import StarFiles
from moe_exp.spectra.star_ids import read_star_ids

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, kw_only=True)
class ExternalSample:
    """Stars that were brought to the training stars' grid, unit and preprocessing.

    Attributes
    ----------
    title : str
    labels : DataFrame of n_stars rows
        star_index, star_id, teff [K], logg [dex], m_h [dex] of the library, and what else its table holds.
    flux : array of shape (n_stars, n_pixels), float32
    logg_error : array of shape (n_stars,) or None
        1-sigma error of the library's log g [dex]; NaN where it is unknown.
    other_logg : array of shape (n_stars,) or None
        log g [dex] of the same stars in another catalogue; NaN where it does not have them.
    """

    title: str
    labels: pd.DataFrame
    flux: np.ndarray
    logg_error: np.ndarray | None
    other_logg: np.ndarray | None


@dataclass(frozen=True, kw_only=True)
class ExternalStars:
    """Files of stars that are predicted and never trained on.

    Parameters
    ----------
    title : str
        What the stars are called.
    path : str or list of str
        A file, a list of files, or a glob.
    medium : str
        ``air`` or ``vacuum``, where the files do not say it; ``auto`` looks for strong lines.
    fwhm, resolution : float or None
        Width of lines in the spectra [Å], or their resolving power; one of them.
    logg_error : str or None
        Column of the label table with the 1-sigma error of log g.
    other_logg : str or None
        Column with log g of another catalogue, NaN where it lacks the star.
    star_id : str or None
        Column that says which star a row shows, where stars were seen several times.
    """

    title: str = ""
    path: Any = None
    medium: str = AUTO
    fwhm: float | None = None
    resolution: float | None = None
    logg_error: str | None = None
    other_logg: str | None = None
    star_id: str | None = None

    @property
    def instrument(self) -> NativeWidth:
        """Width of lines in the spectra."""
        return NativeWidth(self.fwhm, self.resolution)

    def fingerprint(self, option: str) -> list[str]:
        """Tell the files as they are now from what they were or will be."""
        return [identify(path) for path in self._files(option)]

    def check(self, option: str, grid: Grid, preprocessing: Preprocessing) -> None:
        """Refuse files that cannot be brought to a grid and a preprocessing, before any work.

        Parameters
        ----------
        option : str
            Under which these stars are configured, for example ``"externals.stelib"``.
        grid : Grid
            Of the training stars.
        preprocessing : Preprocessing
            Theirs.

        Raises
        ------
        InputError
            Naming the option.
        """
        check_asked(self.medium, f"{option}.medium")
        self.instrument.check(option)
        self._star_ids(option)
        wavelength = self._wavelength(option, grid.medium)
        missing = grid.wavelength[~find_covered(wavelength, grid.wavelength)]
        if len(missing):
            (theirs, _), (ours, _) = pixel_edges(wavelength), pixel_edges(grid.wavelength)
            raise InputError(
                Code.EXTERNAL_GRID,
                f"{option}: these stars have {theirs[0]:.1f} to {theirs[-1]:.1f} Å in {grid.medium}, but the training "
                f"stars {ours[0]:.1f} to {ours[-1]:.1f} Å, of which they lack {len(missing)} pixel(s) (first: "
                f"{missing[0]:.1f} Å). Train on a range within theirs, such as "
                f"data.simulator.wavelength_min={wavelength[1]:.0f} "
                f"data.simulator.wavelength_max={wavelength[-2]:.0f}.",
            )
        try:
            preprocessing.seen_by(self.instrument).check(grid.wavelength)
        except InputError as error:
            raise InputError(error.code, f"{option}, for these stars' lines: {error.message}") from error

    def open(self, option: str, dataset: Dataset, preprocessing: Preprocessing, cache_dir: Path) -> ExternalSample:
        """Read the stars and bring them to those that a mixture was trained on.

        Each star is divided by its own median flux, so that it has the median of the training stars; how bright it is
        in the library says nothing of how bright it is as a training star.

        Raises
        ------
        InputError
            If a file cannot be used, or holds masked pixels or stars that were trained on.
        """
        files = StarFiles(self._files(option), cache_dir, star_ids=self._star_ids(option))
        _refuse_masked(files, option)
        flux, _ = files.read(np.arange(files.n_stars))
        _refuse_trained(files, dataset, option)
        wavelength = self._wavelength(option, dataset.medium)
        widest, finest = (pixel_widths(each).max() for each in (wavelength, dataset.wavelength))
        if widest > 1.5 * finest:
            log.warning(
                tagged(
                    Code.EXTERNAL_GRID,
                    "%s: pixels of %.3g Å are resampled to %.3g Å, finer than they can tell; choose a coarser grid for "
                    "the training stars",
                ),
                option,
                widest,
                finest,
            )
        resampled = resample(flux.astype(float), wavelength, dataset.wavelength)
        level = np.median(resampled, axis=1, keepdims=True)
        if not (level > 0).all():
            raise InputError(
                Code.NO_CONTINUUM,
                f"{option}: the median flux of {np.sum(level <= 0)} of {len(level)} stars is not positive (first: "
                f"{files.locate(int(np.argmax(level <= 0)))}); leave them out.",
            )
        transform = preprocessing.seen_by(self.instrument).on_grid(dataset.wavelength, dataset.medium)
        labels = files.labels.drop(columns=STAR_ID, errors="ignore")
        labels.insert(0, STAR_INDEX, np.arange(files.n_stars))
        labels.insert(1, STAR_ID, files.star_ids)
        self._check_label(labels, dataset.train.label, option)
        return ExternalSample(
            title=self.title or option,
            labels=labels,
            flux=transform((resampled / level).astype(np.float32)),
            logg_error=self._column(labels, "logg_error", option, (0.0, 10.0)),
            other_logg=self._column(labels, "other_logg", option, LABEL_RANGES["logg"]),
        )

    def _files(self, option: str) -> list[Path]:
        if self.path is None:
            raise InputError(
                Code.NO_FILE,
                f"{option}.path is missing: name the HDF5 file(s) of these stars, as in {option}.path=x.h5",
            )
        return find_files(self.path, f"{option}.path")

    def _star_ids(self, option: str) -> np.ndarray | None:
        """Return which star each row shows; None if each shows one of its own."""
        if self.star_id is None:
            return None
        return read_star_ids(self._files(option), self.star_id, option=f"{option}.star_id")

    def _check_label(self, labels: pd.DataFrame, label: Label, option: str) -> None:
        """Raise `InputError` unless these stars have the label that is predicted; what is known of log g serves it."""
        if label.column not in labels:
            raise InputError(
                Code.NO_SUCH_COLUMN,
                f"{option}: the label table has no column {label.option}, which data.label asks for.",
            )
        said = [f"{option}.{name}" for name in ("logg_error", "other_logg") if getattr(self, name) is not None]
        if label != LOG_G and said:
            raise InputError(
                Code.NO_SUCH_COLUMN,
                f"{' and '.join(said)}: these columns tell of log_g, not of {label.option}; give null.",
            )

    def _wavelength(self, option: str, medium: str | None) -> np.ndarray:
        """Return the files' grid [Å] in the medium of the training stars."""
        files = self._files(option)
        grid = read_joint_grid(files)
        own = choose_medium(grid.medium, self.medium, find_lines(files), option, option=f"{option}.medium").medium
        unknown = [f"{name}.medium" for name, each in (("data", medium), (option, own)) if each is None]
        if medium is None or own is None:
            raise InputError(
                Code.MEDIUM_UNKNOWN,
                f"{option}: nothing tells whether wavelengths are in air or vacuum; say {' and '.join(unknown)}.",
            )
        return convert(grid.wavelength, medium=own, to=medium)

    def _column(self, labels: pd.DataFrame, field: str, option: str, limits: tuple[float, float]) -> np.ndarray | None:
        """Return a column of the label table, NaN where it says nothing; refuse values that no star has."""
        name = getattr(self, field)
        if name is None:
            return None
        if name not in labels or not pd.api.types.is_numeric_dtype(labels[name]):
            raise InputError(
                Code.NO_SUCH_COLUMN, f"{option}.{field}={name}: the label table has no such column of numbers."
            )
        values = labels[name].to_numpy(float)
        bad = ~np.isnan(values) & ~((values >= limits[0]) & (values <= limits[1]))
        if bad.any():
            raise InputError(
                Code.IMPOSSIBLE_LABEL,
                f"{option}.{field}={name}: {bad.sum()} of {len(bad)} values lie outside {limits[0]:g} to {limits[1]:g} "
                f"(first: row {int(np.argmax(bad))}); leave NaN where nothing is known.",
            )
        return values


def _refuse_masked(files: StarFiles, option: str) -> None:
    """Raise `InputError` if a star has masked pixels: on another grid nothing of the training stars' can fill them."""
    masked = np.flatnonzero(files.masks.hold(np.arange(files.n_stars)))
    if len(masked):
        pixel, _ = files.look_at_masked(int(masked[0]))
        raise InputError(
            Code.STARS_TOO_MASKED,
            f"{option}: {len(masked)} of {files.n_stars} stars have pixels without finite flux and positive error "
            f"(first: {files.locate(int(masked[0]))}, pixel {pixel}); leave these stars out or mend them.",
        )


def _refuse_trained(files: StarFiles, dataset: Dataset, option: str) -> None:
    trained = np.concatenate([dataset.train.checksums, dataset.gate.checksums])
    known = np.isin(files.checksums, trained)
    if known.any():
        raise InputError(
            Code.EXTERNAL_TRAINED,
            f"{option}: {known.sum()} of {len(known)} stars are among those that experts or gate are trained on "
            f"(first: {files.locate(int(np.argmax(known)))}); name other stars.",
        )
