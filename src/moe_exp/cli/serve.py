"""moe-exp serve: a page on this machine on which files of spectra are dropped."""

import click

from moe_exp.cli.predict import open_model

MEGABYTE = 1_000_000


@click.command(short_help="Show spectra and predictions of files on a page.")
@click.argument("model")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, help="Where it listens; 0 takes a free one.")
@click.option("--most-mb", type=click.IntRange(min=1), default=256, help="Size of the largest file that it takes [MB].")
@click.option("--store", default=None, help="MLflow tracking URI; by default the project's own store.")
@click.option("--experiment", default=None, help="Name of the MLflow experiment; by default the project's own.")
def serve(model: str, port: int, most_mb: int, store: str | None, experiment: str | None) -> None:
    """Show spectra and log g of files by MODEL, the id of a run (or its beginning) or a model's folder, on a page.

    The page is for this machine's own browser: nothing else reaches it. Programs get JSON from /predict.
    """
    from moe_exp.page.server import LOOPBACK, PageServer

    with open_model(model, store, experiment) as mixture:
        loaded = mixture
    with PageServer(loaded, model, port=port, most_bytes=most_mb * MEGABYTE) as server:
        click.echo(f"http://{LOOPBACK}:{server.server_port}/ (stop with Ctrl-C)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("stopped", err=True)
