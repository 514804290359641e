"""How many spectra the simulator makes per second, and how far that is from the arithmetic that it cannot avoid.

The floor is one thread's time for the matrix products (opacities from templates) and exponentials (transmissions) of
the same spectra, in the same shapes, and nothing else.

    python bench/simulator.py [--stars 4096] [--device cpu]
"""

import argparse

import pandas as pd
import torch
from common import keep, time_best

from moe_exp.machine import one_torch_thread, usable_cores
from moe_exp.spectra.simulator import CHUNK_SIZE, Simulator, Synthesizer, draw_labels, simulate
from moe_exp.spectra.simulator.synthesis import BATCH_SIZE


def time_floor(synthesizer: Synthesizer, n_stars: int) -> float:
    """Return the seconds of the products and exponentials of some stars."""
    n_depths, batch = synthesizer.simulator.n_depths, BATCH_SIZE[synthesizer.device.type]
    work = []
    for tile in synthesizer.tiles:
        n_used, width = tile.templates.shape
        amplitudes = torch.rand(n_depths * batch, n_used, device=synthesizer.device)
        work.append((amplitudes, tile.templates, torch.empty(n_depths * batch, width, device=synthesizer.device)))

    def compute() -> float:
        for _ in range(n_stars // batch):
            for amplitudes, templates, depth in work:
                torch.mm(amplitudes, templates, out=depth)
                depth.neg_().exp2_()
        return float(work[0][2][0, 0])  # waits for a GPU

    return time_best(compute, n_repeats=3)[0]


def time_synthesis(synthesizer: Synthesizer, n_stars: int) -> float:
    """Return the seconds of the whole synthesis of some stars."""
    labels = torch.tensor(draw_labels(synthesizer.simulator, seed=0, first=0, last=n_stars).to_numpy())
    return time_best(lambda: synthesizer.synthesize(labels).cpu(), n_repeats=3)[0]


def time_simulate(device: str, n_stars: int, n_workers: int) -> float:
    """Return the seconds of `simulate`, start-up of its processes, labels and errors included."""
    return time_best(
        lambda: sum(
            len(chunk.labels)
            for chunk in simulate(Simulator(), seed=0, first=0, last=n_stars, n_workers=n_workers, device=device)
        )
    )[0]


def main() -> None:
    """Run all measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stars", type=int, default=64 * CHUNK_SIZE)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    n_few = 4 * CHUNK_SIZE
    with one_torch_thread():
        synthesizer = Synthesizer(Simulator(), device=options.device)
        floor, synthesis = time_floor(synthesizer, n_few) / n_few, time_synthesis(synthesizer, n_few) / n_few
    rows = [
        {
            "what": "floor: products and exponentials alone",
            "threads": 1,
            "spectra/s": 1 / floor,
            "times the floor": 1.0,
        },
        {"what": "synthesis", "threads": 1, "spectra/s": 1 / synthesis, "times the floor": synthesis / floor},
    ]
    for n_workers in sorted({1, usable_cores()} if options.device == "cpu" else {1}):
        seconds = time_simulate(options.device, options.stars, n_workers) / options.stars
        what = f"simulate, {options.stars:,} stars, start-up, labels and errors included"
        row = {"what": what, "threads": n_workers, "spectra/s": 1 / seconds}
        rows.append(row | {"times the floor": seconds * n_workers / floor})
    n_products = sum(tile.templates.numel() for tile in synthesizer.tiles) * synthesizer.simulator.n_depths
    n_exponentials = len(synthesizer.grid) * synthesizer.simulator.n_depths
    notes = [
        f"A spectrum takes {n_products / 1e6:.0f} million multiply-adds and {n_exponentials / 1e6:.2f} million "
        f"exponentials: {len(synthesizer.grid):,} wavelengths, {synthesizer.simulator.n_depths} depths, on average "
        f"{n_products / n_exponentials:.0f} of {len(synthesizer.templates)} templates.",
        f"Device: {options.device}. Direct synthesis: nothing is interpolated or emulated.",
    ]
    keep(f"simulator_{options.device}", "Simulated spectra", pd.DataFrame(rows), notes)


if __name__ == "__main__":
    main()
