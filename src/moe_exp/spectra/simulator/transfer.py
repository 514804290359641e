"""Formal solution of the transfer equation: from opacity at a few depths to the light that leaves the star."""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from moe_exp.spectra.simulator.constants import SECOND_RADIATION
from moe_exp.spectra.simulator.continuum import lagrange_polynomials

COSINE = 2 / 3  # of the one ray: exact for the flux of a source function linear in optical depth (Eddington-Barbier)
SOURCE_NODES = (7050.0, 7600.0, 8250.0, 8900.0)  # Angstrom: between them the Planck function is a cubic
SOURCE_REFERENCE = 7600.0  # Angstrom: source functions are relative to the Planck function of T_eff here
EXACT_POWERS = (1.0, 1.5)  # of optical depth, whose integrals are exact
SMALLEST_STEP = 1e-12  # in log2 of the transmission, where float32 no longer tells two depths apart
DEEPEST = -80.0  # log2 of the transmission: less would only bring in slow denormal numbers


class Buffers(NamedTuple):
    """Memory for one tile of one batch of stars, written over again and again.

    Attributes
    ----------
    depth : (n_depths, n_stars, n_tile)
    step, weight : (n_depths - 1, n_stars, n_tile)
    source : (n_stars, 4, n_tile)
    """

    depth: Tensor
    step: Tensor
    weight: Tensor
    source: Tensor

    @classmethod
    def allocate(cls, *, n_depths: int, n_stars: int, n_tile: int, device: torch.device) -> "Buffers":
        """Return uninitialised buffers."""

        def empty(*shape: int) -> Tensor:
            return torch.empty(shape, dtype=torch.float32, device=device)

        full, inner = (n_depths, n_stars, n_tile), (n_depths - 1, n_stars, n_tile)
        return cls(empty(*full), empty(*inner), empty(*inner), empty(n_stars, len(SOURCE_NODES), n_tile))


def optical_depth_weights(tau: Tensor) -> Tensor:
    """Return the matrix that integrates d tau_lambda / d ln tau down to each depth, (n_depths, n_depths).

    Between two depths the integral is a weighted sum of the integrand at both, exact for opacities that grow as tau
    and as tau^1.5 (the trapezoidal rule in ln tau would be 7 % too large for the continuum itself). Above the first
    depth the integrand is proportional to tau. The slant of the ray is included, and a factor that turns the
    result into the binary logarithm of the transmission, because 2^x is faster to compute than e^x.
    """
    n_depths = len(tau)
    weights = torch.zeros(n_depths, n_depths, dtype=tau.dtype)
    weights[:, 0] = 1.0
    for k in range(n_depths - 1):
        ratio = float(tau[k + 1] / tau[k])
        powers = np.array(EXACT_POWERS)
        shallow, deep = np.linalg.solve(np.stack([powers**0, ratio**powers], axis=1), (ratio**powers - 1) / powers)
        weights[k + 1 :, k] += shallow
        weights[k + 1 :, k + 1] += deep
    return -weights / COSINE / math.log(2)


def source_function(temperature: Tensor, teff: Tensor) -> Tensor:
    """Return the Planck function at `SOURCE_NODES` over that of T_eff at 7600 Å, (n_stars, 4, n_depths)."""
    nodes = torch.tensor(SOURCE_NODES, dtype=temperature.dtype, device=temperature.device)[:, None]
    reference = torch.expm1(SECOND_RADIATION / (SOURCE_REFERENCE * teff))[:, None, None]
    return (SOURCE_REFERENCE / nodes) ** 5 * reference / torch.expm1(SECOND_RADIATION / (nodes * temperature[:, None]))


def source_shapes(wavelength: Tensor) -> Tensor:
    """Return the cubic Lagrange polynomials through `SOURCE_NODES`, (4, n_wavelengths)."""
    return lagrange_polynomials(SOURCE_NODES, wavelength)


def emergent_flux(
    amplitudes: Tensor, templates: Tensor, source: Tensor, shapes: Tensor, buffers: Buffers | None = None
) -> Tensor:
    """Return the flux of stars at the wavelengths of some templates.

    With a source function linear in optical depth between depths, F = B_1 + sum_k (B_k+1 - B_k) (e_k - e_k+1) /
    (tau_k+1 - tau_k), where e = exp(-tau) along the ray; the last interval goes on below the last depth (e = 0 there).

    Parameters
    ----------
    amplitudes : Tensor of shape (n_depths, n_stars, n_templates)
        From `optical_depth_weights`: the binary logarithm of the transmission above each depth, per template.
    templates : Tensor of shape (n_templates, n_wavelengths)
    source : Tensor of shape (n_stars, 4, n_depths)
        From `source_function`.
    shapes : Tensor of shape (4, n_wavelengths)
        From `source_shapes`.
    buffers : Buffers, optional
        Memory to work in. Without it the result can be differentiated.

    Returns
    -------
    Tensor of shape (n_stars, n_wavelengths)
    """
    n_depths, n_stars, n_templates = amplitudes.shape
    rows = amplitudes.reshape(n_depths * n_stars, n_templates)
    out = _NO_BUFFERS if buffers is None else buffers
    depth = torch.mm(rows, templates, out=None if buffers is None else buffers.depth.view(len(rows), -1))
    depth = depth.view(n_depths, n_stars, -1)
    step = torch.sub(depth[:-1], depth[1:], out=out.step)
    step = torch.clamp(step, min=SMALLEST_STEP, out=out.step)
    weight = torch.div(_absorbed(depth[:-1], buffers), step, out=out.weight)
    steps = (source[..., 1:] - source[..., :-1]) / math.log(2)
    nodes = torch.baddbmm(source[..., :1], steps, weight.transpose(0, 1), out=out.source)
    flux = nodes[:, 0] * shapes[0]
    for j in range(1, len(shapes)):
        flux = torch.addcmul(flux, nodes[:, j], shapes[j])
    return flux


def _absorbed(depth: Tensor, buffers: Buffers | None) -> Tensor:
    """Return which part of a ray is absorbed between one depth and the next; below the last one, all that is left."""
    if buffers is None:
        transmission = torch.exp2(torch.clamp(depth, min=DEEPEST))
        return torch.cat([transmission[:-1] - transmission[1:], transmission[-1:]])
    transmission = torch.exp2(torch.clamp(depth, min=DEEPEST, out=depth), out=depth)
    torch.sub(transmission[:-1], transmission[1:], out=buffers.weight[:-1])
    buffers.weight[-1] = transmission[-1]
    return buffers.weight


class _NoBuffers(NamedTuple):
    step: None = None
    weight: None = None
    source: None = None


_NO_BUFFERS = _NoBuffers()
