"""Errors of the observed spectra: photons of the star, sky continuum, OH airglow and read noise."""

import numpy as np

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.spectra.simulator.constants import FWHM_PER_SIGMA
from moe_exp.spectra.simulator.instrument import ZERO_MAG
from moe_exp.spectra.simulator.settings import Simulator
from moe_exp.spectra.simulator.tables import read_table

STAR_MAG = 22.0  # magnitude at which data.simulator.star_electrons is given
OH_ELECTRONS = 260.0  # at the peak of a line of relative strength 1


def sky_spectrum(simulator: Simulator, wavelength: np.ndarray) -> np.ndarray:
    """Return the electrons per pixel that the sky gives.

    A continuum under Gaussian OH lines, such that the median over the simulator's own pixels is
    `data.simulator.sky_electrons`.

    Parameters
    ----------
    simulator : Simulator
    wavelength : array of shape (n_pixels,)
        Air wavelength [Å].

    Raises
    ------
    InputError
        If the OH lines alone exceed the median asked for.
    """
    continuum = simulator.sky_electrons - float(np.median(_airglow(simulator, simulator.wavelength)))
    if continuum < 0:
        raise InputError(
            Code.SIMULATOR_SETTINGS,
            f"data.simulator.oh_scale={simulator.oh_scale:g}: the OH lines alone give "
            f"{simulator.sky_electrons - continuum:.0f} electrons in the median pixel, more than "
            f"data.simulator.sky_electrons={simulator.sky_electrons:g}. Lower the former or raise the latter.",
        )
    return continuum + _airglow(simulator, wavelength)


def _airglow(simulator: Simulator, wavelength: np.ndarray) -> np.ndarray:
    lines = read_table("oh_lines")
    centre = lines["wavelength"].to_numpy()
    sigma = centre / simulator.resolution / FWHM_PER_SIGMA
    profiles = np.exp(-0.5 * ((np.asarray(wavelength, dtype=float)[:, None] - centre) / sigma) ** 2)
    return OH_ELECTRONS * simulator.oh_scale * profiles @ lines["strength"].to_numpy(dtype=float)


def flux_error(simulator: Simulator, wavelength: np.ndarray, flux: np.ndarray, mag: np.ndarray) -> np.ndarray:
    """Return the 1-sigma errors of noise-free spectra.

    sqrt(star + sky + read noise) in electrons, brought back to the units of `flux`. With the default values the
    median signal-to-noise ratio per pixel is 7.0 at magnitude 21.5 and 4.6 at 22.

    Parameters
    ----------
    simulator : Simulator
    wavelength : array of shape (n_pixels,)
        Air wavelength [Å].
    flux : array of shape (n_stars, n_pixels)
        Noise-free spectra, normalised as `simulator.flux_norm` says.
    mag : array of shape (n_stars,)

    Returns
    -------
    array of shape (n_stars, n_pixels)
        float32, in the units of `flux`.
    """
    mag = np.asarray(mag, dtype=float)
    electrons = simulator.star_electrons * 10 ** (-0.4 * (mag - STAR_MAG))
    if simulator.flux_norm == "mag":
        electrons = electrons / 10 ** (-0.4 * (mag - ZERO_MAG))
    per_flux = electrons[:, None].astype(np.float32)
    background = (sky_spectrum(simulator, wavelength) + simulator.read_variance).astype(np.float32)
    return np.sqrt(per_flux * flux + background, dtype=np.float32) / per_flux
