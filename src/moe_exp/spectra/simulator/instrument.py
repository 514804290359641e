"""From the fine grid of the synthesis to pixels: Doppler shift, line-spread function, pixels, normalisation."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from moe_exp.spectra.simulator.constants import SPEED_OF_LIGHT_KMS
from moe_exp.spectra.simulator.settings import LSF_REACH, Simulator

PIXELS_PER_BLOCK = 64
ZERO_MAG = 21.5  # magnitude at which flux_norm=mag leaves a spectrum as it is


@dataclass(frozen=True)
class Instrument:
    """Spectrograph as a band matrix from the fine grid to pixels, cut into dense blocks.

    Parameters
    ----------
    simulator : Simulator
    grid : array of shape (n_grid,)
        Fine wavelengths, equally spaced in their logarithm [Å].
    device : str
    """

    simulator: Simulator
    step: float  # km/s
    blocks: tuple[tuple[slice, Tensor], ...]

    @classmethod
    def build(cls, simulator: Simulator, grid: np.ndarray, *, device: str) -> "Instrument":
        """Return the instrument for spectra given on `grid`, (n_grid,) Å."""
        blocks = []
        for first in range(0, simulator.n_pixels, PIXELS_PER_BLOCK):
            pixels = simulator.wavelength[first : first + PIXELS_PER_BLOCK]
            columns, weights = _lsf_block(grid, pixels, simulator.lsf_sigma(pixels))
            blocks.append((columns, torch.tensor(weights, dtype=torch.float32, device=device)))
        return cls(simulator, simulator.velocity_step, tuple(blocks))

    def observe(self, flux: Tensor, *, mag: Tensor, rv: Tensor) -> Tensor:
        """Return the spectra in pixels, (n_stars, n_pixels), of `flux` on the fine grid, (n_stars, n_grid)."""
        if self.simulator.rv_max > 0:
            flux = doppler_shift(flux, rv, step=self.step)
        pixels = torch.cat([flux[:, columns] @ weights.to(flux.dtype) for columns, weights in self.blocks], dim=1)
        pixels = pixels / pixels.median(dim=1, keepdim=True).values
        if self.simulator.flux_norm == "mag":
            pixels = pixels * brightness(mag)[:, None]
        return pixels


def brightness(mag: Tensor) -> Tensor:
    """Return the flux relative to a star of magnitude 21.5."""
    return 10 ** (-0.4 * (mag - ZERO_MAG))


def fine_grid(simulator: Simulator) -> np.ndarray:
    """Return the wavelengths of the synthesis [Å]: enough for every pixel at every velocity, (n_grid,)."""
    margin = (simulator.lsf_reach + simulator.rv_max + 4 * simulator.velocity_step) / SPEED_OF_LIGHT_KMS
    first, last = np.log(simulator.wavelength_min) - margin, np.log(simulator.wavelength_max) + margin
    step = simulator.velocity_step / SPEED_OF_LIGHT_KMS
    return np.exp(first + step * np.arange(np.ceil((last - first) / step) + 1))


def _lsf_block(grid: np.ndarray, pixels: np.ndarray, sigma: np.ndarray) -> tuple[slice, np.ndarray]:
    """Return which fine wavelengths the pixels see, and the weights (n_seen, n_pixels), columns adding up to one."""
    reach = LSF_REACH * sigma / SPEED_OF_LIGHT_KMS
    first = np.searchsorted(grid, pixels[0] * np.exp(-reach[0]))
    last = np.searchsorted(grid, pixels[-1] * np.exp(reach[-1]))
    offset = SPEED_OF_LIGHT_KMS * np.log(grid[first:last, None] / pixels)
    weights = np.where(np.abs(offset) <= LSF_REACH * sigma, np.exp(-0.5 * (offset / sigma) ** 2), 0.0)
    return slice(int(first), int(last)), weights / weights.sum(axis=0)


def doppler_shift(flux: Tensor, rv: Tensor, *, step: float) -> Tensor:
    """Return spectra as seen from a star that recedes at `rv`.

    Parameters
    ----------
    flux : Tensor of shape (n_stars, n_grid)
        Spectra on a grid equally spaced in log wavelength.
    rv : Tensor of shape (n_stars,)
        Radial velocity [km/s].
    step : float
        Spacing of the grid [km/s].

    Returns
    -------
    Tensor of shape (n_stars, n_grid)
        Interpolated by Catmull & Rom's cubic; beyond the ends of the grid the last values are repeated.
    """
    shift = -torch.log1p(rv / SPEED_OF_LIGHT_KMS) * SPEED_OF_LIGHT_KMS / step
    whole = torch.floor(shift)
    x = (shift - whole).to(flux.dtype)
    weights = (
        0.5 * (-x + 2 * x**2 - x**3),
        0.5 * (2 - 5 * x**2 + 3 * x**3),
        0.5 * (x + 4 * x**2 - 3 * x**3),
        0.5 * (x**3 - x**2),
    )
    n_grid = flux.shape[1]
    place = torch.arange(n_grid, device=flux.device) + whole.long()[:, None]
    shifted = torch.zeros_like(flux)
    for offset, weight in zip((-1, 0, 1, 2), weights, strict=True):
        shifted = shifted + weight[:, None] * flux.gather(1, (place + offset).clamp(0, n_grid - 1))
    return shifted
