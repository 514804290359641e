"""Planning further runs from the command line."""

from click.testing import CliRunner

from moe_exp.cli.commands import main as cli
from tests.command_line import parents_in


def invoke(*arguments):
    return CliRunner().invoke(cli, ["plan", *arguments])


def test_a_sweep_says_what_would_show_a_difference(sweep):
    [parent] = parents_in(sweep)
    done = invoke(parent.info.run_id, "--difference", "0.02", "--store", f"sqlite:///{sweep}/mlflow.db")
    assert done.exit_code == 0, done.output
    assert "What shows a difference of 0.02 in 80 % of experiments" in done.output
    assert "unknown" in done.output


def test_options_that_plan_nothing_are_refused():
    assert "Missing argument 'RUNS...'" in invoke("--difference", "0.01").output
    assert "0.0 is not in the range 0<x<=1" in invoke("x", "--difference", "0").output
    assert "1.0 is not in the range 0.5<=x<1" in invoke("x", "--difference", "0.1", "--power", "1").output
