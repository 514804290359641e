"""A fitted mixture as users have it: spectra in, one row a star out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from moe_exp.errors import InputError
from moe_exp.model.mixture import FittedMixture
from moe_exp.model.routing import route_soft
from moe_exp.prediction.storage import load_mixture, save_mixture
from moe_exp.spectra.design import Design
from moe_exp.spectra.masks import find_masked

LOGG, BIN = "log_g", "bin"
WEIGHT = "weight "
"""What the column of an expert's weight begins with; the name of its bin follows."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """A model that was loaded, or is to be kept.

    Parameters
    ----------
    fitted : FittedMixture
    """

    fitted: FittedMixture

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a model from its folder, or from that of the MLflow model which holds it.

        Raises
        ------
        InputError
            If there is none, it is damaged, or another version of the package made it.
        """
        return cls(load_mixture(find_data(Path(folder))))

    def save(self, folder: str | Path) -> None:
        """Write the model into a folder, which is made; nothing is pickled."""
        save_mixture(self.fitted, Path(folder))

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of a prediction: log g [dex], the bin of the largest weight, and the weight of every bin's expert."""
        return (LOGG, BIN, *(f"{WEIGHT}{name}" for name in self.fitted.bins.names_))

    def predict(self, flux: np.ndarray, *, error: np.ndarray | None = None) -> pd.DataFrame:
        """Predict log g of stars, one row each.

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
        filled = self._fill(flux, error)
        if not len(filled):
            return pd.DataFrame(columns=list(self.columns))
        inputs = self.fitted.measure(filled)
        weights = self.fitted.gate.predict_weights(inputs.features)
        names = np.array(self.fitted.bins.names_)
        found = [route_soft(weights, inputs.experts), names[np.argmax(weights, axis=1)], *weights.T]
        return pd.DataFrame(dict(zip(self.columns, found, strict=True)))

    def _fill(self, flux: np.ndarray, error: np.ndarray | None) -> np.ndarray:
        """Return flux whose bad pixels are filled, float32."""
        values = np.array(flux, np.float32, ndmin=2)
        n_pixels = len(self.fitted.wavelength)
        known = np.ones_like(values) if error is None else np.array(error, np.float32, ndmin=2)
        if values.ndim != 2 or values.shape[1] != n_pixels or known.shape != values.shape:
            raise InputError(
                f"flux and error have the shapes {values.shape} and {known.shape}; both must be (n_stars, {n_pixels}), "
                f"with a column for each pixel of the model's wavelength grid."
            )
        if not len(values):
            return values
        masked = find_masked(values, known)
        lost, some = np.all(masked, axis=1), np.any(masked, axis=1)
        if lost.any():
            raise InputError(
                f"{lost.sum()} of {len(lost)} stars have no pixel with finite flux and a positive error (first: row "
                f"{int(np.argmax(lost))}); leave them out."
            )
        values[masked] = np.nan
        design = Design(np.ones(n_pixels, bool), self.fitted.template)
        return design.apply(values, some)


def find_data(folder: Path) -> Path:
    """Return where the files of a model lie: in a folder, or in the MLflow model that the folder is."""
    within = folder / "data"
    return within if (folder / "MLmodel").exists() else folder
