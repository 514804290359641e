"""moe-exp import: what was made elsewhere becomes a run of the store."""

from pathlib import Path

import click

from moe_exp.cli.compare import choose_tracking
from moe_exp.codes import Code
from moe_exp.errors import InputError


@click.command("import", short_help="Log predictions of a model that was made elsewhere.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="What the model of a table is called, as SpecViT; it stands where a gate's name does.")
@click.option("--data-run", help="A run on the same test stars as a table, by its id or how that begins.")
@click.option("--test-digest", help="That run's tag data.test_digest, for a table without labels.")
@click.option("--experiment", default=None, help="Name of the MLflow experiment; by default the project's own.")
@click.option("--store", default=None, help="MLflow tracking URI; by default the project's own store.")
def bring(
    file: Path,
    name: str | None,
    data_run: str | None,
    test_digest: str | None,
    experiment: str | None,
    store: str | None,
) -> None:
    """Log predictions of a model that was made elsewhere as a run, or the runs of a bundle (.zip).

    A FILE of predictions is a Parquet or CSV table with a row for each test star of a run: star_index or star_id (as in
    that run's predictions.parquet), prediction [dex], logg [dex], which is held against the labels, and maybe sigma
    [dex]. Under its name it is compared by the same rules as gates are.
    """
    tracking = choose_tracking(store, experiment)
    if file.suffix.lower() == ".zip":
        from moe_exp.runs.bundles.load import load

        if name or data_run or test_digest:
            raise InputError(
                Code.IMPORT_NAME,
                "--name, --data-run and --test-digest belong to a table of predictions, not to a bundle.",
            )
        for before, run_id in load(file, tracking).items():
            click.echo(f"{before} is run {run_id} here")
        return
    from moe_exp.runs.elsewhere import import_predictions

    if name is None:
        raise InputError(Code.IMPORT_NAME, "--name is missing: what is the model called whose predictions these are?")
    run_id = import_predictions(tracking, file, name, data_run=data_run, test_digest=test_digest)
    click.echo(f"{name}: run {run_id}; compare it with others by its id, as in: moe-exp compare {run_id[:8]} RUN ...")
