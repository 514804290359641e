"""`python -m moe_exp.cli` is the command `moe-exp`."""

from moe_exp.cli.commands import main

main(prog_name="moe-exp")
