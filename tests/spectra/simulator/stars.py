"""Spectra of chosen stars for the tests of the simulator."""

from functools import cache

import numpy as np
import torch
from torch import Tensor

from moe_exp.spectra.simulator import Simulator, Synthesizer
from moe_exp.spectra.simulator.atmosphere import optical_depths, solve_atmosphere
from moe_exp.spectra.simulator.gas import Gas
from moe_exp.spectra.simulator.instrument import Instrument
from moe_exp.spectra.simulator.tables import read_elements
from moe_exp.spectra.simulator.transfer import emergent_flux

SUN = (5777.0, 4.44, 0.0)


@cache
def default_synthesizer() -> Synthesizer:
    return Synthesizer(Simulator())


def star_labels(*stars: tuple[float, float, float], a_m: float = 0.0, c_m: float = 0.0) -> Tensor:
    """Complete (teff, logg, m_h) to rows of labels at magnitude 21.5."""
    return torch.tensor([[*star, a_m, c_m, 21.5, 0.0] for star in stars], dtype=torch.float64)


@torch.inference_mode()
def solve(*stars: tuple[float, float, float], n_depths: int = 16) -> tuple[np.ndarray, Gas]:
    """Return log10 of the optical depths, and the gas there."""
    labels, tau = star_labels(*stars), optical_depths(n_depths)
    teff, logg, m_h, a_m, c_m = labels[:, :5].T
    gas = solve_atmosphere(read_elements(), tau, teff=teff, logg=logg, m_h=m_h, a_m=a_m, c_m=c_m)
    return torch.log10(tau).numpy(), gas


@torch.inference_mode()
def line_depth(star: tuple[float, float, float], *species: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the wavelength, and by which fraction the lines of some species lower the flux there, (n_pixels,)."""
    synthesizer = default_synthesizer()
    layers = synthesizer.layers(star_labels(star))
    names = np.array(synthesizer.species)[synthesizer.recipe.species.numpy()]
    others = torch.tensor([True] * 4 + [name not in species for name in names])
    shapes = synthesizer.shapes

    def pixels(rows: Tensor) -> Tensor:
        flux = emergent_flux(layers.amplitudes[..., rows], synthesizer.templates[rows], layers.source, shapes)
        return unnormalised(synthesizer.instrument, flux)

    depth = 1 - pixels(torch.ones_like(others)) / pixels(others)
    return synthesizer.simulator.wavelength, depth[0].double().numpy()


def unnormalised(instrument: Instrument, flux: Tensor) -> Tensor:
    """Return the flux in pixels, (n_stars, n_pixels), before it is divided by its median."""
    return torch.cat([flux[:, columns] @ weights for columns, weights in instrument.blocks], dim=1)


def equivalent_width(star: tuple[float, float, float], species: str, window: tuple[float, float]) -> float:
    """Return the equivalent width [Å] of a species' lines between two wavelengths."""
    wavelength, depth = line_depth(star, species)
    inside = (wavelength > window[0]) & (wavelength < window[1])
    return float(depth[inside].sum() * (wavelength[1] - wavelength[0]))
