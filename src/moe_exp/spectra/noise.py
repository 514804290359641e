"""Noise: x = flux + noise_level * draw, one draw a star; `GaussianNoise` draws error * N(0, 1)."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.fft import next_fast_len

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.machine import usable_cores
from moe_exp.random_streams import random_stream

DIGEST_PIXELS = 8
"""Numbers of each star's draw that its digest looks at."""


@dataclass(frozen=True, kw_only=True)
class Noise(ABC):
    """What is added to the flux of a star, in multiples of `data.noise_level`; drawn in several threads at once."""

    def check(self) -> None:
        """Refuse options that make no noise, by raising `InputError`."""
        return

    @abstractmethod
    def draw(self, rng: np.random.Generator, flux: np.ndarray, error: np.ndarray) -> np.ndarray:
        """Return the noise of one star at noise level 1, (n_pixels,) float32, in the unit of its flux.

        Parameters
        ----------
        rng : numpy.random.Generator
            The star's own: all random numbers come from it, so that no other star changes them.
        flux, error : arrays of shape (n_pixels,), float32
            As the files have them, NaN where masked; not to be changed.
        """


@dataclass(frozen=True, kw_only=True)
class GaussianNoise(Noise):
    """Gaussian, with the star's own 1-sigma error for its standard deviation.

    Spectra that were resampled have noise that neighbouring pixels share. PFS states it as three rows of COVAR: the
    variance, and the covariance with the first and with the second neighbour; over the variance, these are the
    correlations that are meant here.

    Parameters
    ----------
    correlation : float or list of two floats
        With the first, or with the first and the second neighbouring pixel, of the noise over its error; 0 for none.
    """

    correlation: Any = 0.0

    def check(self) -> None:
        """Refuse what is no correlation, or that of no noise.

        Raises
        ------
        InputError
            Naming the option.
        """
        given = self.correlation if isinstance(self.correlation, list | tuple) else [self.correlation]
        if len(given) not in (1, 2) or not all(isinstance(each, int | float) for each in given):
            raise InputError(
                Code.NOISE_CORRELATION,
                f"noise.correlation={self.correlation}: give 0, or the correlation with the first neighbouring pixel, "
                f"or a list of those with the first and the second.",
            )
        power = _power(np.linspace(0, np.pi, 1001), given)
        if not (np.isfinite(power).all() and power.min() > -1e-9):
            raise InputError(
                Code.NOISE_CORRELATION,
                f"noise.correlation={self.correlation}: no noise has these correlations; with none to the second "
                f"neighbour, that to the first is 0.5 at most.",
            )

    def draw(self, rng: np.random.Generator, flux: np.ndarray, error: np.ndarray) -> np.ndarray:
        """Return error * N(0, 1).

        Correlated noise is white noise times the root of its power spectrum, on a circle with two pixels more at least:
        so its ends know nothing of each other.
        """
        given = self.correlation if isinstance(self.correlation, list | tuple) else [self.correlation]
        if not any(given):
            return rng.standard_normal(len(error), dtype=np.float32) * error
        n_circle = next_fast_len(len(error) + 2)
        amplitude = np.sqrt(np.maximum(_power(2 * np.pi * np.fft.rfftfreq(n_circle), given), 0))
        drawn = np.fft.irfft(np.fft.rfft(rng.standard_normal(n_circle)) * amplitude, n_circle)
        return drawn[: len(error)].astype(np.float32) * error


def _power(frequency: np.ndarray, correlation: Sequence[float]) -> np.ndarray:
    """Return the power spectrum, at frequencies in radians a pixel, of noise of unit variance."""
    return 1 + sum(2 * each * np.cos(lag * frequency) for lag, each in enumerate(correlation, start=1))


GAUSSIAN = GaussianNoise()


def digest_noise(*, seed: int, stage: str, star_index: np.ndarray, noise: Noise = GAUSSIAN) -> str:
    """Return a hash of the draws of some stars, the same at every noise level: what they are, not how they are named.

    Parameters
    ----------
    seed, stage, star_index, noise
        As in `add_noise`.
    """
    ramp = np.linspace(0.5, 2, DIGEST_PIXELS, dtype=np.float32)  # noise may depend on flux and error
    digest = hashlib.sha256()
    for index in star_index.tolist():  # too little a star for threads
        drawn = _draw_star(noise, ramp, ramp[::-1], seed, stage, index)
        digest.update((np.asarray(drawn, np.float32) + ramp).tobytes())
    return digest.hexdigest()[:16]


def _draw_star(noise: Noise, flux: np.ndarray, error: np.ndarray, seed: int, stage: str, star_index: int) -> np.ndarray:
    """Draw the noise of one star from the stream that is its own."""
    return noise.draw(random_stream(seed, stage, star_index), flux, error)


def add_noise(
    flux: np.ndarray,
    error: np.ndarray,
    *,
    noise_level: float,
    seed: int,
    stage: str,
    star_index: np.ndarray,
    noise: Noise = GAUSSIAN,
) -> np.ndarray:
    """Return the flux with noise of `noise_level` times its 1-sigma error.

    Each star's draw comes from a stream of its own, so that neither the other stars of a block nor the number of
    threads changes it, and all noise levels scale the same draw.

    Parameters
    ----------
    flux, error : arrays of shape (n_stars, n_pixels), float32
    noise_level : float
        Multiple of a draw that is added.
    seed : int
        `data.seed`.
    stage : str
        Name of the noise stream: stars of different files need different ones.
    star_index : array of shape (n_stars,)
        Which stars these are within the stream.
    noise : Noise
        What draws.

    Returns
    -------
    array of shape (n_stars, n_pixels), float32
    """
    if noise_level == 0:
        return flux.copy()
    noisy = np.empty_like(flux)
    level = np.float32(noise_level)

    def fill(rows: slice) -> None:
        for row, index in zip(range(rows.start, min(rows.stop, len(flux))), star_index[rows].tolist(), strict=True):
            noisy[row] = _draw_star(noise, flux[row], error[row], seed, stage, index)
        noisy[rows] *= level
        noisy[rows] += flux[rows]

    step = 128
    with ThreadPoolExecutor(usable_cores()) as threads:
        list(threads.map(fill, [slice(start, start + step) for start in range(0, len(flux), step)]))
    return noisy
