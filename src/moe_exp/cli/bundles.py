"""moe-exp export and check: runs with their report in one file, and whether its numbers follow from it."""

import shlex
import sys
from pathlib import Path

import click

from moe_exp.cli.compare import choose_tracking
from moe_exp.credentials import redact


@click.command(short_help="Write a sweep, or runs, as one file that anyone can check.")
@click.argument("runs", nargs=-1, required=True)
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path), help="A .zip file.")
@click.option("--experiment", default=None, help="Name of the MLflow experiment; by default the project's own.")
@click.option("--store", default=None, help="MLflow tracking URI; by default the project's own store.")
def export(runs: tuple[str, ...], output: Path, experiment: str | None, store: str | None) -> None:
    """Write a sweep, or RUNS, with their report as one file that anyone can check.

    It holds the report of this version, predictions, configurations, uncommitted changes, digests and the versions of
    all packages, and describes itself as an RO-Crate; not the models.
    """
    from moe_exp.experiment.project import read_noise_level
    from moe_exp.runs.bundles.export import export as write

    command = redact(shlex.join(["moe-exp", *sys.argv[1:]]))
    noise_level = read_noise_level(Path.cwd())
    found = write(choose_tracking(store, experiment), runs, output, command=command, noise_level=noise_level)
    click.echo(f"{output}: {len(found.runs)} runs, {output.stat().st_size / 1e6:.1f} MB; moe-exp check {output}")


@click.command(short_help="Make every interval of a bundle again; say whether they agree.")
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (docs/json.md).")
@click.pass_context
def check(context: click.Context, bundle: Path, as_json: bool) -> None:
    """Make every interval of a BUNDLE's report again from its predictions, and say whether they agree.

    No store is needed. The exit status is 1 where a number differs.
    """
    from moe_exp.runs.bundles.check import check as make_again

    found = make_again(bundle)
    if as_json:
        from moe_exp.cli.as_json import print_json

        print_json("check", found._asdict())
        context.exit(1 if found.wrong else 0)
    for each in found.wrong:
        click.echo(each)
    if not found.same_report:
        click.echo("The report is worded otherwise by this version of moe_exp; its tables count.", err=True)
    verdict = f"{len(found.wrong)} differ" if found.wrong else "all agree"
    click.echo(f"{bundle}: {found.n_numbers:,} numbers of {found.n_runs} runs computed again: {verdict}")
    context.exit(1 if found.wrong else 0)
