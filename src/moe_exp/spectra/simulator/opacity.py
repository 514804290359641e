"""Line and continuum opacity as amplitudes of fixed functions of wavelength.

Everything that changes from star to star and with depth is an amplitude; everything that changes with wavelength is a
template (module `templates`). Their product is the opacity, so that one matrix product does the work.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from moe_exp.spectra.simulator.constants import (
    BOLTZMANN,
    BOLTZMANN_EV,
    CLASSICAL_CROSS_SECTION,
    HELIUM_PER_HYDROGEN,
    REFERENCE_WAVELENGTH,
)
from moe_exp.spectra.simulator.continuum import Continuum, stimulated
from moe_exp.spectra.simulator.gas import Gas
from moe_exp.spectra.simulator.hydrogen import LOG_DENSITIES
from moe_exp.spectra.simulator.molecules import FreeAtoms, rotation_vibration
from moe_exp.spectra.simulator.profiles import DAMPING_TEMPERATURE
from moe_exp.spectra.simulator.tables import Elements
from moe_exp.spectra.simulator.temperature import b_splines

# Broadening by H2 and He relative to H, by polarisability and reduced mass; temperature law of Unsöld's width.
H2_BROADENING, HE_BROADENING, BROADENING_EXPONENT = 0.85, 0.42, 0.3
KINDS = ("plain", "core", "collision", "natural", "hydrogen")


class Recipe(NamedTuple):
    """What the amplitude of each line template is made of; tensors (n_templates,), grouped in the order of `KINDS`.

    Attributes
    ----------
    species : places in the list of species
    excitation : energy [eV] of the template's Boltzmann factor
    damping : Voigt parameter per perturber density [cm^3], used by kind "core" alone
    counts : number of templates of each kind
    """

    species: Tensor
    excitation: Tensor
    damping: Tensor
    counts: tuple[int, ...]


def perturber_density(gas: Gas) -> Tensor:
    """Return the density of neutral particles that broaden lines, weighted, times (T / 10^4 K)^0.3 [cm^-3]."""
    h2 = (gas.nuclei - gas.hydrogen) / 2
    pressure = gas.neutral_hydrogen + H2_BROADENING * h2 + HE_BROADENING * HELIUM_PER_HYDROGEN * gas.nuclei
    return pressure / (BOLTZMANN * gas.temperature) * (gas.temperature / DAMPING_TEMPERATURE) ** BROADENING_EXPONENT


def _molecule_population(name: str, gas: Gas, free: FreeAtoms) -> Tensor:
    t = gas.temperature
    if name == "CN":
        pressure = free.cn
        partition = rotation_vibration(t, weight=2.0, rotational=1.8911, vibrational=2068.6)
    else:
        pressure = free.tio
        partition = rotation_vibration(t, weight=6.0, rotational=0.5339, vibrational=1009.0)
    return pressure / gas.nuclei / partition


def _atom_population(name: str, gas: Gas, free: FreeAtoms, elements: Elements) -> Tensor:
    symbol, stage = name.split()
    place = elements.index(symbol)
    unbound = {"C": free.carbon, "O": free.oxygen, "Ti": free.titanium, "H": gas.neutral_hydrogen}
    if symbol in unbound:
        neutral = unbound[symbol] / gas.nuclei
    else:
        pe = gas.electron_pressure
        neutral = gas.abundance[..., place] * pe / (pe + gas.saha[..., place])
    if stage == "I":
        return neutral / gas.partition[0, ..., place]
    return neutral * gas.saha[..., place] / gas.electron_pressure / gas.partition[1, ..., place]


def line_populations(species: tuple[str, ...], gas: Gas, free: FreeAtoms, elements: Elements) -> Tensor:
    """Return absorbers per hydrogen nucleus over the partition function, with stimulated emission taken off.

    Parameters
    ----------
    species : tuple of str
        Atoms and ions as "Fe I", "Ca II"; molecules as "CN", "TiO".
    gas : Gas
    free : FreeAtoms
    elements : Elements

    Returns
    -------
    Tensor of shape (n_stars, n_depths, n_species)
        Times pi e^2 / (m_e c) [cm^2 Hz].
    """
    populations = [
        _atom_population(name, gas, free, elements) if " " in name else _molecule_population(name, gas, free)
        for name in species
    ]
    factor = CLASSICAL_CROSS_SECTION * stimulated(REFERENCE_WAVELENGTH, gas.temperature)
    return torch.stack(populations, dim=-1) * factor[..., None]


def line_amplitudes(recipe: Recipe, populations: Tensor, gas: Gas) -> Tensor:
    """Return the amplitudes of the line templates [cm^2 Hz per hydrogen nucleus], (n_stars, n_depths, n_templates)."""
    boltzmann = torch.exp(-recipe.excitation / (BOLTZMANN_EV * gas.temperature[..., None]))
    perturbers = perturber_density(gas)[..., None]
    plain, core, collision, natural, hydrogen = torch.split(
        populations[..., recipe.species] * boltzmann, list(recipe.counts), dim=-1
    )
    electrons = torch.log10(gas.electron_pressure / (BOLTZMANN * gas.temperature))
    densities = torch.tensor(LOG_DENSITIES, dtype=electrons.dtype, device=electrons.device)
    core_damping = recipe.damping[recipe.counts[0] : recipe.counts[0] + recipe.counts[1]]
    return torch.cat(
        [
            plain,
            core * torch.special.erfcx(core_damping * perturbers),
            collision * perturbers,
            natural,
            hydrogen * b_splines(electrons, densities),
        ],
        dim=-1,
    )


def relative_amplitudes(recipe: Recipe, populations: Tensor, gas: Gas, *, continuum: Continuum, tau: Tensor) -> Tensor:
    """Return amplitudes of all templates in units of the continuum at 8000 Å, times its optical depth.

    Returns
    -------
    Tensor of shape (n_stars, n_depths, 4 + n_templates)
        d tau_lambda / d ln tau per template; the four templates of the continuum come first.
    """
    opacity = torch.cat(
        [continuum.smooth, continuum.paschen[..., None], line_amplitudes(recipe, populations, gas)], dim=-1
    )
    return opacity * (tau / continuum.reference)[..., None]
