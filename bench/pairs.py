"""Simulated stars beside those that they are held against, and what is measured on both."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

TRIPLET = {  # band of the line, bands of the continuum on both sides [air Å]
    "Ca II 8498": ((8490.0, 8506.0), (8474.0, 8489.0), (8521.0, 8531.0)),
    "Ca II 8542": ((8532.0, 8552.0), (8521.0, 8531.0), (8555.0, 8595.0)),
    "Ca II 8662": ((8653.0, 8671.0), (8626.0, 8650.0), (8695.0, 8725.0)),
}
CENTRES = {"Ca II 8498": 8498.02, "Ca II 8542": 8542.09, "Ca II 8662": 8662.14}  # air Å
SCALES = {"logg": 1.0, "teff": 1000.0, "m_h": 1.0}


@dataclass(frozen=True)
class Comparison:
    """The same stars twice.

    Attributes
    ----------
    wavelength : array of shape (n_pixels,), air Å
    labels : DataFrame of n_stars rows
    simulated, reference : arrays of shape (n_stars, n_pixels)
    """

    wavelength: np.ndarray
    labels: pd.DataFrame
    simulated: np.ndarray
    reference: np.ndarray


def inside(pair: Comparison, within: tuple[float, float]) -> np.ndarray:
    """Return which pixels lie between two wavelengths, (n_pixels,)."""
    return (pair.wavelength > within[0]) & (pair.wavelength < within[1])


def equivalent_widths(wavelength: np.ndarray, flux: np.ndarray, *, part: tuple[float, float] = (0, 99)) -> pd.DataFrame:
    """Return those of the calcium triplet [Å], n_stars rows; of a part, between two distances [Å] from the centres."""

    def band(first: float, last: float) -> tuple[float, np.ndarray]:
        inside = (wavelength >= first) & (wavelength <= last)
        return wavelength[inside].mean(), flux[:, inside].mean(axis=1)

    widths = {}
    for name, (line, blue, red) in TRIPLET.items():
        (x_blue, y_blue), (x_red, y_red) = band(*blue), band(*red)
        distance = np.abs(wavelength - CENTRES[name])
        inside = (wavelength >= line[0]) & (wavelength <= line[1]) & (distance >= part[0]) & (distance < part[1])
        x = (wavelength[inside] - x_blue) / (x_red - x_blue)
        continuum = y_blue[:, None] + (y_red - y_blue)[:, None] * x
        widths[name] = (1 - flux[:, inside] / continuum) @ np.gradient(wavelength)[inside]
    return pd.DataFrame(widths)


def row(what: str, simulated: float, reference: float, *, target: str = "", correlation: float = np.nan) -> dict:
    """Return one line of the table."""
    numbers = {"simulated": float(simulated), "reference": float(reference), "ratio": float(simulated / reference)}
    return {"what": what, **numbers, "correlation": float(correlation), "target": target}
