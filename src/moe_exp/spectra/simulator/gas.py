"""Abundances, ionisation and the equation of state of the stellar gas.

Pressures are partial pressures in dyn/cm^2, temperatures in K. Tensors of the atmosphere have shape
(n_stars, n_depths); those with a value per element have one more axis.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from moe_exp.spectra.simulator.constants import BOLTZMANN_EV, HELIUM_PER_HYDROGEN
from moe_exp.spectra.simulator.tables import Elements

SAHA = 0.6666  # dyn cm^-2 K^-2.5: Gray (2005), eq. 1.20
LARGEST_ELECTRON_SHARE = 0.479  # of the gas pressure: fully ionised hydrogen, neutral helium


class Gas(NamedTuple):
    """State of the gas at every depth of every star; all tensors (n_stars, n_depths) unless said otherwise.

    Attributes
    ----------
    temperature : K
    pressure, electron_pressure : dyn/cm^2
    hydrogen : partial pressure of H atoms and protons
    nuclei : pressure that all hydrogen nuclei would have as free atoms
    partition : (2, n_stars, n_depths, n_elements), partition functions of atom and ion
    saha : (n_stars, n_depths, n_elements), ion over atom times the electron pressure
    abundance : (n_stars, 1, n_elements), atoms per hydrogen nucleus
    """

    temperature: Tensor
    pressure: Tensor
    electron_pressure: Tensor
    hydrogen: Tensor
    nuclei: Tensor
    partition: Tensor
    saha: Tensor
    abundance: Tensor

    @property
    def neutral_share(self) -> Tensor:
        """Neutral share of every element's atoms, (n_stars, n_depths, n_elements)."""
        pe = self.electron_pressure[..., None]
        return pe / (pe + self.saha)

    @property
    def neutral_hydrogen(self) -> Tensor:
        """Partial pressure of neutral hydrogen atoms."""
        return self.hydrogen * self.electron_pressure / (self.electron_pressure + self.saha[..., 0])


def abundances(elements: Elements, *, m_h: Tensor, a_m: Tensor, c_m: Tensor) -> Tensor:
    """Return the number of atoms per hydrogen nucleus, (n_stars, n_elements)."""

    def mask(values: object) -> Tensor:
        return torch.tensor(values, dtype=m_h.dtype, device=m_h.device)

    log_abundance = (
        mask(elements.log_abundance)
        + mask(elements.metal) * m_h[:, None]
        + mask(elements.alpha) * a_m[:, None]
        + mask(elements.carbon) * c_m[:, None]
    )
    return 10**log_abundance


def partition_functions(elements: Elements, temperature: Tensor) -> Tensor:
    """Return sum g exp(-E / kT) over the low terms of atom and ion, (2, n_stars, n_depths, n_elements)."""
    weight = torch.tensor(elements.weight, dtype=temperature.dtype, device=temperature.device)
    energy = torch.tensor(elements.energy, dtype=temperature.dtype, device=temperature.device)
    exponent = -energy[:, None, None] / (BOLTZMANN_EV * temperature[..., None, None])
    return (weight[:, None, None] * torch.exp(exponent)).sum(-1)


def saha_factors(elements: Elements, temperature: Tensor, partition: Tensor) -> Tensor:
    """Return n_ion P_e / n_atom [dyn/cm^2], (n_stars, n_depths, n_elements): Gray (2005), eq. 1.20."""
    ionization = torch.tensor(elements.ionization, dtype=temperature.dtype, device=temperature.device)
    t = temperature[..., None]
    return SAHA * partition[1] / partition[0] * t**2.5 * torch.exp(-ionization / (BOLTZMANN_EV * t))


def hydrogen_pressures(heavy_pressure: Tensor, h2_constant: Tensor) -> tuple[Tensor, Tensor]:
    """Share the pressure of all atoms and molecules between H, H2 and He.

    Parameters
    ----------
    heavy_pressure : Tensor
        Gas pressure without electrons.
    h2_constant : Tensor
        P_H^2 / P_H2 of the chemical equilibrium.

    Returns
    -------
    hydrogen, nuclei : Tensors
        Pressure of H atoms and protons, and of all hydrogen nuclei if they were free.
    """
    linear, quadratic = 1 + HELIUM_PER_HYDROGEN, 1 + 2 * HELIUM_PER_HYDROGEN
    root = torch.sqrt(linear**2 + 4 * quadratic * heavy_pressure / h2_constant)
    hydrogen = 2 * heavy_pressure / (linear + root)
    return hydrogen, hydrogen + 2 * hydrogen**2 / h2_constant


def electron_pressure_step(
    electron_pressure: Tensor, pressure: Tensor, *, h2_constant: Tensor, saha: Tensor, donors: Tensor
) -> Tensor:
    """Return a better electron pressure: one Newton step in its logarithm towards neutrality of charge.

    Parameters
    ----------
    electron_pressure, pressure, h2_constant : Tensors of shape (n_stars, n_depths)
    saha : Tensor of shape (n_stars, n_depths, n_donors)
        Hydrogen first.
    donors : Tensor of shape (n_stars, 1, n_donors)
        Atoms per hydrogen nucleus.
    """
    hydrogen, nuclei = hydrogen_pressures(pressure - electron_pressure, h2_constant)
    ionised = saha / (saha + electron_pressure[..., None])
    ions = donors * ionised
    metals, metals_squared = ions[..., 1:].sum(-1), (ions * ionised)[..., 1:].sum(-1)
    charge = hydrogen * ionised[..., 0] + nuclei * metals
    slope = charge - hydrogen * ionised[..., 0] ** 2 - nuclei * metals_squared
    step = torch.log(charge / electron_pressure) / (1 + slope / charge)
    return torch.minimum(electron_pressure * torch.exp(step), LARGEST_ELECTRON_SHARE * pressure)
