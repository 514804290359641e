"""moe-exp compare: finished runs side by side, on the same stars."""

import shlex
import sys
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from moe_exp.codes import Code
from moe_exp.credentials import redact
from moe_exp.errors import InputError
from moe_exp.names import REPORT_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from moe_exp.comparison.comparability import NotComparableError
    from moe_exp.comparison.hypotheses import Hypothesis
    from moe_exp.runs.conclusions import Conclusions
    from moe_exp.tracking import LoggedRun, Tracking


@click.command()
@click.argument("runs", nargs=-1)
@click.option("--filter", "condition", default="", help="An MLflow filter, as in \"params.gate = 'mlp'\".")
@click.option("--experiment", default=None, help="Name of the MLflow experiment; by default the project's own.")
@click.option("--store", default=None, help="MLflow tracking URI; by default the project's own store.")
@click.option("--csv", "tables", type=click.Path(file_okay=False, path_type=Path), help="Also write the tables here.")
@click.option(
    "--report", type=click.Path(file_okay=False, path_type=Path), help="Also write an HTML and a Markdown report."
)
@click.option("--hypothesis", "names", multiple=True, help="A file of conf/hypothesis to judge, without its ending.")
@click.option("--n-resamples", type=click.IntRange(min=1), help="Of the bootstrap; by default as many as the runs had.")
@click.option("--json", "as_json", is_flag=True, help="Print all tables as one JSON document (docs/json.md).")
def compare(
    runs: tuple[str, ...],
    condition: str,
    experiment: str | None,
    store: str | None,
    tables: Path | None,
    report: Path | None,
    names: tuple[str, ...],
    n_resamples: int | None,
    as_json: bool,
) -> None:
    """Compare finished runs on their common test stars.

    RUNS are ids of runs, or of sweeps, which stand for their jobs; without any, all runs of the experiment that
    --filter accepts. Runs that cannot be compared fairly are refused; of a whole experiment those that share data,
    noise and bins are compared by themselves.
    """
    from moe_exp.cli.as_json import print_json
    from moe_exp.comparison.comparability import NotComparableError
    from moe_exp.experiment.project import read_noise_level
    from moe_exp.progress import Stages
    from moe_exp.runs.conclusions import TABLES, conclude
    from moe_exp.runs.membership import find_sweep, remark_gaps, select_runs
    from moe_exp.runs.print_conclusions import print_conclusions

    tracking = choose_tracking(store, experiment)
    hypotheses = {name: read_hypothesis(name) for name in names}
    found = select_runs(tracking, runs, condition)
    remarks = remark_gaps(find_sweep(tracking, runs), len(found))
    noise_level = read_noise_level(Path.cwd())

    def conclude_on(members: "Sequence[LoggedRun]") -> "Conclusions":
        with Stages().stage("compare", len(members), unit="runs") as advance:
            return conclude(
                tracking,
                members,
                hypotheses=hypotheses,
                n_resamples=n_resamples,
                noise_level=noise_level,
                advance=advance,
            )

    try:
        conclusions = conclude_on(found)
    except NotComparableError as error:
        if runs:
            raise
        print_groups(found, conclude_on, why=error, one_alone=bool(tables or report or as_json))
        return
    if as_json:
        found_tables = {name: getattr(conclusions.comparison, name) for name in TABLES}
        said = {
            "verdicts": conclusions.verdicts,
            "notes": [*remarks, *conclusions.notes.values(), *conclusions.comparison.notes],
        }
        looks = asdict(conclusions.looks) if conclusions.looks else None
        settings = conclusions.comparison.settings._asdict()
        print_json("compare", {"settings": settings, "looks": looks, **found_tables, **said})
    else:
        print_conclusions(conclusions)
        for remark in remarks:
            click.echo(f"Note: {remark}")
    if tables:
        conclusions.write_tables(tables)
        click.echo(f"Tables: {tables}", err=True)
    if report:
        command = redact(shlex.join(["moe-exp", *sys.argv[1:]]))
        conclusions.report(command=command, remarks=remarks).write(report)
        click.echo(f"Report: {report / REPORT_FILE}", err=True)


def print_groups(
    runs: "Sequence[LoggedRun]",
    conclude_on: "Callable[[Sequence[LoggedRun]], Conclusions]",
    *,
    why: "NotComparableError",
    one_alone: bool,
) -> None:
    """Compare runs that share data, noise and bins by themselves, and say which filter finds them.

    Raises
    ------
    InputError
        If they all share these, or with `one_alone`, for what is asked for that tells of one comparison.
    """
    from moe_exp.runs.groups import group_runs
    from moe_exp.runs.print_conclusions import print_conclusions

    groups = group_runs(runs)
    if len(groups) == 1:
        raise why
    if one_alone:
        filters = "; ".join(f"--filter {shlex.quote(group.condition)}" for group in groups)
        raise InputError(
            Code.SEVERAL_COMPARISONS,
            f"--csv, --report and --json are of one comparison, but there are {len(groups)}: choose {filters}.",
        )
    for number, group in enumerate(groups, start=1):
        chosen = f"--filter {shlex.quote(group.condition)}"
        click.echo(f"Group {number} of {len(groups)}, {len(group.runs)} run(s): {chosen}")
        try:
            print_conclusions(conclude_on(group.runs))
        except InputError as error:
            click.echo(f"It is not compared: {error}")


def choose_tracking(store: str | None, experiment: str | None) -> "Tracking":
    """Return the store and the experiment that were named, else the project's, which keeps what waits for servers."""
    from moe_exp.experiment.project import find_project, read_tracking
    from moe_exp.tracking import Tracking

    tracking = Tracking(uri=store) if store else read_tracking(find_project(Path.cwd()))
    if store and not tracking.is_local:
        with suppress(InputError):  # outside of any project
            tracking = replace(tracking, outbox=read_tracking(find_project(Path.cwd())).outbox)
    return replace(tracking, experiment=experiment) if experiment else tracking


def read_hypothesis(name: str) -> "Hypothesis":
    """Build the hypothesis of one file of conf/hypothesis."""
    from moe_exp.experiment.config import read_stage
    from moe_exp.experiment.project import find_project

    folder = find_project(Path.cwd()) / "conf" / "hypothesis"
    path = folder / f"{name}.yaml"
    if not path.exists():
        known = ", ".join(sorted(path.stem for path in folder.glob("*.yaml")))
        raise InputError(Code.NO_SUCH_HYPOTHESIS, f"There is no hypothesis {name!r} in {folder}; there are {known}.")
    return read_stage(f"hypotheses.{name}", path)
