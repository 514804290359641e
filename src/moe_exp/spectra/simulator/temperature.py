"""Temperature of the atmosphere against optical depth, as blanketed models have it."""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from moe_exp.spectra.simulator.tables import read_table

LABELS = ("teff", "logg", "m_h")


@cache
def _read_temperatures() -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Return the centres of the splines on each axis and their coefficients, (n_teff, n_logg, n_m_h, n_log_tau)."""
    table = read_table("temperature")
    coefficients = table.drop(columns=list(LABELS))
    axes = (*(np.unique(table[name]) for name in LABELS), coefficients.columns.to_numpy(float))
    return axes, coefficients.to_numpy().reshape([len(axis) for axis in axes])


def b_splines(x: Tensor, centres: Tensor) -> Tensor:
    """Return the cubic B-splines around equally spaced centres, (..., n_centres), at points (...).

    Valid from the second centre to the last but one; beyond, `x` counts as being there.
    """
    distance = (x.clamp(centres[1], centres[-2])[..., None] - centres).abs() / (centres[1] - centres[0])
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = (2 - distance).clamp(min=0) ** 3 / 6
    return torch.where(distance < 1, near, far)


def temperature_structure(tau: Tensor, *, teff: Tensor, logg: Tensor, m_h: Tensor) -> Tensor:
    """Return T(tau) [K] of the C3K models (see ``data/temperature.csv``), (n_stars, n_depths).

    Parameters
    ----------
    tau : Tensor of shape (n_depths,)
        Optical depth of the continuum at 8000 Å, 1e-4 to 2.5.
    teff, logg, m_h : Tensors of shape (n_stars,)
    """
    axes, values = _read_temperatures()
    at = (teff, logg, m_h, torch.log10(tau))
    centres = [torch.tensor(axis, dtype=teff.dtype, device=teff.device) for axis in axes]
    of_teff, of_logg, of_m_h, of_depth = (b_splines(x, axis) for x, axis in zip(at, centres, strict=True))
    coefficients = torch.tensor(values, dtype=teff.dtype, device=teff.device) @ of_depth.T
    products = of_teff[:, :, None, None] * of_logg[:, None, :, None] * of_m_h[:, None, None, :]
    return teff[:, None] * (products.flatten(1) @ coefficients.flatten(0, 2))
