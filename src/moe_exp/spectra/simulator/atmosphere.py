"""Structure of the atmosphere: temperature, gas pressure and electron pressure against optical depth."""

from typing import NamedTuple

import torch
from torch import Tensor

from moe_exp.spectra.simulator.constants import ATOMIC_MASS, MASS_PER_HYDROGEN
from moe_exp.spectra.simulator.continuum import absorbers, continuum_opacity
from moe_exp.spectra.simulator.gas import (
    Gas,
    abundances,
    electron_pressure_step,
    hydrogen_pressures,
    partition_functions,
    saha_factors,
)
from moe_exp.spectra.simulator.molecules import h2_equilibrium
from moe_exp.spectra.simulator.tables import Elements
from moe_exp.spectra.simulator.temperature import temperature_structure

LOG_TAU_TOP, LOG_TAU_BOTTOM = -4.0, 0.4
DEPTH_CROWDING = 1.5  # 1: equally spaced in log tau; more: closer together at the bottom
PRESSURE_ITERATIONS = 14  # each reduces the error of the gas pressure twofold or more
FIRST_ELECTRON_SHARE = 1e-4  # of the gas pressure
FIRST_ELECTRON_STEPS, ELECTRON_STEPS = 6, 2
TOP_GROWTH = (0.2, 2.0)  # limits on d ln(integrand) / d ln(tau) above the first depth


def optical_depths(n_depths: int) -> Tensor:
    """Return the continuum optical depths at 8000 Å, closer together where the temperature rises, (n_depths,)."""
    fraction = torch.linspace(0, 1, n_depths, dtype=torch.float64)
    depth = 1 - (1 - fraction) ** DEPTH_CROWDING
    return 10 ** (LOG_TAU_TOP + (LOG_TAU_BOTTOM - LOG_TAU_TOP) * depth)


class Matter(NamedTuple):
    """What the state of the gas owes to temperature and abundances alone; shapes as in `Gas`.

    Attributes
    ----------
    h2_constant : (n_stars, n_depths), P_H^2 / P_H2
    donor_saha, donors : (n_stars, n_depths, n_donors) and (n_stars, 1, n_donors), of the elements that give electrons
    """

    temperature: Tensor
    partition: Tensor
    saha: Tensor
    abundance: Tensor
    h2_constant: Tensor
    donor_saha: Tensor
    donors: Tensor

    @classmethod
    def of(cls, elements: Elements, temperature: Tensor, *, m_h: Tensor, a_m: Tensor, c_m: Tensor) -> "Matter":
        """Return the matter of stars with these abundances at these temperatures."""
        partition = partition_functions(elements, temperature)
        saha = saha_factors(elements, temperature, partition)
        abundance = abundances(elements, m_h=m_h, a_m=a_m, c_m=c_m)[:, None]
        donor = torch.tensor(elements.donor, device=temperature.device)
        h2_constant = h2_equilibrium(temperature, partition)
        return cls(temperature, partition, saha, abundance, h2_constant, saha[..., donor], abundance[..., donor])

    def at(self, pressure: Tensor, electron_pressure: Tensor, *, n_steps: int) -> Gas:
        """Return the gas at a pressure, its charge balance improved by Newton steps from `electron_pressure` on."""
        for _ in range(n_steps):
            electron_pressure = electron_pressure_step(
                electron_pressure, pressure, h2_constant=self.h2_constant, saha=self.donor_saha, donors=self.donors
            )
        hydrogen, nuclei = hydrogen_pressures(pressure - electron_pressure, self.h2_constant)
        return Gas(
            self.temperature, pressure, electron_pressure, hydrogen, nuclei, self.partition, self.saha, self.abundance
        )


def _mean_of_exponential(log_ratio: Tensor) -> Tensor:
    """Return (e^x - 1) / x, the mean of a function that grows e^x-fold exponentially, relative to its start."""
    small = log_ratio.abs() < 1e-5
    safe = torch.where(small, torch.ones_like(log_ratio), log_ratio)
    return torch.where(small, 1 + log_ratio / 2, torch.expm1(safe) / safe)


def _integrate_log(integrand: Tensor, step: Tensor) -> Tensor:
    """Integrate over ln tau from 0 to each depth; between depths the integrand is a power law of tau."""
    growth = torch.log(integrand[:, 1:] / integrand[:, :-1])
    inside = integrand[:, :-1] * _mean_of_exponential(growth) * step
    above = integrand[:, :1] / (growth[:, :1] / step[:1]).clamp(*TOP_GROWTH)
    return torch.cumsum(torch.cat([above, inside], dim=1), dim=1)


def solve_atmosphere(
    elements: Elements, tau: Tensor, *, teff: Tensor, logg: Tensor, m_h: Tensor, a_m: Tensor, c_m: Tensor
) -> Gas:
    """Return the gas of hydrostatic atmospheres.

    Solves d P / d tau = g / kappa in the form P^1.5 = 1.5 g * integral of tau P^0.5 / kappa over ln tau (Gray 2005,
    eq. 9.12) by iteration at all depths at once, with the charge balance followed by Newton steps on the way.

    Parameters
    ----------
    elements : Elements
    tau : Tensor of shape (n_depths,)
        Continuum optical depth at 8000 Å.
    teff : Tensor of shape (n_stars,)
        Effective temperature [K].
    logg : Tensor of shape (n_stars,)
        log10 of the surface gravity [cm/s^2].
    m_h, a_m, c_m : Tensors of shape (n_stars,)
        [M/H], [alpha/M], [C/M].
    """
    temperature = temperature_structure(tau, teff=teff, logg=logg, m_h=m_h)
    matter = Matter.of(elements, temperature, m_h=m_h, a_m=a_m, c_m=c_m)
    absorbing = absorbers(temperature)

    gravity = 10 ** logg[:, None]
    pressure = 3e4 * (gravity / 10**4.44) ** 0.6 * tau**0.5
    electrons = FIRST_ELECTRON_SHARE * pressure
    step = torch.log(tau[1:] / tau[:-1])
    for iteration in range(PRESSURE_ITERATIONS + 1):
        gas = matter.at(pressure, electrons, n_steps=ELECTRON_STEPS if iteration else FIRST_ELECTRON_STEPS)
        if iteration == PRESSURE_ITERATIONS:
            break
        opacity = continuum_opacity(gas, absorbing).reference / (MASS_PER_HYDROGEN * ATOMIC_MASS)
        integral = _integrate_log(tau * torch.sqrt(pressure) / opacity, step)
        new_pressure = (1.5 * gravity * integral) ** (2 / 3)
        electrons, pressure = gas.electron_pressure * new_pressure / pressure, new_pressure
    return gas
