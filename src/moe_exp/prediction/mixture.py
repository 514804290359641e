"""A fitted mixture as users have it: spectra in, one row a star out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.prediction.adapting import Adapted, adapt, same_wavelengths
from moe_exp.prediction.calibrated import CalibratedMixture, Judgement
from moe_exp.prediction.flags import Flag, explain
from moe_exp.prediction.intervals import CONTENT, ONE_SIGMA, at_level
from moe_exp.prediction.readers.block import Block, unknown_velocity
from moe_exp.prediction.readers.specutils_files import block_of
from moe_exp.prediction.storage import load_parts, save_parts
from moe_exp.spectra.masks import find_masked
from moe_exp.spectra.medium import Medium
from moe_exp.spectra.preprocessing import NativeWidth
from moe_exp.spectra.used_pixels import UsedPixels

ENDINGS = ("", "_error", "_low", "_high")
"""What follows the name of the label in the columns of a prediction."""
FLAG, REASON, BIN, MASKED = "flag", "reason", "bin", "masked"
VELOCITY, VELOCITY_ERROR = "velocity", "velocity_error"
TEXTS = (REASON, BIN)
"""Columns of a prediction that hold words."""

MOST_COVERED = 0.98
"""Share of a model's pixels that a spectrum has to reach to be complete."""

WEIGHT = "weight "
"""What the column of an expert's weight begins with; the name of its bin follows."""


