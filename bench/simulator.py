"""How many spectra the simulator makes per second, in one process and on all cores.

Wall-clock time is what a user waits for; processor time tells versions apart on a machine that is busy with other work.

    python bench/simulator.py [--stars 4096] [--workers 2] [--device cpu]
"""

import argparse
import time

import torch

from moe_exp.machine import usable_cores
from moe_exp.spectra.simulator import CHUNK_SIZE, Simulator, Synthesizer, draw_labels, simulate
from moe_exp.spectra.simulator.simulation import one_torch_thread


def measure_one_core(device: str, n_stars: int = 4 * CHUNK_SIZE) -> None:
    """Print the speed of the synthesis alone, without start-up, labels and errors."""
    simulator = Simulator()
    with one_torch_thread():
        start = time.perf_counter()
        synthesizer = Synthesizer(simulator, device=device)
        print(f"templates made in {time.perf_counter() - start:.2f} s")
        labels = torch.tensor(draw_labels(simulator, seed=0, first=0, last=n_stars).to_numpy())
        synthesizer.synthesize(labels).cpu()
        wall, processor = time.perf_counter(), time.process_time()
        synthesizer.synthesize(labels).cpu()
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(
        f"synthesis on {device}, one thread: {n_stars / wall:.0f} spectra/s of wall-clock time, "
        f"{n_stars / processor:.0f}/s of processor time"
    )


def measure_simulate(device: str, n_stars: int, n_workers: int) -> None:
    """Print the speed of `simulate`, with and without the start-up of its processes."""
    start = time.perf_counter()
    chunks = simulate(Simulator(), seed=0, first=0, last=n_stars, n_workers=n_workers, device=device)
    n_first = len(next(chunks).labels)
    first = time.perf_counter()
    for _ in chunks:
        pass
    end = time.perf_counter()
    print(
        f"simulate on {device}, {n_workers} process(es): {n_stars / (end - start):.0f} spectra/s in all, "
        f"{(n_stars - n_first) / (end - first):.0f}/s after the first chunk, which came after {first - start:.1f} s"
    )


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stars", type=int, default=32 * CHUNK_SIZE)
    parser.add_argument("--workers", type=int, default=usable_cores())
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    measure_one_core(options.device)
    for n_workers in sorted({1, options.workers} if options.device == "cpu" else {1}):
        measure_simulate(options.device, options.stars, n_workers)


if __name__ == "__main__":
    main()
