"""Noise: x = flux + noise_level * draw, one draw a star; `GaussianNoise` draws error * N(0, 1)."""

import hashlib
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

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
    """Independent in every pixel, with the star's own 1-sigma error for its standard deviation."""

    def draw(self, rng: np.random.Generator, flux: np.ndarray, error: np.ndarray) -> np.ndarray:
        """Return error * N(0, 1)."""
        return rng.standard_normal(len(error), dtype=np.float32) * error


GAUSSIAN = GaussianNoise()


def digest_noise(*, seed: int, stage: str, star_index: np.ndarray, noise: Noise = GAUSSIAN) -> str:
    """Return a hash of the draws of some stars, the same at every noise level: what they are, not how they are named.

    Parameters
    ----------
    seed, stage, star_index, noise
        As in `add_noise`.
    """
    ramp = np.linspace(0.5, 2, DIGEST_PIXELS, dtype=np.float32)  # noise may depend on flux and error
    flux, error = np.tile(ramp, (len(star_index), 1)), np.tile(ramp[::-1], (len(star_index), 1))
    noisy = add_noise(flux, error, noise_level=1.0, seed=seed, stage=stage, star_index=star_index, noise=noise)
    return hashlib.sha256(noisy.tobytes()).hexdigest()[:16]


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
            noisy[row] = noise.draw(random_stream(seed, stage, index), flux[row], error[row])
        noisy[rows] *= level
        noisy[rows] += flux[rows]

    step = 128
    with ThreadPoolExecutor(usable_cores()) as threads:
        list(threads.map(fill, [slice(start, start + step) for start in range(0, len(flux), step)]))
    return noisy
