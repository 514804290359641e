"""Paschen lines of hydrogen, and the continuum that their dissolved upper levels become.

In the fields of ions, high levels of hydrogen dissolve: a level exists with the occupation probability w (Hummer &
Mihalas 1988, ApJ 331, 794). Lines into it lose the strength 1 - w, which a pseudo-continuum beyond the series limit
gains (Däppen, Anderson & Mihalas 1987, ApJ 319, 195). Both, and the widths of the lines, follow the electron density.
"""

import numpy as np
import torch

from moe_exp.spectra.simulator.constants import (
    ATOMIC_MASS,
    BOLTZMANN,
    CLASSICAL_CROSS_SECTION,
    SPEED_OF_LIGHT,
)
from moe_exp.spectra.simulator.continuum import KRAMERS, PASCHEN_EDGE, gaunt
from moe_exp.spectra.simulator.temperature import b_splines

LOG_DENSITIES = np.linspace(11.3, 15.5, 8)  # log10 of the electron density [cm^-3]: centres of splines, 11.9 to 14.9
SAMPLED_DENSITIES = np.linspace(LOG_DENSITIES[1], LOG_DENSITIES[-2], 13)
UPPER_LEVELS = np.arange(8.0, 46.0)
SMALLEST_OCCUPATION = 1e-3  # of levels whose lines are still added
PASCHEN_EXCITATION = 12.0875  # eV, of level 3
TEMPERATURE = 6000.0  # K, at which hydrogen absorbs: of its Doppler width and of the ions' correlation
STATISTICAL_WEIGHT = 2.0  # of the ground state, which the populations of lines are divided by
STARK = 5.754e8  # 1.5 e a_0 / h [Hz per statvolt/cm]
HOLTSMARK = 1.25e-9  # statvolt/cm at an electron per cm^3: 2.603 e
PROFILE_STEP, PROFILE_LENGTH = 0.1, 2**13  # Å; points, of which a quarter is free of the Fourier transform's images


def wavelength(n: np.ndarray) -> np.ndarray:
    """Return the wavelength [air Å] of the transition from level 3 to `n`."""
    return PASCHEN_EDGE / (1 - 9 / n**2)


def oscillator_strength(n: np.ndarray) -> np.ndarray:
    """Return the absorption oscillator strength from level 3 to `n`: Johnson (1972, ApJ 174, 227), eq. 3."""
    x = 1 - 9 / n**2
    return 32 / (3 * np.sqrt(3) * np.pi) * 3 / n**3 / x**3 * gaunt(3, x)


def occupation_probability(n: np.ndarray, density: float) -> np.ndarray:
    """Return the probability that level `n` exists at an electron density [cm^-3].

    Hubeny, Hummer & Lanz (1994, A&A 282, 151), appendix A: ions alone. Neutral perturbers are left out: their hard
    spheres dissolve too much.
    """
    correlation = 0.09 * density ** (1 / 6) / np.sqrt(TEMPERATURE)
    x = (1 + correlation) ** 3.15
    k = np.where(n > 3, 16 / 3 * n / (n + 1) ** 2, 1.0)
    beta = 8.59e14 * k / n**4 * density ** (-2 / 3)
    f = 0.1402 * x * beta**3 / (1 + 0.1285 * x * beta**1.5)
    return f / (1 + f)


def stark_scale(n: np.ndarray, density: float) -> np.ndarray:
    """Return the shift [Å] of the outermost Stark component of the line to `n` in Holtsmark's normal field.

    The field is that of ions and electrons alike: for lines of such high levels both stand still.
    """
    shift = STARK * n * (n - 1) * HOLTSMARK * (2 * density) ** (2 / 3)
    return wavelength(n) ** 2 * 1e-8 / SPEED_OF_LIGHT * shift


def line_profile(offset: np.ndarray, *, scale: float, doppler: float) -> np.ndarray:
    """Return the profile [1/Å] at `offset` [Å] from the line, from its characteristic function.

    Components that lie equally dense up to the outermost, in fields whose strengths follow Holtsmark's distribution,
    make exp(-(k scale)^1.5), a projection of the field on a line; thermal motion multiplies a Gaussian to it. From
    the unified theory (Lemke 1997, A&AS 122, 285) it differs by less than 15 % for Pa 11 to 16 at densities of 10^13
    and 10^14 out to 30 Å, by up to 26 % at the flanks of the core at 10^12.
    """
    k = 2 * np.pi * np.fft.rfftfreq(PROFILE_LENGTH, PROFILE_STEP)
    values = np.fft.irfft(np.exp(-((k * scale) ** 1.5) - (k * doppler) ** 2 / 4)) / PROFILE_STEP
    inside = PROFILE_STEP * np.arange(PROFILE_LENGTH // 4)
    outside = inside[-1] * np.geomspace(1.02, 10.0, 100)
    wing = values[len(inside) - 1] * (outside / inside[-1]) ** -2.5
    return np.interp(np.abs(offset), np.concatenate([inside, outside]), np.concatenate([values[: len(inside)], wing]))


def paschen_opacity(grid: np.ndarray, density: float) -> np.ndarray:
    """Return gf times profile [1/Hz] of all lines and of the pseudo-continuum, (n_grid,).

    Shortward of the series limit there is no pseudo-continuum: `continuum.paschen_shape` has the whole one there.
    """
    n = UPPER_LEVELS[occupation_probability(UPPER_LEVELS, density) > SMALLEST_OCCUPATION]
    lines, scales = wavelength(n), stark_scale(n, density)
    strengths = 18 * oscillator_strength(n) * occupation_probability(n, density)
    thermal = np.sqrt(2 * BOLTZMANN * TEMPERATURE / (1.008 * ATOMIC_MASS)) / SPEED_OF_LIGHT
    total = np.zeros_like(grid)
    for line, scale, strength in zip(lines, scales, strengths, strict=True):
        per_hertz = line**2 * 1e-8 / SPEED_OF_LIGHT  # Angstrom per hertz
        total += strength * per_hertz * line_profile(grid - line, scale=scale, doppler=thermal * line)
    x = PASCHEN_EDGE / grid
    level = 3 / np.sqrt(np.clip(1 - x, 1e-9, None))
    dissolved = np.where(x < 1, 1 - occupation_probability(level, density), 0.0)
    cross_section = KRAMERS * grid**3 / 27 * gaunt(3, x)
    return total + STATISTICAL_WEIGHT * cross_section / CLASSICAL_CROSS_SECTION * dissolved


def splined_opacity(grid: np.ndarray) -> np.ndarray:
    """Return coefficients of B-splines around `LOG_DENSITIES` whose sum is `paschen_opacity`, (n_splines, n_grid)."""
    sampled = np.stack([paschen_opacity(grid, 10**density) for density in SAMPLED_DENSITIES])
    splines = b_splines(torch.tensor(SAMPLED_DENSITIES), torch.tensor(LOG_DENSITIES)).numpy()
    return np.linalg.pinv(splines) @ sampled
