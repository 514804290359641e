"""Continuous opacity of cool stars [cm^2 per hydrogen nucleus], with stimulated emission taken off."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from moe_exp.spectra.simulator.constants import (
    AIR_INDEX,
    BOLTZMANN_EV,
    REFERENCE_WAVELENGTH,
    RYDBERG,
    SECOND_RADIATION,
    THOMSON,
)
from moe_exp.spectra.simulator.gas import Gas

NODES = (7050.0, 7900.0, 8900.0)  # Angstrom: the smooth part is a quadratic through its values here
HYDROGEN_IONIZATION = 13.598  # eV
KRAMERS = 1.0449e-26  # cm^2 Angstrom^-3: Gray (2005), eq. 8.8
PASCHEN_EDGE = 9e8 / RYDBERG / AIR_INDEX  # air Angstrom: limit of the Paschen series

BOUND_FREE = (1.99654, -1.18267e-5, 2.64243e-6, -4.40524e-10, 3.23992e-14, -1.39568e-18, 2.78701e-23)
FREE_FREE = (
    (-2.2763, -1.6850, 0.76661, -0.053346),
    (15.2827, -9.2846, 1.99381, -0.142631),
    (-197.789, 190.266, -67.9775, 10.6913, -0.625151),
)


class Absorbers(NamedTuple):
    """Opacity per neutral hydrogen atom, as far as it depends on temperature alone.

    Attributes
    ----------
    h_minus : Tensor of shape (n_stars, n_depths, 3)
        Of H- at the wavelengths `NODES`, per dyn/cm^2 of electron pressure.
    hydrogen : Tensor of shape (n_stars, n_depths, 3)
        Of hydrogen itself: levels 4 to 6 and Rayleigh scattering.
    paschen : Tensor of shape (n_stars, n_depths)
        Amplitude of `paschen_shape`.
    """

    h_minus: Tensor
    hydrogen: Tensor
    paschen: Tensor


class Continuum(NamedTuple):
    """Continuous opacity as amplitudes of four fixed functions of wavelength.

    Attributes
    ----------
    smooth : Tensor of shape (n_stars, n_depths, 3)
        Opacity at the wavelengths `NODES`, without the Paschen continuum.
    paschen : Tensor of shape (n_stars, n_depths)
        Amplitude of `paschen_shape`.
    """

    smooth: Tensor
    paschen: Tensor

    @property
    def reference(self) -> Tensor:
        """Opacity at the reference wavelength, (n_stars, n_depths)."""
        at = torch.tensor([REFERENCE_WAVELENGTH], dtype=self.smooth.dtype, device=self.smooth.device)
        return self.smooth @ smooth_shapes(at)[:, 0] + self.paschen * paschen_shape(at)[0]


def _polynomial(coefficients: tuple[float, ...], x: Tensor) -> Tensor:
    value = torch.zeros_like(x)
    for coefficient in reversed(coefficients):
        value = value * x + coefficient
    return value


def smooth_shapes(wavelength: Tensor) -> Tensor:
    """Return the Lagrange polynomials through `NODES`, (3, n_wavelengths)."""
    return lagrange_polynomials(NODES, wavelength)


def lagrange_polynomials(nodes: tuple[float, ...], wavelength: Tensor) -> Tensor:
    """Return for each node the polynomial that is 1 there and 0 at the others, (n_nodes, n_wavelengths)."""
    shapes = []
    for node in nodes:
        factors = [(wavelength - other) / (node - other) for other in nodes if other != node]
        shapes.append(torch.stack(factors).prod(0))
    return torch.stack(shapes)


def paschen_shape(wavelength: Tensor) -> Tensor:
    """Return the Paschen continuum shortward of its edge relative to that at the reference wavelength."""
    cube = (wavelength / REFERENCE_WAVELENGTH) ** 3
    gaunts = gaunt(3, PASCHEN_EDGE / wavelength) / gaunt(3, PASCHEN_EDGE / REFERENCE_WAVELENGTH)
    return torch.where(wavelength < PASCHEN_EDGE, cube * gaunts, 0.0)


def gaunt(n: int, x: Any) -> Any:
    """Return the Gaunt factor of level `n` > 2 at a photon energy of `x` times its ionization energy.

    Johnson (1972, ApJ 174, 227), table 1: x < 1 are lines, x > 1 is the continuum.
    """
    g0 = 0.9935 + 0.2328 / n - 0.1296 / n**2
    g1 = -(0.6282 - 0.5598 / n + 0.5299 / n**2) / n
    g2 = (0.3887 - 1.181 / n + 1.470 / n**2) / n**2
    return g0 + g1 / x + g2 / x**2


def h_minus_bound_free_cross_section(wavelength: Tensor) -> Tensor:
    """Return the cross section of H- [cm^2] against photo-detachment: Gray (2005), eq. 8.11."""
    return 1e-18 * _polynomial(BOUND_FREE, wavelength)


def h_minus(wavelength: Tensor, temperature: Tensor) -> Tensor:
    """Return the opacity of H- per neutral hydrogen atom and electron pressure: Gray (2005), eqs. 8.12 and 8.13."""
    theta = 5040.0 / temperature
    population = 4.158e-10 * theta**2.5 * 10 ** (0.754 * theta)
    bound_free = h_minus_bound_free_cross_section(wavelength) * population * stimulated(wavelength, temperature)
    x, log_theta = torch.log10(wavelength), torch.log10(theta)
    exponent = sum(_polynomial(row, x) * log_theta**power for power, row in enumerate(FREE_FREE))
    return bound_free + 1e-26 * 10**exponent


def stimulated(wavelength: Tensor | float, temperature: Tensor) -> Tensor:
    """Return 1 - exp(-hc / (lambda kT))."""
    return -torch.expm1(-SECOND_RADIATION / (wavelength * temperature))


def hydrogen_level(n: int, wavelength: Tensor | float, temperature: Tensor) -> Tensor:
    """Return the bound-free opacity of level `n` per neutral hydrogen atom: Gray (2005), eq. 8.8."""
    excitation = HYDROGEN_IONIZATION * (1 - 1 / n**2)
    boltzmann = torch.exp(-excitation / (BOLTZMANN_EV * temperature))
    kramers = KRAMERS * wavelength**3 / n**3 * gaunt(n, n**2 / 9 * PASCHEN_EDGE / wavelength)
    return kramers * boltzmann * stimulated(wavelength, temperature)


def rayleigh(wavelength: Tensor) -> Tensor:
    """Return the Rayleigh scattering cross section of hydrogen [cm^2]: Dalgarno (1962)."""
    return 5.799e-13 / wavelength**4 + 1.422e-6 / wavelength**6 + 2.784 / wavelength**8


def absorbers(temperature: Tensor) -> Absorbers:
    """Return what the continuous opacity owes to temperature alone."""
    wavelength = torch.tensor(NODES, dtype=temperature.dtype, device=temperature.device)
    hydrogen = rayleigh(wavelength)
    for n in (4, 5, 6):
        hydrogen = hydrogen + hydrogen_level(n, wavelength, temperature[..., None])
    return Absorbers(
        h_minus=h_minus(wavelength, temperature[..., None]),
        hydrogen=hydrogen,
        paschen=hydrogen_level(3, REFERENCE_WAVELENGTH, temperature),
    )


def continuum_opacity(gas: Gas, absorbers: Absorbers) -> Continuum:
    """Return the continuous opacity of a gas; scattering counts as absorption."""
    neutral, pe = gas.neutral_hydrogen / gas.nuclei, gas.electron_pressure[..., None]
    per_atom = pe * absorbers.h_minus + absorbers.hydrogen
    smooth = neutral[..., None] * per_atom + THOMSON * pe / gas.nuclei[..., None]
    return Continuum(smooth, neutral * absorbers.paschen)
