"""Chemical equilibrium of the molecules that bind carbon, nitrogen, oxygen, titanium and hydrogen."""

import math
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from moe_exp.spectra.simulator.constants import SECOND_RADIATION_CM
from moe_exp.spectra.simulator.gas import Gas
from moe_exp.spectra.simulator.tables import Elements, read_elements, read_table

LOG_TRANSLATION = 4.41405  # log10[(2 pi m_u k)^1.5 k / h^3], cgs
THETA = 5040.0  # K / eV: log10(e) / k


class Molecule(NamedTuple):
    """Constants of one diatomic molecule; energies in eV or cm^-1, the reduced mass in u."""

    atoms: tuple[int, int]
    reduced_mass: float
    dissociation: float
    electronic_weight: float
    rotational: float
    vibrational: float
    symmetry: float


class FreeAtoms(NamedTuple):
    """Partial pressures [dyn/cm^2], (n_stars, n_depths), of what the molecules leave and of the molecules seen."""

    carbon: Tensor
    oxygen: Tensor
    titanium: Tensor
    cn: Tensor
    tio: Tensor


@cache
def read_molecules() -> dict[str, Molecule]:
    """Return the table of molecules by name."""
    elements = read_elements()
    molecules = {}
    for row in read_table("molecules").to_dict("records"):
        first, second = (elements.index(symbol) for symbol in row["atoms"].split())
        masses = elements.mass[first], elements.mass[second]
        reduced = float(masses[0] * masses[1] / (masses[0] + masses[1]))
        constants = (float(row[name]) for name in Molecule._fields[2:])
        molecules[row["molecule"]] = Molecule((first, second), reduced, *constants)
    return molecules


def rotation_vibration(
    temperature: Tensor, *, weight: float, rotational: float, vibrational: float, symmetry: float = 1.0
) -> Tensor:
    """Return the partition function of a rigid rotator and harmonic oscillator: Herzberg I (1950), ch. III, V."""
    kt = temperature / SECOND_RADIATION_CM
    return weight * kt / rotational / symmetry / -torch.expm1(-vibrational / kt)


def equilibrium_constant(molecule: Molecule, temperature: Tensor, partition: Tensor) -> Tensor:
    """Return P_A P_B / P_AB [dyn/cm^2] by statistical mechanics: Herzberg I (1950), eq. VIII,15."""
    first, second = molecule.atoms
    internal = rotation_vibration(
        temperature,
        weight=molecule.electronic_weight,
        rotational=molecule.rotational,
        vibrational=molecule.vibrational,
        symmetry=molecule.symmetry,
    )
    constant = LOG_TRANSLATION + 1.5 * math.log10(molecule.reduced_mass)
    exponent = constant - THETA * molecule.dissociation / temperature
    return partition[0, ..., first] * partition[0, ..., second] / internal * temperature**2.5 * 10**exponent


def h2_equilibrium(temperature: Tensor, partition: Tensor) -> Tensor:
    """Return P_H^2 / P_H2 [dyn/cm^2]."""
    return equilibrium_constant(read_molecules()["H2"], temperature, partition)


def water_equilibrium(temperature: Tensor) -> Tensor:
    """Return P_OH P_H / P_H2O [dyn/cm^2], an approximate fit that only serves as a sink of oxygen."""
    return 10 ** (12.94 - 5.36 * THETA / temperature)


def _bound_pair(first: Tensor, second: Tensor, constant: Tensor) -> Tensor:
    """Return P_AB where A and B bind with each other alone: the smaller root of its quadratic, free of cancellation."""
    total = first + second + constant
    return 2 * first * second / (total + torch.sqrt(total**2 - 4 * first * second))


def dissociate(gas: Gas, elements: Elements) -> FreeAtoms:
    """Share C, N, O and Ti between atoms and molecules.

    CO is solved exactly first; the other sinks of oxygen (OH, H2O) and N2 then correct the rest, which is good to a
    few per cent as long as CO is the most abundant of them.
    """
    constants = {
        name: equilibrium_constant(molecule, gas.temperature, gas.partition)
        for name, molecule in read_molecules().items()
    }
    carbon, nitrogen, oxygen, titanium = (
        gas.abundance[..., elements.index(symbol)] * gas.nuclei for symbol in ("C", "N", "O", "Ti")
    )
    free_oxygen = oxygen - _bound_pair(carbon, oxygen, constants["CO"])
    free_carbon = carbon / (1 + free_oxygen / constants["CO"])
    hydrides = gas.hydrogen / constants["OH"] * (1 + gas.hydrogen / water_equilibrium(gas.temperature))
    free_oxygen = oxygen / (1 + free_carbon / constants["CO"] + hydrides)
    free_carbon = carbon / (1 + free_oxygen / constants["CO"])
    free_nitrogen = 2 * nitrogen / (1 + torch.sqrt(1 + 8 * nitrogen / constants["N2"]))
    ionised_titanium = gas.saha[..., elements.index("Ti")] / gas.electron_pressure
    free_titanium = titanium / (1 + ionised_titanium + free_oxygen / constants["TiO"])
    return FreeAtoms(
        carbon=free_carbon,
        oxygen=free_oxygen,
        titanium=free_titanium,
        cn=free_carbon * free_nitrogen / constants["CN"],
        tio=free_titanium * free_oxygen / constants["TiO"],
    )
