"""Broadening of lines: Doppler widths, damping and parts of the Voigt profile, which `templates` puts together."""

import numpy as np
from scipy.special import dawsn

from moe_exp.spectra.simulator.constants import ATOMIC_MASS, BOLTZMANN, PHOTON_ENERGY

DOPPLER_TEMPERATURE = 4500.0  # K: one width for all depths of all stars
DAMPING_TEMPERATURE = 1e4  # K, at which damping constants are quoted
SMALLEST_ENERGY_GAP = 1.5  # eV, in Unsöld's formula


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


def unsold_damping(*, ionization: float, excitation: float, wavelength: float, charge: int) -> float:
    """Return the full width per hydrogen atom [rad s^-1 cm^3] at 10^4 K: Gray (2005), eqs. 11.29 and 11.30."""
    photon = PHOTON_ENERGY / wavelength
    upper = max(ionization - excitation - photon, SMALLEST_ENERGY_GAP)
    lower = max(ionization - excitation, upper + photon)
    c6 = 0.3e-30 * charge**2 * (1 / upper**2 - 1 / lower**2)
    log_per_pressure = 20 + 0.4 * np.log10(c6) - 0.7 * np.log10(DAMPING_TEMPERATURE)
    return float(10**log_per_pressure * BOLTZMANN * DAMPING_TEMPERATURE)


def radiation_damping(species: str, wavelength: float) -> float:
    """Return the natural width [rad/s]: the classical one, or 1.5e8 for the Ca II triplet."""
    if species == "Ca II" and 8480.0 < wavelength < 8680.0:
        return 1.5e8
    return 2.223e15 / wavelength**2


def damping_parameter(width: float, doppler: float, wavelength: float) -> float:
    """Return the Voigt parameter a of a width [rad/s], a Doppler velocity [cm/s] and a wavelength [Å]."""
    return width / (4 * np.pi * doppler / (wavelength * 1e-8))
