"""moe-exp sync: what runs logged while their server was away."""

import click


@click.command(short_help="Send to the store what runs could not.")
@click.option("--store", default=None, help="MLflow tracking URI; by default the project's own store.")
def sync(store: str | None) -> None:
    """Send to the store what runs could not; the status is 1 if anything is left."""
    from moe_exp.cli.compare import choose_tracking
    from moe_exp.tracking import send_left_behind

    tracking = choose_tracking(store, None)
    left = send_left_behind(tracking)
    for line in left:
        click.echo(line, err=True)
    click.echo(f"{len(left)} runs wait in {tracking.outbox_folder}.")
    if left:
        raise click.exceptions.Exit(1)
