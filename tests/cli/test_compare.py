"""Comparing finished runs from the command line."""

import sqlite3
from contextlib import closing

import pandas as pd
import pytest
from click.testing import CliRunner

from moe_exp.cli.commands import main as cli
from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.tracking import closing as closing_run
from moe_exp.tracking import open_run
from tests.command_line import REST, runs_in


def test_finished_runs_are_compared_from_the_command_line(sweep, tmp_path):
    store = f"sqlite:///{sweep}/mlflow.db"
    places = ("--csv", str(tmp_path), "--report", str(tmp_path / "report"))
    done = CliRunner().invoke(cli, ["compare", "--store", store, *places, "--n-resamples", "500"])
    assert done.exit_code == 0, done.output
    assert f"Report: {tmp_path / 'report' / 'report.html'}" in done.output
    assert (tmp_path / "report" / "report.html").exists()
    assert "mlp" in done.output
    assert len(pd.read_csv(tmp_path / "pairs.csv")) == 3
    nothing = CliRunner().invoke(cli, ["compare", "--store", store, "--filter", "params.gate = 'x'"])
    assert nothing.exit_code == 1
    assert f"there are 3: classify {REST}; linear" in nothing.output
    unknown = CliRunner().invoke(cli, ["compare", "--store", store, "0123-"])
    assert "has no run '0123-'" in unknown.output
    _, (linear, mlp, _) = runs_in(sweep)
    few = ["--n-resamples", "50", linear.info.run_id[:8], mlp.info.run_id]
    assert CliRunner().invoke(cli, ["compare", "--store", store, *few]).exit_code == 0


def move_to_another_test_set(folder, gate):
    """Let a run of a store seem to have had other test stars."""
    run = next(run for run in runs_in(folder)[1] if run.data.params["gate"] == gate)
    with closing(sqlite3.connect(folder / "mlflow.db")) as store, store:
        where = (run.info.run_id,)
        store.execute("UPDATE params SET value = '299' WHERE key = 'data.n_test' AND run_uuid = ?", where)
        store.execute("UPDATE tags SET value = 'other' WHERE key = 'data.test_digest' AND run_uuid = ?", where)


def test_runs_on_different_test_sets_are_compared_by_themselves(copy_of_sweep, tmp_path):
    move_to_another_test_set(copy_of_sweep, "linear")
    command = ["compare", "--store", f"sqlite:///{copy_of_sweep}/mlflow.db", "--n-resamples", "50"]
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 0, done.output
    first, second = done.output.split("Group ")[1:]
    condition = 'params.`data.n_test` = "300"'
    assert first.startswith(f"1 of 2, 2 run(s): --filter '{condition}'")  # as a shell takes it
    assert "mlp - classify" in first.replace("−", "-")
    assert second.startswith("2 of 2, 1 run(s): --filter 'params.`data.n_test` = \"299\"'")
    assert "linear" in second
    assert CliRunner().invoke(cli, [*command, "--filter", condition]).exit_code == 0
    files = CliRunner().invoke(cli, [*command, "--csv", str(tmp_path / "out")])
    assert "of one comparison, but there are 2" in files.output
    named = CliRunner().invoke(cli, [*command, *(run.info.run_id for run in runs_in(copy_of_sweep)[1])])
    assert "the test stars differ" in named.output


def test_reading_creates_nothing(sweep, tmp_path):
    store = f"sqlite:///{sweep}/mlflow.db"
    typo = CliRunner().invoke(cli, ["compare", "--store", store, "--experiment", "typo"])
    assert "has no experiment 'typo'; it has Default, moe_exp" in typo.output
    nowhere = CliRunner().invoke(cli, ["compare", "--store", f"sqlite:///{tmp_path}/none.db"])
    assert "does not exist, or is not finished: no run was tracked there yet" in nowhere.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda frame, path: frame.assign(classify_clipped=frame["logg"]).to_parquet(path), "changed or is damaged"),
        (lambda frame, path: path.write_bytes(b"PAR1"), "predictions.parquet was changed or is damaged"),
        (lambda frame, path: path.unlink(), "has no artifact predictions.parquet"),
    ],
)
def test_predictions_that_a_run_did_not_log_are_refused(copy_of_sweep, damage, message):
    _, (run, _, _) = runs_in(copy_of_sweep)
    path = copy_of_sweep / "mlruns" / run.info.run_id / "artifacts" / "predictions.parquet"
    damage(pd.read_parquet(path), path)
    store = f"sqlite:///{copy_of_sweep}/mlflow.db"
    done = CliRunner().invoke(cli, ["compare", "--store", store, "--n-resamples", "50"])
    assert done.exit_code == 1
    assert message in done.output


def test_a_run_that_failed_is_not_compared(tracking):
    with pytest.raises(InputError), closing_run(open_run(tracking, run_name="failed", parameters={}, tags={})) as run:
        raise InputError(Code.TOO_FEW_COVERED, "too few stars")
    done = CliRunner().invoke(cli, ["compare", "--store", tracking.uri, run.run_id])
    assert "Only finished runs can be compared" in done.output
    assert "is FAILED" in done.output
