"""A fitted mixture as users have it: spectra in, one row a star out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from moe_exp.errors import InputError
from moe_exp.model.gate_inputs import GateInputs
from moe_exp.model.mixture import FittedMixture
from moe_exp.prediction.evidence import Evidence
from moe_exp.prediction.flags import Limits, explain
from moe_exp.prediction.intervals import CONTENT, ONE_SIGMA, Intervals, at_level
from moe_exp.prediction.storage import load_parts, save_parts
from moe_exp.spectra.design import Design
from moe_exp.spectra.masks import find_masked

LOGG, ERROR, LOW, HIGH = "log_g", "log_g_error", "log_g_low", "log_g_high"
FLAG, REASON, BIN, MASKED = "flag", "reason", "bin", "masked"
TEXTS = (REASON, BIN)
"""Columns of a prediction that hold words."""

WEIGHT = "weight "
"""What the column of an expert's weight begins with; the name of its bin follows."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """A model that was loaded, or is to be kept.

    Parameters
    ----------
    fitted : FittedMixture
    intervals : Intervals
    limits : Limits
    """

    fitted: FittedMixture
    intervals: Intervals
    limits: Limits

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
        return (LOGG, ERROR, LOW, HIGH, FLAG, REASON, BIN, MASKED, *weights)

    def predict(self, flux: np.ndarray, *, error: np.ndarray | None = None) -> pd.DataFrame:
        """Predict log g of stars, one row each.

        The columns are log g, its 1-sigma error and the ends of its 95 % interval [dex], a flag and its reasons (see
        `flags`), the bin of the largest gate weight, the share of masked pixels, and the weight of each bin's expert.

        Parameters
        ----------
        flux : array of shape (n_stars, n_pixels)
            Noisy flux in the unit and on the wavelength grid of the training stars. Pixels that are NaN or infinite
            are filled from the mean of training stars, scaled to the star's own pixels nearby.
        error : array of the same shape, optional
            1-sigma errors: pixels whose error is not positive and finite are filled too.

        Raises
        ------
        InputError
            If a shape does not fit, or a star has no pixel that is known.
        """
        filled, masked = self._fill(flux, error)
        if not len(filled):
            return pd.DataFrame(columns=list(self.columns))
        return self.judge(self.fitted.measure(filled), masked)

    def half_widths(self, inputs: GateInputs) -> np.ndarray:
        """Return how far intervals of all `intervals.LEVELS` reach to both sides [dex], (n_stars, n_levels)."""
        weights = self.fitted.gate.predict_weights(inputs.features)
        return self.intervals.half_widths(Evidence.of(inputs, weights, self.fitted.gate))

    def judge(self, inputs: GateInputs, masked: np.ndarray) -> pd.DataFrame:
        """Return the same of what was measured already, and of the share of masked pixels of each star."""
        weights = self.fitted.gate.predict_weights(inputs.features)
        evidence = Evidence.of(inputs, weights, self.fitted.gate)
        half_widths = self.intervals.half_widths(evidence)
        reach = at_level(half_widths, CONTENT)
        flags = self.limits.flag(evidence, self.intervals.difficulty.predict(evidence), masked)
        found = {
            LOGG: evidence.logg,
            ERROR: at_level(half_widths, ONE_SIGMA),
            LOW: evidence.logg - reach,
            HIGH: evidence.logg + reach,
            FLAG: flags,
            REASON: explain(flags),
            BIN: np.array(self.fitted.bins.names_)[evidence.likely_bin],
            MASKED: masked,
        }
        return pd.DataFrame(dict(zip(self.columns, [*found.values(), *weights.T], strict=True)))

    def _fill(self, flux: np.ndarray, error: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Return flux whose bad pixels are filled, float32, and the share of these in each star."""
        values = np.array(flux, np.float32, ndmin=2)
        n_pixels = len(self.fitted.wavelength)
        known = np.ones_like(values) if error is None else np.array(error, np.float32, ndmin=2)
        if values.ndim != 2 or values.shape[1] != n_pixels or known.shape != values.shape:
            raise InputError(
                f"flux and error have the shapes {values.shape} and {known.shape}; both must be (n_stars, {n_pixels}), "
                f"with a column for each pixel of the model's wavelength grid."
            )
        if not len(values):
            return values, np.zeros(0)
        masked = find_masked(values, known)
        lost, some = np.all(masked, axis=1), np.any(masked, axis=1)
        if lost.any():
            raise InputError(
                f"{lost.sum()} of {len(lost)} stars have no pixel with finite flux and a positive error (first: row "
                f"{int(np.argmax(lost))}); leave them out."
            )
        values[masked] = np.nan
        design = Design(np.ones(n_pixels, bool), self.fitted.template)
        return design.apply(values, some), np.mean(masked, axis=1)


def find_data(folder: Path) -> Path:
    """Return where the files of a model lie: in a folder, or in the MLflow model that the folder is."""
    within = folder / "data"
    return within if (folder / "MLmodel").exists() else folder