class Mixture(CalibratedMixture):
    """A model that was loaded, or is to be kept."""

    @classmethod
    def of(cls, model: CalibratedMixture) -> Self:
        """Return the model of a run."""
        return cls(model.fitted, model.intervals, model.limits)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a model from its folder, or from that of the MLflow model which holds it.

        Raises
        ------
        InputError
            If there is none, it is damaged, or another version of the package made it.
        """
        return cls(*load_parts(find_data(Path(folder))))

    def save(self, folder: str | Path) -> None:
        """Write the model into a folder, which is made; nothing is pickled."""
        save_parts(Path(folder), self.fitted, self.intervals, self.limits)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of a prediction: see `predict`."""
        weights = (f"{WEIGHT}{name}" for name in self.fitted.bins.names_)
        return (*self.numbers, FLAG, REASON, BIN, MASKED, VELOCITY, VELOCITY_ERROR, *weights)

    @property
    def numbers(self) -> tuple[str, ...]:
        """The first four of them: the label, its 1-sigma error and the ends of its 95 % interval."""
        return tuple(f"{self.fitted.label.option}{ending}" for ending in ENDINGS)

    def predict(
        self,
        flux: np.ndarray,
        *,
        error: np.ndarray | None = None,
        wavelength: np.ndarray | None = None,
        medium: Medium | None = None,
        velocity: float | None = None,
    ) -> pd.DataFrame:
        """Predict the label of stars, one row each.

        The columns are the label (``log_g`` [dex]), its 1-sigma error and the ends of its 95 % interval, a flag and its
        reasons (see `flags`), the bin of the largest gate weight, the share of masked pixels, the radial velocity that
        the star was brought to rest from and its error [km/s], and the weight of each bin's expert.

        Parameters
        ----------
        flux : array of shape (n_stars, n_pixels)
            Noisy flux; without `wavelength` in the unit and on the grid of the training stars. Pixels that are NaN or
            infinite are filled from the mean of training stars, scaled to the star's own pixels nearby.
        error : array of the same shape, optional
            1-sigma errors: pixels whose error is not positive and finite are filled too.
        wavelength : array of shape (n_pixels,), optional
            Å, increasing; on another grid than the model's, flux may be in any unit.
        medium : ``air``, ``vacuum`` or None
            What `wavelength` is in; by default strong lines tell, or it is the model's own grid.
        velocity : float or None
            Radial velocity [km/s] of the stars; by default they are at rest on the model's own grid, and it is measured
            on others.

        Raises
        ------
        InputError
            If a shape does not fit, or nothing tells the medium.
        """
        grid = self.fitted.wavelength if wavelength is None else np.asarray(wavelength, float)
        values = np.array(flux, np.float32, ndmin=2)
        errors = np.ones_like(values) if error is None else np.array(error, np.float32, ndmin=2)
        if values.ndim != 2 or values.shape[1:] != grid.shape or errors.shape != values.shape:
            raise InputError(
                Code.SHAPES_DISAGREE,
                f"flux and error have the shapes {values.shape} and {errors.shape}; both must be (n_stars, "
                f"{len(grid)}), with a column for each wavelength of the model, or of those that are given.",
            )
        if len(values):
            values[find_masked(values, errors)] = np.nan
        at_rest = same_wavelengths(grid, self.fitted.wavelength)
        known = np.zeros(len(values)) if at_rest else unknown_velocity(len(values))
        star = list(map(str, range(len(values))))
        return self.predict_block(Block(star, grid, None, values, known), medium=medium, velocity=velocity)

    def predict_block(self, block: Block, *, medium: Medium | None, velocity: float | None) -> pd.DataFrame:
        """Predict spectra as a reader has them; stars of which too little is known get NaN, no bin, and a flag."""
        if not len(block.flux):
            return pd.DataFrame(columns=list(self.columns))
        return self.predict_adapted(adapt(block, self.fitted, medium=medium, velocity=velocity))

    def predict_adapted(self, adapted: Adapted) -> pd.DataFrame:
        """Predict spectra that were brought to rest and to the model's grid."""
        masked = ~np.isfinite(adapted.flux)
        values = np.array(adapted.flux, np.float32)
        values[~adapted.usable] = self.fitted.template * self.fitted.flux_unit
        used = UsedPixels(np.ones(values.shape[1], bool), self.fitted.template)
        filled = used.apply(values, masked.any(axis=1) & adapted.usable)
        judged = self.judge(self.fitted.measure(filled), masked.mean(axis=1))
        flags = judged.flags | Flag.WAVELENGTH.value * (adapted.covered < MOST_COVERED)
        flags |= Flag.VELOCITY.value * np.isnan(adapted.velocity)
        flags[~adapted.usable] = Flag.UNUSABLE.value
        table = self._tabulate(judged._replace(flags=flags), masked.mean(axis=1))
        table[VELOCITY], table[VELOCITY_ERROR] = adapted.velocity, adapted.velocity_error
        weights = [name for name in self.columns if name.startswith(WEIGHT)]
        table.loc[~adapted.usable, [*self.numbers, *weights]] = np.nan
        table.loc[~adapted.usable, BIN] = ""
        return table

    def predict_spectra(
        self, spectra: Any, *, medium: Medium | None = None, velocity: float | None = None
    ) -> pd.DataFrame:
        """Predict the stars of a specutils Spectrum or SpectrumList, in its order; see `predict`."""
        several = spectra if isinstance(spectra, Sequence) else [spectra]
        blocks = [block_of(spectrum, str(number)) for number, spectrum in enumerate(several)]
        tables = [self.predict_block(block, medium=medium, velocity=velocity) for block in blocks]
        return pd.concat(tables, ignore_index=True)

    def seen_by(self, instrument: NativeWidth) -> "Mixture":
        """Return the model for spectra of another instrument, whose lines it brings to the width of its own.

        Raises
        ------
        InputError
            If it does not bring spectra to a resolution, or to a finer one than the instrument's.
        """
        preprocessing = self.fitted.preprocessing.seen_by(instrument)
        if preprocessing == self.fitted.preprocessing:
            raise InputError(
                Code.RESOLUTION_NOT_TAKEN,
                "this model takes spectra at the resolution of its training stars; to use one for other instruments, "
                "train it with preprocessing=resolution or resolution_and_continuum.",
            )
        preprocessing.check(self.fitted.wavelength)
        return replace(self, fitted=replace(self.fitted, preprocessing=preprocessing))

    def _tabulate(self, judged: Judgement, masked: np.ndarray) -> pd.DataFrame:
        """Return the columns of `predict` of stars that are at rest."""
        evidence, reach = judged.evidence, at_level(judged.half_widths, CONTENT)
        found = {
            "predicted": evidence.predicted,
            "error": at_level(judged.half_widths, ONE_SIGMA),
            "low": evidence.predicted - reach,
            "high": evidence.predicted + reach,
            FLAG: judged.flags,
            REASON: explain(judged.flags),
            BIN: np.array(self.fitted.bins.names_)[evidence.likely_bin],
            MASKED: masked,
            VELOCITY: np.zeros(len(masked)),
            VELOCITY_ERROR: np.zeros(len(masked)),
        }
        return pd.DataFrame(dict(zip(self.columns, [*found.values(), *evidence.weights.T], strict=True)))


def find_data(folder: Path) -> Path:
    """Return where the files of a model lie: in a folder, or in the MLflow model that the folder is."""
    within = folder / "data"
    return within if (folder / "MLmodel").exists() else folder
