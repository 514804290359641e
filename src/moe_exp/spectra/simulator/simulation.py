"""Many stars, in chunks, on one or several processes."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.machine import one_torch_thread, usable_cores
from moe_exp.spectra.simulator.error_model import flux_error, sky_spectrum
from moe_exp.spectra.simulator.labels import draw_labels
from moe_exp.spectra.simulator.settings import Simulator
from moe_exp.spectra.simulator.synthesis import CHUNK_SIZE, Synthesizer
from moe_exp.workers import run_in_workers

CHUNKS_PER_START = 24  # fewer chunks than this are made sooner than processes are started


class StarChunk(NamedTuple):
    """Consecutive stars.

    Attributes
    ----------
    labels : DataFrame of n_stars rows
        From `draw_labels`.
    flux, error : float32 arrays of shape (n_stars, n_pixels)
        Noise-free spectra and their 1-sigma errors.
    """

    labels: pd.DataFrame
    flux: np.ndarray
    error: np.ndarray


class ChunkMaker:
    """Makes whole chunks of stars in this process.

    Parameters
    ----------
    simulator : Simulator
    seed : int
    device : str
    """

    def __init__(self, simulator: Simulator, seed: int, device: str) -> None:
        self.simulator, self.seed = simulator, seed
        self.synthesizer = Synthesizer(simulator, device=device)

    def __call__(self, number: int) -> StarChunk:
        """Return chunk `number`: stars number * CHUNK_SIZE and following."""
        first = number * CHUNK_SIZE
        labels = draw_labels(self.simulator, seed=self.seed, first=first, last=first + CHUNK_SIZE)
        flux = self.synthesizer.synthesize(torch.tensor(labels.to_numpy())).cpu().numpy()
        error = flux_error(self.simulator, self.simulator.wavelength, flux, labels["mag"].to_numpy())
        return StarChunk(labels, flux, error)


def simulate(
    simulator: Simulator, *, seed: int, first: int, last: int, n_workers: int | None = None, device: str = "cpu"
) -> Iterator[StarChunk]:
    """Yield stars `first` to `last` (exclusive) in order.

    Chunks end at multiples of `CHUNK_SIZE`. A star depends on `simulator`, `seed` and its index alone, bit for bit on
    one machine and device: neither on the range asked for nor on the number of processes.

    Parameters
    ----------
    simulator : Simulator
    seed : int
        `data.seed`.
    first, last : int
        Range of star indices.
    n_workers : int, optional
        Processes to use, each with one thread; by default one per usable core, or none besides this one for less than
        `CHUNKS_PER_START` chunks. With a GPU always one.
    device : str
        ``cpu`` or ``cuda``.

    Raises
    ------
    InputError
        If the range is not one, or the sky of `simulator` is impossible.
    """
    if not 0 <= first <= last:
        raise InputError(Code.OUT_OF_RANGE, f"Stars {first} to {last} were asked for: give 0 <= first <= last.")
    if n_workers is not None and n_workers < 1:
        raise InputError(Code.OUT_OF_RANGE, f"n_workers={n_workers}: give 1 or more processes.")
    sky_spectrum(simulator, simulator.wavelength)
    numbers = range(first // CHUNK_SIZE, -(-last // CHUNK_SIZE) if last > first else 0)
    if n_workers is None:
        n_workers = usable_cores() if len(numbers) >= CHUNKS_PER_START else 1
    if device != "cpu":
        n_workers = 1
    return _cut_ends(_make_chunks(simulator, seed, device, numbers, min(n_workers, len(numbers))), first, last)


def _make_chunks(simulator: Simulator, seed: int, device: str, numbers: range, n_workers: int) -> Iterator[StarChunk]:
    if n_workers > 1:
        yield from run_in_workers(ChunkMaker, (simulator, seed, device), numbers, n_workers=n_workers)
    elif numbers:
        with one_torch_thread():
            make = ChunkMaker(simulator, seed, device)
        for number in numbers:
            with one_torch_thread():
                chunk = make(number)
            yield chunk


def _cut_ends(chunks: Iterator[StarChunk], first: int, last: int) -> Iterator[StarChunk]:
    for labels, flux, error in chunks:
        start = labels.index[0]
        keep = slice(max(0, first - start), last - start)
        yield StarChunk(labels.iloc[keep], flux[keep], error[keep])
