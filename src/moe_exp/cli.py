"""The command line beside train.py: simulated files, comparison of runs, the cache."""

import os
from pathlib import Path

import click

from moe_exp.errors import InputError
from moe_exp.machine import choose_device, require_room
from moe_exp.progress import Stages
from moe_exp.spectra.files import SpectraWriter
from moe_exp.spectra.simulated_files import bytes_per_star, write_stars
from moe_exp.spectra.simulator import Simulator
from moe_exp.spectra.simulator import simulate as simulate_stars


@click.group(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
def main() -> None:
    """Tools beside train.py."""


@main.command()
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--n-stars", type=click.IntRange(min=1), default=52_000, help="How many stars.")
@click.option("--seed", type=click.IntRange(min=0), default=0, help="data.seed: the same seed gives the same stars.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
def simulate(path: Path, n_stars: int, seed: int, device: str, force: bool) -> None:
    """Write simulated spectra to PATH, an HDF5 file that `data=hdf5 data.path=PATH` reads.

    The stars are those that `data=simulated` uses, with the simulator's default physics.
    """
    try:
        if path.exists() and not force:
            raise InputError(f"{path} exists; choose another name, or --force to replace it.")
        simulator = Simulator()
        size = n_stars * bytes_per_star(simulator)
        path.parent.mkdir(parents=True, exist_ok=True)
        require_room(path.parent, size, str(path), "Free some room or ask for fewer stars (--n-stars).")
        click.echo(f"Writing {n_stars:,} stars, {size / 1e9:.2f} GB, to {path}", err=True)
        with (
            SpectraWriter(path, wavelength=simulator.wavelength, n_stars=n_stars, random_order=True) as writer,
            Stages().stage("simulate", n_stars) as advance,
        ):
            chunks = simulate_stars(simulator, seed=seed, first=0, last=n_stars, device=choose_device(device))
            write_stars(writer, chunks, advance)
    except InputError as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.argument("runs", nargs=-1)
@click.option("--filter", "condition", default="", help="An MLflow filter, as in \"params.gate = 'mlp'\".")
@click.option("--experiment", default="moe_exp", help="Name of the MLflow experiment.")
@click.option("--store", default=None, help="MLflow tracking URI; by default the project's own store.")
@click.option("--csv", "folder", type=click.Path(file_okay=False, path_type=Path), help="Also write the tables here.")
@click.option("--n-resamples", type=click.IntRange(min=1), default=10_000)
def compare(
    runs: tuple[str, ...], condition: str, experiment: str, store: str | None, folder: Path | None, n_resamples: int
) -> None:
    """Compare finished runs on their common test stars.

    RUNS are ids of runs, or of sweeps, which stand for their jobs; without any, all runs of the experiment that
    --filter accepts. Runs that cannot be compared fairly are refused.
    """
    from moe_exp.evaluation.comparison import compare as compare_records
    from moe_exp.record import write_tables
    from moe_exp.runs import make_records, select_runs
    from moe_exp.terminal import print_comparison
    from moe_exp.tracking import Tracking

    try:
        tracking = Tracking(uri=store or find_store(), artifacts="", experiment=experiment)
        records = make_records(tracking, select_runs(tracking, runs, condition))
        comparison = compare_records(records, n_resamples=n_resamples)
        print_comparison(comparison)
        if folder:
            write_tables(comparison, folder)
            click.echo(f"Tables: {folder}", err=True)
    except InputError as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.option("--clear", type=click.Choice(["stages", "simulated", "inspected", "all"]), help="Remove this part.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default=None, help="The cache folder.")
def cache(clear: str | None, folder: Path | None) -> None:
    """Show what the cache holds, or clear a part of it."""
    from moe_exp.cache import clear as remove
    from moe_exp.cache import measure

    folder = folder or Path(os.environ.get("MOE_EXP_CACHE", find_project() / ".cache"))
    meaning = {"simulated": "simulated spectra", "inspected": "checks of files", "stages": "results that runs share"}
    for part in meaning:
        if clear in (part, "all"):
            remove(folder / part)
    click.echo(folder)
    for part, what in meaning.items():
        n_files, size = measure(folder / part)
        click.echo(f"  {part:<10} {size / 1e9:8.2f} GB  {n_files:5d} files  {what}")


def find_project() -> Path:
    """Return the nearest folder, from the working one upwards, that holds the project's configuration."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "conf" / "config.yaml").exists() and (folder / "train.py").exists():
            return folder
    raise click.ClickException(f"{here} is not inside the project; change there, or name the place with an option.")


def find_store() -> str:
    """Return the tracking URI that train.py uses."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{find_project()}/mlflow.db"
