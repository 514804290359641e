"""The command line beside train.py, one module a command.

A command imports what works for it when it is called: most need neither torch nor MLflow, which take seconds.
"""

from typing import Any

import click

from moe_exp.cli.bring import bring
from moe_exp.cli.bundles import check, export
from moe_exp.cli.cache import cache
from moe_exp.cli.champion import champion
from moe_exp.cli.compare import compare
from moe_exp.cli.plan import plan
from moe_exp.cli.predict import predict
from moe_exp.cli.rerun import rerun
from moe_exp.cli.serve import serve
from moe_exp.cli.simulate import simulate
from moe_exp.cli.sync import sync
from moe_exp.errors import InputError
from moe_exp.program import print_in_any_encoding, terminate_as_exit


class Commands(click.Group):
    """Commands whose bad input ends in its message."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        print_in_any_encoding()
        try:
            with terminate_as_exit():
                return super().invoke(ctx)
        except BrokenPipeError:  # who read the output has enough: click ends quietly
            raise
        except (InputError, OSError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
def main() -> None:
    """Tools beside train.py; docs/messages.md explains the codes of their messages, such as MOE020."""


for command in (simulate, compare, plan, predict, serve, champion, rerun, bring, export, check, cache, sync):
    main.add_command(command)
