"""Heteroscedastic noise: x = flux + noise_level * error * N(0, 1), one draw a star."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from moe_exp.machine import usable_cores
from moe_exp.random_streams import random_stream

DIGEST_PIXELS = 8
"""Numbers of each star's draw that its digest looks at."""


def digest_noise(*, seed: int, stage: str, star_index: np.ndarray) -> str:
    """Return a hash of the draws of some stars, the same at every noise level: what they are, not how they are named.

    Parameters
    ----------
    seed, stage, star_index
        As in `add_noise`.
    """
    error = np.ones((len(star_index), DIGEST_PIXELS), np.float32)
    draws = add_noise(np.zeros_like(error), error, noise_level=1.0, seed=seed, stage=stage, star_index=star_index)
    return hashlib.sha256(draws.tobytes()).hexdigest()[:16]


def add_noise(
    flux: np.ndarray, error: np.ndarray, *, noise_level: float, seed: int, stage: str, star_index: np.ndarray
) -> np.ndarray:
    """Return the flux with noise of `noise_level` times its 1-sigma error.

    Each star's draw comes from a stream of its own, so that neither the other stars of a block nor the number of
    threads changes it, and all noise levels scale the same draw.

    Parameters
    ----------
    flux, error : arrays of shape (n_stars, n_pixels), float32
    noise_level : float
        Multiple of `error` that is added.
    seed : int
        `data.seed`.
    stage : str
        Name of the noise stream: stars of different files need different ones.
    star_index : array of shape (n_stars,)
        Which stars these are within the stream.

    Returns
    -------
    array of shape (n_stars, n_pixels), float32
    """
    if noise_level == 0:
        return flux.copy()
    noisy = np.empty_like(flux)
    level = np.float32(noise_level)

    def fill(rows: slice) -> None:
        for row, index in zip(noisy[rows], star_index[rows].tolist(), strict=True):
            random_stream(seed, stage, index).standard_normal(out=row, dtype=np.float32)
        noisy[rows] *= error[rows]
        noisy[rows] *= level
        noisy[rows] += flux[rows]

    step = 128
    with ThreadPoolExecutor(usable_cores()) as threads:
        list(threads.map(fill, [slice(start, start + step) for start in range(0, len(flux), step)]))
    return noisy
