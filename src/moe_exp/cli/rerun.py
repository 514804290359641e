"""moe-exp rerun: a finished run made again from what it kept, and held against itself."""

import tempfile
from pathlib import Path

import click

from moe_exp.cli.compare import choose_tracking

MOST_LISTED = 10
"""Differences that are listed; more are counted."""


@click.command(short_help="Make a run again from its commit and its configuration.")
@click.argument("run")
@click.option(
    "--verify",
    is_flag=True,
    help="Make it apart, from nothing that is cached, and say where it differs; the exit status is then 1.",
)
@click.option("--trust", is_flag=True, help="Make a run that came with a bundle, too: that runs somebody else's code.")
@click.option("--experiment", default=None, help="Name of the MLflow experiment; by default the project's own.")
@click.option("--store", default=None, help="MLflow tracking URI; by default the project's own store.")
@click.pass_context
def rerun(
    context: click.Context, run: str, verify: bool, trust: bool, experiment: str | None, store: str | None
) -> None:
    """Make RUN (an id, or how it begins) again: its commit in a worktree, its uncommitted diff, its configuration.

    The environment is the present one; versions that differ are told. Without --verify the run is logged beside the
    original.
    """
    from moe_exp.experiment.project import find_project, read_cache_folder
    from moe_exp.runs.again import check_trusted, doubts, run_again
    from moe_exp.runs.agreement import Found, differences
    from moe_exp.tracking import Tracking, find_runs, get_run

    tracking, repository = choose_tracking(store, experiment), find_project(Path.cwd())
    original = get_run(tracking, run)
    if not trust:
        check_trusted(original)
    for doubt in doubts(tracking, original):
        click.echo(f"Note: {doubt}", err=True)
    if not verify:
        run_again(tracking, original, repository, into=tracking, cache=read_cache_folder(repository))
        return
    with tempfile.TemporaryDirectory(prefix="moe_exp_") as name:
        apart = Tracking(uri=f"sqlite:///{name}/mlflow.db", artifacts=f"{name}/mlruns")
        run_again(tracking, original, repository, into=apart, cache=Path(name) / "cache")
        [again] = find_runs(apart)
        found = list(differences(Found(tracking, original), Found(apart, again)))
    if not found:
        click.echo(f"identical: {len(again.metrics)} metrics and all predictions of {original.name!r}, to the last bit")
        return
    click.echo(f"not identical; the first difference is in {found[0]}")
    for each in found[1:MOST_LISTED]:
        click.echo(f"  then {each}")
    if len(found) > MOST_LISTED:
        click.echo(f"  and {len(found) - MOST_LISTED} more")
    context.exit(1)
