"""moe-exp predict: the label of the stars of files, by the model of a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from moe_exp.cli.compare import choose_tracking
from moe_exp.codes import Code
from moe_exp.errors import InputError

if TYPE_CHECKING:
    from moe_exp.prediction.mixture import Mixture


@click.command(short_help="Predict the label of all stars of files by a run's model.")
@click.argument("model")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help=".parquet or .fits"
)
@click.option(
    "--layout",
    type=click.Choice(["rvtab", "stparam"]),
    help="Of FITS: DESI's RVTAB, a row a star (the default), or PFS's STPARAM, a row a parameter.",
)
@click.option("--medium", type=click.Choice(["air", "vacuum"]), help="Of wavelengths, where a file does not say it.")
@click.option("--velocity", type=float, help="Radial velocity [km/s] of all stars; by default the file's, or measured.")
@click.option(
    "--resolution", type=float, help="Resolving power of the spectra, for a model that brings them to its own."
)
@click.option("--store", default=None, help="MLflow tracking URI; by default the project's own store.")
@click.option("--experiment", default=None, help="Name of the MLflow experiment; by default the project's own.")
@click.pass_context
def predict(
    context: click.Context,
    model: str,
    files: tuple[Path, ...],
    output: Path,
    layout: str | None,
    medium: str | None,
    velocity: float | None,
    resolution: float | None,
    store: str | None,
    experiment: str | None,
) -> None:
    """Predict the label of MODEL (log g, usually) of all stars of FILES; it is the id of a run, or a model's folder.

    FILES are HDF5 of this project, FITS of PFS (pfsSingle, pfsObject, pfsCoadd, pfsCalibrated), DESI or SDSS, CSV, NPZ,
    or what specutils reads. One that cannot be used is told, and the others go on; the exit status is then 1.
    """
    from moe_exp.prediction.streaming import check_output, predict_files, write_table
    from moe_exp.progress import Stages
    from moe_exp.spectra.preprocessing import NativeWidth

    check_output(output, layout)
    with open_model(model, store, experiment) as mixture:
        if resolution is not None:
            mixture = mixture.seen_by(NativeWidth(resolution=resolution))
        with write_table(output, layout, mixture.fitted.label) as table, Stages().stage("predict") as advance:
            failed = predict_files(
                mixture,
                files,
                table.write,
                medium=medium,  # type: ignore[arg-type]  # click hands on one of its choices
                velocity=velocity,
                advance=advance,
            )
            if len(failed) == len(set(files)):
                raise InputError(
                    Code.NO_USABLE_SPECTRUM,
                    "\n".join([*failed.values(), "No file could be used, and nothing was written."]),
                )
    for message in failed.values():
        click.echo(f"Error: {message}", err=True)
    click.echo(f"{len(files) - len(failed)} of {len(files)} files: {output}", err=True)
    context.exit(1 if failed else 0)


@contextmanager
def open_model(model: str, store: str | None, experiment: str | None) -> "Iterator[Mixture]":
    """Give the model of a folder, or else of a run."""
    from moe_exp.prediction.mixture import Mixture

    if Path(model).is_dir():
        yield Mixture.load(model)
        return
    from moe_exp.tracking import fetched_model, get_run  # late: a folder needs no MLflow, which takes seconds

    tracking = choose_tracking(store, experiment)
    with fetched_model(tracking, get_run(tracking, model)) as folder:
        yield Mixture.load(folder)
