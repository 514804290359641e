"""What can be chosen about the simulated stars and the instrument that sees them."""

from dataclasses import dataclass

import numpy as np

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.spectra.simulator.constants import FWHM_PER_SIGMA, SPEED_OF_LIGHT_KMS, WAVELENGTH_LIMITS

FLUX_NORMS = ("median", "mag")
LSF_REACH = 4.0  # standard deviations of the line-spread function
RANGES = {  # of labels, with the limits within which they may be chosen
    "teff": (3500.0, 7000.0),
    "logg": (0.0, 5.5),
    "m_h": (-4.0, 1.0),
    "a_m": (-1.0, 1.0),
    "c_m": (-2.0, 1.0),
    "mag": (10.0, 30.0),
}


@dataclass(frozen=True, kw_only=True)
class Simulator:
    """Choices of the simulated spectra: labels, spectral synthesis, instrument, errors.

    Labels are drawn independently of each other; there is no isochrone prior.

    Parameters
    ----------
    teff, logg, a_m, c_m, mag : tuple of two floats
        Ends of the uniform distributions of T_eff [K], log g [dex], [alpha/M] and [C/M] [dex] and magnitude.
    m_h : tuple of two floats
        Ends of the distribution of [M/H] [dex].
    mh_beta : float
        [M/H] is a Beta(mh_beta, mh_beta) variate stretched over `m_h`; 1 gives a uniform one. At 1.2, 81.6 % of the
        stars fall between -2 and 0.5.
    rv_max : float
        Radial velocities are uniform between plus and minus this [km/s].
    flux_norm : str
        ``median`` divides each spectrum by its own median pixel; ``mag`` then multiplies it by 10^(-0.4 (mag - 21.5)).
    resolution : float
        Wavelength over the full width at half maximum of the Gaussian line-spread function.
    wavelength_min, wavelength_max : float
        Centres of the first and the last pixel [Å, air].
    n_pixels : int
        Number of pixels, equally spaced in wavelength.
    microturbulence : float
        Microturbulent velocity [km/s].
    n_depths : int
        Depth points of the atmosphere.
    velocity_step : float
        Spacing of the wavelengths at which spectra are synthesised [km/s].
    cn, tio : bool
        Whether to include the bands of CN and TiO.
    star_electrons : float
        Electrons per pixel from a star of magnitude 22, in its median pixel.
    sky_electrons : float
        Electrons per pixel from the sky, in the median pixel.
    read_variance : float
        Variance of the read noise [electrons^2 per pixel].
    oh_scale : float
        Factor on the strength of the sky's OH lines.

    Raises
    ------
    InputError
        If values lie outside what the physics or the tables allow; all of them are named at once.
    """

    teff: tuple[float, float] = (3750.0, 6000.0)
    logg: tuple[float, float] = (1.0, 5.0)
    m_h: tuple[float, float] = (-2.5, 0.75)
    mh_beta: float = 1.2
    a_m: tuple[float, float] = (-0.25, 0.5)
    c_m: tuple[float, float] = (-0.75, 0.5)
    mag: tuple[float, float] = (20.5, 22.5)
    rv_max: float = 0.0
    flux_norm: str = "median"
    resolution: float = 5000.0
    wavelength_min: float = 7100.2
    wavelength_max: float = 8849.8
    n_pixels: int = 4096
    microturbulence: float = 2.0
    n_depths: int = 16
    velocity_step: float = 2.5
    cn: bool = True
    tio: bool = True
    star_electrons: float = 146.0
    sky_electrons: float = 760.0
    read_variance: float = 100.0
    oh_scale: float = 1.0

    def __post_init__(self) -> None:
        for name in RANGES:  # lists, if they come from a configuration
            object.__setattr__(self, name, tuple(getattr(self, name)))
        problems = [*self._range_problems(), *self._number_problems(), *self._wavelength_problems()]
        if problems:
            raise InputError(
                Code.SIMULATOR_SETTINGS, "The simulator cannot work with these values. " + " ".join(problems)
            )

    @property
    def wavelength(self) -> np.ndarray:
        """Centres of the pixels, (n_pixels,) Å in air."""
        return np.linspace(self.wavelength_min, self.wavelength_max, self.n_pixels)

    @property
    def lsf_reach(self) -> float:
        """Half the width over which one pixel collects light [km/s]."""
        return LSF_REACH * float(self.lsf_sigma(np.array([self.wavelength_min]))[0])

    def lsf_sigma(self, wavelength: np.ndarray) -> np.ndarray:
        """Return the standard deviation of line-spread function and pixel together [km/s] at `wavelength` [Å]."""
        pixel = (self.wavelength_max - self.wavelength_min) / (self.n_pixels - 1) / wavelength * SPEED_OF_LIGHT_KMS
        optics = SPEED_OF_LIGHT_KMS / self.resolution / FWHM_PER_SIGMA
        return np.sqrt(optics**2 + pixel**2 / 12)

    def _range_problems(self) -> list[str]:
        problems = []
        for name, (lowest, highest) in RANGES.items():
            ends = getattr(self, name)
            if len(ends) != 2:
                problems.append(f"data.simulator.{name}={[*ends]}: give two numbers, not {len(ends)}.")
                continue
            first, last = ends
            if not lowest <= first <= last <= highest:
                problems.append(
                    f"data.simulator.{name}=[{first:g}, {last:g}]: give two numbers in rising order between "
                    f"{lowest:g} and {highest:g}."
                )
        return problems

    def _number_problems(self) -> list[str]:
        limits = {
            "mh_beta": (0.1, 100.0),
            "rv_max": (0.0, 1000.0),
            "resolution": (500.0, 20_000.0),
            "n_pixels": (2, 20_000),
            "microturbulence": (0.0, 10.0),
            "n_depths": (8, 200),
            "velocity_step": (0.5, 5.0),
            "star_electrons": (1e-3, 1e9),
            "sky_electrons": (0.0, 1e9),
            "read_variance": (0.0, 1e9),
            "oh_scale": (0.0, 100.0),
        }
        problems = [
            f"data.simulator.{name}={getattr(self, name)}: give a number between {lowest:g} and {highest:g}."
            for name, (lowest, highest) in limits.items()
            if not lowest <= getattr(self, name) <= highest
        ]
        if self.flux_norm not in FLUX_NORMS:
            problems.append(f"data.simulator.flux_norm={self.flux_norm}: choose {' or '.join(FLUX_NORMS)}.")
        return problems

    def _wavelength_problems(self) -> list[str]:
        lowest, highest = WAVELENGTH_LIMITS
        if lowest <= self.wavelength_min < self.wavelength_max <= highest:
            return []
        return [
            f"data.simulator.wavelength_min={self.wavelength_min:g} and "
            f"data.simulator.wavelength_max={self.wavelength_max:g}: give rising wavelengths between {lowest:g} and "
            f"{highest:g} Å, which the line list covers."
        ]
