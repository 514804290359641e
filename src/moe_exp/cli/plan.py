"""moe-exp plan: how many stars or seeds would show a difference of some size."""

import math
from typing import TYPE_CHECKING, Any

import click

from moe_exp.cli.compare import choose_tracking

if TYPE_CHECKING:
    from moe_exp.runs.durations import Durations


@click.command(short_help="Say how many stars or seeds a difference would need.")
@click.argument("runs", nargs=-1, required=True)
@click.option("--difference", type=click.FloatRange(0, 1, min_open=True), required=True, help="In R², as 0.001.")
@click.option("--power", type=click.FloatRange(0.5, 1, max_open=True), default=0.8, help="Chance to find it.")
@click.option("--experiment", default=None, help="Name of the MLflow experiment; by default the project's own.")
@click.option("--store", default=None, help="MLflow tracking URI; by default the project's own store.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (docs/json.md).")
def plan(
    runs: tuple[str, ...], difference: float, power: float, experiment: str | None, store: str | None, as_json: bool
) -> None:
    """Say how many test stars, training seeds or data seeds would show a difference, and how long they take.

    RUNS are ids of runs, or of sweeps, which stand for their jobs. Each number holds for all else as it is in them, and
    for one difference: Holm's adjustment for several asks for more. Times are those of the machine that made the runs.
    """
    from moe_exp.cli.as_json import print_json
    from moe_exp.comparison.planning import plan_table
    from moe_exp.runs.conclusions import conclude
    from moe_exp.runs.durations import measure_durations
    from moe_exp.runs.membership import select_runs
    from moe_exp.runs.print_conclusions import WHERE, make_table, wide_console

    tracking = choose_tracking(store, experiment)
    found = conclude(tracking, select_runs(tracking, runs, ""))
    durations = measure_durations(found.runs)
    table = plan_table(found.comparison, difference, power=power)
    if as_json:
        asked = {"difference": difference, "power": power, "seconds": durations._asdict()}
        print_json("plan", {**asked, "rows": table})
        return
    rows = table.to_dict("records")
    columns: dict[str, list[str]] = {
        "difference": [row["contrast"] for row in rows],
        WHERE: [row["condition"] for row in rows],
        "delta R²": [f"{row['delta_r2']:+.4f}" for row in rows],
        "SD of a star": [f"{row['sd_star']:.3f}" for row in rows],
        "of a seed": [_sd(row["sd_seed"]) for row in rows],
        "of a data seed": [_sd(row["sd_data_seed"]) for row in rows],
        "test stars": [_needed(row, "stars", durations) for row in rows],
        "or training seeds": [_needed(row, "seeds", durations) for row in rows],
        "or data seeds": [_needed(row, "data_seeds", durations) for row in rows],
        "": [row["mark"] for row in rows],
    }
    title = f"What shows a difference of {difference:g} in {100 * power:g} % of experiments (now; time that more takes)"
    wide_console().print(make_table(title, columns, unless={"": ""}))


def _sd(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:.4f}"


def _needed(row: dict[Any, Any], kind: str, durations: "Durations") -> str:
    """Return a number with how many there are, and the time that the rest would take here."""
    needed, there = row[f"needs_{kind}"], row[f"n_{kind}"]
    if math.isnan(needed):
        return "needs two seeds"
    if math.isinf(needed):
        return "none would do"
    more = max(0.0, needed - there)
    seconds = {
        "stars": more * durations.star * row["n_data_seeds"],
        "seeds": more * durations.training_seed * row["n_data_seeds"],
        "data_seeds": more * durations.data_seed,
    }[kind]
    return f"{needed:,.0f} ({there:,}{f'; {_time(seconds)}' if seconds else ''})"


def _time(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"
