"""The command line beside train.py: simulated files, comparison of runs, the cache."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from moe_exp.errors import InputError
from moe_exp.machine import choose_device, require_room
from moe_exp.progress import Stages
from moe_exp.spectra.simulated_files import bytes_per_star, write_stars
from moe_exp.spectra.simulator import Simulator
from moe_exp.spectra.simulator import simulate as simulate_stars
from moe_exp.spectra.writer import write_spectra

if TYPE_CHECKING:
    from moe_exp.comparison.hypotheses import Hypothesis


class Commands(click.Group):
    """Commands whose bad input ends in its message."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
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
    if path.exists() and not force:
        raise InputError(f"{path} exists; choose another name, or --force to replace it.")
    simulator = Simulator()
    size = n_stars * bytes_per_star(simulator)
    path.parent.mkdir(parents=True, exist_ok=True)
    require_room(path.parent, size, str(path), "Free some room or ask for fewer stars (--n-stars).")
    click.echo(f"Writing {n_stars:,} stars, {size / 1e9:.2f} GB, to {path}", err=True)
    with (
        write_spectra(path, wavelength=simulator.wavelength, n_stars=n_stars, random_order=True) as writer,
        Stages().stage("simulate", n_stars) as advance,
    ):
        chunks = simulate_stars(simulator, seed=seed, first=0, last=n_stars, device=choose_device(device))
        write_stars(writer, chunks, advance)


@main.command()
@click.argument("runs", nargs=-1)
@click.option("--filter", "condition", default="", help="An MLflow filter, as in \"params.gate = 'mlp'\".")
@click.option("--experiment", default="moe_exp", help="Name of the MLflow experiment.")
@click.option("--store", default=None, help="MLflow tracking URI; by default the project's own store.")
@click.option("--csv", "tables", type=click.Path(file_okay=False, path_type=Path), help="Also write the tables here.")
@click.option(
    "--report", type=click.Path(file_okay=False, path_type=Path), help="Also write an HTML and a Markdown report."
)
@click.option("--hypothesis", "names", multiple=True, help="A file of conf/hypothesis to judge, without its ending.")
@click.option("--n-resamples", type=click.IntRange(min=1), default=10_000)
def compare(
    runs: tuple[str, ...],
    condition: str,
    experiment: str,
    store: str | None,
    tables: Path | None,
    report: Path | None,
    names: tuple[str, ...],
    n_resamples: int,
) -> None:
    """Compare finished runs on their common test stars.

    RUNS are ids of runs, or of sweeps, which stand for their jobs; without any, all runs of the experiment that
    --filter accepts. Runs that cannot be compared fairly are refused.
    """
    from moe_exp.cli.terminal import print_conclusions
    from moe_exp.runs.conclusions import conclude
    from moe_exp.runs.membership import select_runs
    from moe_exp.tracking import Tracking

    tracking = Tracking(uri=store or find_store(), artifacts="", experiment=experiment)
    hypotheses = {name: read_hypothesis(name) for name in names}
    found = select_runs(tracking, runs, condition)
    conclusions = conclude(tracking, found, hypotheses=hypotheses, n_resamples=n_resamples)
    print_conclusions(conclusions)
    if tables:
        conclusions.write_tables(tables)
        click.echo(f"Tables: {tables}", err=True)
    if report:
        conclusions.write_report(report, command=shlex.join(["moe-exp", *sys.argv[1:]]))
        click.echo(f"Report: {report / 'report.html'}", err=True)


def read_hypothesis(name: str) -> "Hypothesis":
    """Build the hypothesis of one file of conf/hypothesis."""
    from moe_exp.experiment.config import read_stage

    folder = find_project() / "conf" / "hypothesis"
    path = folder / f"{name}.yaml"
    if not path.exists():
        known = ", ".join(sorted(path.stem for path in folder.glob("*.yaml")))
        raise InputError(f"There is no hypothesis {name!r} in {folder}; there are {known}.")
    return read_stage(f"hypotheses.{name}", path)


@main.command()
@click.option("--clear", type=click.Choice(["stages", "simulated", "inspected", "all"]), help="Remove this part.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default=None, help="The cache folder.")
def cache(clear: str | None, folder: Path | None) -> None:
    """Show what the cache holds, or clear a part of it."""
    from moe_exp.cache.stages import clear as remove
    from moe_exp.cache.stages import measure

    folder = folder or Path(os.environ.get("MOE_EXP_CACHE", find_project() / ".cache"))
    meaning = {"simulated": "simulated spectra", "inspected": "checks of files", "stages": "results that runs share"}
    if clear:
        remove(folder, meaning if clear == "all" else [clear])
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
