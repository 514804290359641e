"""Broadening of lines: Doppler widths, damping constants and the parts of the Voigt profile."""

import numpy as np
from scipy.special import dawsn, gamma

from moe_exp.spectra.simulator.constants import AIR_INDEX, ATOMIC_MASS, BOHR_AREA, BOLTZMANN, PHOTON_ENERGY

DOPPLER_TEMPERATURE = 4500.0  # K: one width for all depths of all stars
DAMPING_TEMPERATURE = 1e4  # K, at which damping constants are quoted
SMALLEST_ENERGY_GAP = 1.5  # eV, in Unsöld's formula

# Cross section [a_0^2] and velocity exponent of collisions with hydrogen, by species and range of wavelength [Å].
ABO = (
    ("Ca II", 8480.0, 8680.0, 291.0, 0.275),  # Barklem & O'Mara 1998, MNRAS 300, 863
    ("Na I", 8180.0, 8200.0, 804.0, 0.270),  # Barklem, Piskunov & O'Mara 2000, A&AS 142, 467
    ("K I", 7660.0, 7700.0, 485.0, 0.232),
)


def doppler_velocity(mass: float, microturbulence: float) -> float:
    """Return b = sqrt(2kT/m + xi^2) [cm/s] of a particle of `mass` [u] at 4500 K, xi in km/s."""
    return float(np.sqrt(2 * BOLTZMANN * DOPPLER_TEMPERATURE / (mass * ATOMIC_MASS) + (1e5 * microturbulence) ** 2))


def voigt_wing(u: np.ndarray) -> np.ndarray:
    """Return what damping adds to a Voigt profile per unit of a, kept positive.

    The Voigt function is taken as erfcx(a) exp(-u^2) + a H1+(u): Harris's (1948) expansion to first order with the
    negative core of H1 = (2 / sqrt(pi)) (2 u D(u) - 1) cut off, D being Dawson's integral. Exact at the centre and in
    the wings; its area is right to 5 % for a < 0.5. The cut matters: a negative core is negative opacity.
    """
    return np.maximum(0.0, 2 / np.sqrt(np.pi) * (2 * u * dawsn(u) - 1))


def abo_damping(cross_section: float, exponent: float, mass: float) -> float:
    """Return the full width per hydrogen atom [rad s^-1 cm^3] at 10^4 K: Anstee & O'Mara (1995, MNRAS 276, 859)."""
    reduced = mass * 1.008 / (mass + 1.008) * ATOMIC_MASS
    velocity = np.sqrt(8 * BOLTZMANN * DAMPING_TEMPERATURE / (np.pi * reduced))
    factor = (4 / np.pi) ** (exponent / 2) * gamma((4 - exponent) / 2)
    return float(2 * factor * velocity * cross_section * BOHR_AREA * (velocity / 1e6) ** -exponent)


def unsold_damping(*, ionization: float, excitation: float, wavelength: float, charge: int) -> float:
    """Return the full width per hydrogen atom [rad s^-1 cm^3] at 10^4 K: Gray (2005), eqs. 11.29 and 11.30."""
    lower = max(ionization - excitation, SMALLEST_ENERGY_GAP)
    upper = max(ionization - excitation - PHOTON_ENERGY / wavelength, SMALLEST_ENERGY_GAP)
    c6 = 0.3e-30 * charge**2 * (1 / upper**2 - 1 / lower**2)
    log_per_pressure = 20 + 0.4 * np.log10(c6) - 0.7 * np.log10(DAMPING_TEMPERATURE)
    return float(10**log_per_pressure * BOLTZMANN * DAMPING_TEMPERATURE)


def collision_damping(
    species: str, *, ionization: float, excitation: float, wavelength: float, charge: int, mass: float
) -> float:
    """Return the width per hydrogen atom [rad s^-1 cm^3] at 10^4 K, from quantum mechanics where it is known."""
    for name, shortest, longest, cross_section, exponent in ABO:
        if species == name and shortest < wavelength < longest:
            return abo_damping(cross_section, exponent, mass)
    return unsold_damping(ionization=ionization, excitation=excitation, wavelength=wavelength, charge=charge)


def radiation_damping(species: str, wavelength: float) -> float:
    """Return the natural width [rad/s]: the classical one, or 1.5e8 for the Ca II triplet."""
    if species == "Ca II" and 8480.0 < wavelength < 8680.0:
        return 1.5e8
    return 2.223e15 / wavelength**2


def damping_parameter(width: float, doppler: float, wavelength: float) -> float:
    """Return the Voigt parameter a of a width [rad/s], a Doppler velocity [cm/s] and a wavelength [Å]."""
    return width / (4 * np.pi * doppler / (wavelength * 1e-8))


def paschen_lines() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return wavelength [air Å], gf and Lorentz full width [Å] of the Paschen lines n = 10 ... 23.

    The width is that of the linear Stark effect at an electron density of 3e13 cm^-3; both it and the strengths
    f = 6.4 / n^3 are approximate.
    """
    n = np.arange(10.0, 24.0)
    wavelength = 1e8 / (109677.58 * (1 / 9 - 1 / n**2)) / AIR_INDEX
    width = 1.2 * 5.5e-5 * (3 * n) ** 4 / (n**2 - 9) * 1.25e-9 * 3e13 ** (2 / 3)
    return wavelength, 18 * 6.4 / n**3, width
