"""moe-exp champion: the model of a sweep whose claim holds, in MLflow's registry."""

import click

from moe_exp.cli.compare import choose_tracking, read_hypothesis


@click.command(short_help="Register the model that a supported hypothesis rests on.")
@click.argument("sweep")
@click.option("--hypothesis", "file", required=True, help="A file of conf/hypothesis, without its ending.")
@click.option("--name", default="log_g", help="What the model is called in the registry.")
@click.option("--force", is_flag=True, help="Whatever the verdict on the hypothesis is.")
@click.option("--store", default=None, help="MLflow tracking URI; by default the project's own store.")
@click.option("--experiment", default=None, help="Name of the MLflow experiment; by default the project's own.")
def champion(sweep: str, file: str, name: str, force: bool, store: str | None, experiment: str | None) -> None:
    """Register the model that a hypothesis rests on as the champion, if SWEEP supports it.

    It is the model of the hypothesis's first criterion, with the first of its seeds; it loads as
    models:/<name>@champion.
    """
    from moe_exp.runs.champion import find_champion
    from moe_exp.tracking.registry import register_champion

    tracking = choose_tracking(store, experiment)
    run = find_champion(tracking, sweep, file, read_hypothesis(file), force=force)
    forced = " (forced)" if force else ""
    uri = register_champion(tracking, run, name, description=f"{run.name}, by hypothesis {file}{forced}")
    click.echo(f"{uri}: {run.name} ({run.run_id})")
