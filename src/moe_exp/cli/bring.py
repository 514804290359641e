"""moe-exp import: what was made elsewhere becomes a run of the store."""

from pathlib import Path

import click

from moe_exp.cli.compare import choose_tracking


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", required=True, help="What the model is called, as SpecViT; it stands where a gate's name does.")
@click.option("--data-run", default=None, help="A run on the same test stars, by its id or how that begins.")
@click.option("--test-digest", default=None, help="That run's tag data.test_digest, for a table without labels.")
@click.option("--experiment", default=None, help="Name of the MLflow experiment; by default the project's own.")
@click.option("--store", default=None, help="MLflow tracking URI; by default the project's own store.")
def bring(
    file: Path, name: str, data_run: str | None, test_digest: str | None, experiment: str | None, store: str | None
) -> None:
    """Log predictions of a model that was made elsewhere as a run, to be compared under the same rules.

    FILE is a Parquet or CSV table with a row for each test star of the run: star_index or star_id (as in that run's
    predictions.parquet), prediction [dex], logg [dex], which is held against the labels, and maybe sigma [dex].
    """
    from moe_exp.runs.elsewhere import import_predictions

    tracking = choose_tracking(store, experiment)
    run_id = import_predictions(tracking, file, name, data_run=data_run, test_digest=test_digest)
    click.echo(f"{name}: run {run_id}; compare it with others by its id, as in: moe-exp compare {run_id[:8]} RUN ...")
