"""moe-exp simulate: simulated spectra as a file of one's own."""

from pathlib import Path

import click

from moe_exp.codes import Code
from moe_exp.errors import InputError


@click.command(short_help="Write simulated spectra to a file.")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--n-stars", type=click.IntRange(min=1), default=52_000, help="How many stars.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="data.seed: the same seed gives the same stars.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
def simulate(path: Path, n_stars: int, seed: int, device: str, force: bool) -> None:
    """Write simulated spectra to PATH, an HDF5 file that `data=hdf5 data.path=PATH` reads.

    The stars are those that `data=simulated` uses, with the simulator's default physics.
    """
    from moe_exp.machine import choose_device, require_room
    from moe_exp.progress import Stages
    from moe_exp.spectra.simulated_files import bytes_per_star, write_simulated, write_stars
    from moe_exp.spectra.simulator import Simulator
    from moe_exp.spectra.simulator import simulate as simulate_stars

    if path.exists() and not force:
        raise InputError(Code.OUTPUT_NAME, f"{path} exists; choose another name, or --force to replace it.")
    simulator = Simulator()
    size = n_stars * bytes_per_star(simulator)
    path.parent.mkdir(parents=True, exist_ok=True)
    require_room(path.parent, size, str(path), "Free some room or ask for fewer stars (--n-stars).")
    click.echo(f"Writing {n_stars:,} stars, {size / 1e9:.2f} GB, to {path}", err=True)
    with (
        write_simulated(path, simulator, n_stars) as writer,
        Stages().stage("simulate", n_stars) as advance,
    ):
        chunks = simulate_stars(simulator, seed=seed, first=0, last=n_stars, device=choose_device(device))
        write_stars(writer, chunks, advance)
