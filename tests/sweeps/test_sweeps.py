"""Sweeps: a parent with its jobs, that go on where they were and end in a comparison."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from moe_exp.experiment.config import make_stage
from moe_exp.runs.conclusions import conclude
from moe_exp.runs.membership import find_members
from tests.command_line import CLAIM, REST, all_runs, command, parents_in, runs_in, train, train_anew, train_until
from tests.conftest import store_in


def test_a_sweep_makes_a_run_for_each_gate(sweep):
    _, runs = runs_in(sweep)
    assert [run.info.run_name for run in runs] == [f"{g} {REST}" for g in ("linear", "mlp", "classify")]
    assert {run.info.status for run in runs} == {"FINISHED"}
    said = (sweep / "said.txt").read_text(encoding="utf-8")
    assert f"sqlite:///{sweep}/mlflow.db" in said
    for line in ("experts: start (1,000 training stars)", "features: start (300 gate stars)", "gate 4 of 4 for calibr"):
        assert line in said


def test_the_jobs_of_a_sweep_have_a_parent_with_their_comparison(sweep):
    [parent] = parents_in(sweep)
    assert parent.info.run_name == "sweep gate=linear,mlp,classify"
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["sweep/n_finished"] == parent.data.metrics["sweep/n_jobs"] == 3
    history = all_runs(sweep)[0].get_metric_history(parent.info.run_id, "sweep/n_finished")
    assert [metric.value for metric in history] == [1, 2, 3, 3]
    assert {run.data.tags["mlflow.parentRunId"] for run in runs_in(sweep)[1]} == {parent.info.run_id}
    pairs = pd.read_csv(Path(parent.info.artifact_uri.removeprefix("file://")) / "comparison" / "pairs.csv")
    assert len(pairs) == 3
    _, (linear, _, _) = runs_in(sweep)
    [row] = pairs[(pairs["model"] == "linear") & (pairs["reference"] == "classify")].to_dict("records")
    assert row["delta_r2"] == pytest.approx(linear.data.metrics["test/delta_r2"], abs=1e-9)
    assert f"on {row['n_stars']} covered test stars" in parent.data.tags["mlflow.note.content"]
    for run in runs_in(sweep)[1]:
        link = f"[{run.info.run_name}](#/experiments/{run.info.experiment_id}/runs/{run.info.run_id})"
        assert f"- {link}: R² {run.data.metrics['test/r2']:.4f}\n" in parent.data.tags["mlflow.note.content"] + "\n"
    difference, ends = "linear_n_1k_noise_0.2_minus_classify_n_1k_noise_0.2", ("_ci_low", "_ci_high")
    assert parent.data.metrics[f"delta_r2/{difference}"] == pytest.approx(row["delta_r2"])
    measured = [parent.data.metrics[f"r2_intervals/delta_r2_{difference}{end}"] for end in ends]
    assert measured == pytest.approx([row[f"delta_r2{end}"] for end in ends])
    intervals = {f"r2_intervals/r2_mlp_n_1k_noise_0.2{end}" for end in ends}
    assert {"r2/mlp_n_1k_noise_0.2", *intervals} <= set(parent.data.metrics)
    printed = (sweep / "printed.txt").read_text(encoding="utf-8")
    assert f"{row['delta_r2']:+.4f} [{row['delta_r2_ci_low']:+.4f}, {row['delta_r2_ci_high']:+.4f}]" in printed
    assert "R² on the covered test stars" in printed


def test_a_claim_is_judged_and_one_that_was_changed_since_is_said_to_be(sweep):
    [parent] = parents_in(sweep)
    assert parent.data.tags["hypothesis.smoke"] == "supported"
    assert "gate" not in parent.data.tags
    tracking = store_in(sweep)
    runs = find_members(tracking, parent.info.run_id).finished
    claim = make_stage("hypotheses.smoke", {"_target_": "moe_exp.comparison.hypotheses.Hypothesis"} | CLAIM)
    assert not conclude(tracking, runs, hypotheses={"smoke": claim}, n_resamples=100).notes
    changed = replace(claim, criteria=[replace(claim.criteria[0], above=0.2)])
    notes = conclude(tracking, runs, hypotheses={"smoke": changed}, n_resamples=100).notes
    assert "it was changed after 3 (" in notes["smoke"]


def test_a_parallel_launcher_nests_its_jobs_too(run_folder, cache_dir, sweep):
    launcher = ("hydra/launcher=parallel", "hydra.launcher.n_jobs=2")
    arguments = ("-m", "experiment=smoke", "gate=linear,classify", "training.max_epochs=5")
    done = train_anew(*arguments, *launcher, folder=run_folder, MOE_EXP_CACHE=str(cache_dir))
    assert done.returncode == 0, done.stderr
    [parent] = parents_in(run_folder)
    _, runs = runs_in(run_folder)
    assert {run.data.tags["mlflow.parentRunId"] for run in runs} == {parent.info.run_id}
    whole = {run.data.params["gate"]: run.data.metrics["test/r2"] for run in runs_in(sweep)[1]}
    assert {run.data.params["gate"]: run.data.metrics["test/r2"] for run in runs} == {
        gate: whole[gate] for gate in ("linear", "classify")
    }


def test_jobs_that_are_the_same_count_once_and_a_glob_is_a_sweep(copy_of_sweep, cache_dir):
    arguments = ("-m", "experiment=smoke", "training.max_epochs=5", "gate=glob(lin*)", "seed=0,0,0")
    done = train(*arguments, folder=copy_of_sweep, MOE_EXP_CACHE=str(cache_dir))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("skipped: ") == 3
    parent = parents_in(copy_of_sweep)[-1]
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["sweep/n_jobs"] == parent.data.metrics["sweep/n_finished"] == 1


def test_a_sweep_that_is_told_to_stop_closes_its_runs(run_folder, cache_dir):
    arguments = ("-m", "experiment=smoke", "gate=linear,mlp", "training.max_epochs=5")
    process = train_until("run 'linear", *arguments, folder=run_folder, MOE_EXP_CACHE=str(cache_dir))
    process.terminate()
    process.join(timeout=60)
    assert process.exitcode not in (0, None)
    assert [run.info.status for run in all_runs(run_folder)[1]] == ["FAILED", "KILLED"]


def test_a_finished_sweep_is_not_run_again(copy_of_sweep, cache_dir):
    arguments = ("-m", "experiment=smoke", "gate=linear,mlp,classify", "training.max_epochs=5")
    done = train(*arguments, folder=copy_of_sweep, MOE_EXP_CACHE=str(cache_dir))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("skipped: ") == 3
    assert len(runs_in(copy_of_sweep)[1]) == 3
    first, last = parents_in(copy_of_sweep)
    assert last.info.status == "FINISHED"
    assert last.data.metrics == first.data.metrics
    told = [parent.data.tags["mlflow.note.content"].count("made by an earlier sweep") for parent in (first, last)]
    assert told == [0, 3]


@pytest.fixture(params=["a reader that has gone", "a full disk"])
def output(request):
    """Give what nothing can be printed to."""
    if request.param == "a full disk":
        with Path("/dev/full").open("w") as full:
            yield full
    else:
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "w") as pipe:
            yield pipe


def test_a_sweep_whose_tables_cannot_be_printed_is_finished_all_the_same(copy_of_sweep, cache_dir, output):
    arguments = command(("-m", "experiment=smoke", "gate=linear,mlp", "training.max_epochs=5"), copy_of_sweep)
    environment = os.environ | {"MOE_EXP_CACHE": str(cache_dir)}
    done = subprocess.run(arguments, env=environment, stdout=output, stderr=subprocess.PIPE, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "the tables cannot be printed" in done.stderr
    assert "Traceback" not in done.stderr
    assert parents_in(copy_of_sweep)[-1].info.status == "FINISHED"


def test_a_run_that_lost_its_predictions_is_made_again(copy_of_sweep, cache_dir):
    arguments = ("-m", "experiment=smoke", "gate=linear", "training.max_epochs=5")

    def again(*more: str) -> str:
        done = train(*arguments, *more, folder=copy_of_sweep, MOE_EXP_CACHE=str(cache_dir))
        assert done.returncode == 0, done.stderr
        assert parents_in(copy_of_sweep)[-1].info.status == "FINISHED"
        return done.stderr

    _, (lost, _, _) = runs_in(copy_of_sweep)
    (copy_of_sweep / "mlruns" / lost.info.run_id / "artifacts" / "predictions.parquet").unlink()
    assert "1 of 1 jobs finished; they are not compared: Run " in again()
    assert "their comparison" in again("tracking.resume=false")


def test_a_sweep_that_cannot_work_is_refused_before_its_first_job(tmp_path):
    for override, message in (
        ("gate=linear,nonsense", "nonsense"),
        ("data.noise_level=0.1,-1", "noise_level=-1"),
        ("tracking.experiment=a,b", "the jobs of a sweep go to one experiment, not to 'a' of sqlite:///"),
    ):
        done = train("-m", "experiment=smoke", override, folder=tmp_path)
        assert done.returncode == 1
        assert "The sweep was not started" in done.stderr
        assert message in done.stderr
        assert not (tmp_path / "mlflow.db").exists()


def test_a_gate_whose_check_breaks_is_refused_before_the_first_job(tmp_path):
    (tmp_path / "my_gates.py").write_text(
        "from dataclasses import dataclass\n"
        "from moe_exp.model.gates import LinearGate\n"
        "@dataclass\n"
        "class Broken(LinearGate):\n"
        "    def check(self):\n"
        "        raise ValueError('k is wrong')\n"
    )
    done = train(
        "-m", "experiment=smoke", "gate._target_=my_gates.Broken", "~gate.hidden", "trusted_modules=[my_gates]",
        folder=tmp_path, PYTHONPATH=str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 1
    assert "The sweep was not started: k is wrong" in done.stderr
    assert not (tmp_path / "mlflow.db").exists()


def test_a_failed_job_does_not_end_the_sweep(run_folder, many_stars):
    data = ("data=hdf5", f"data.path={many_stars}", "features=pca", "data.n_val=200", "data.n_test=200")
    done = train("-m", *data, "gate=linear", "data.n_train=60,800", "training.max_epochs=2", folder=run_folder)
    assert done.returncode == 1
    _, runs = runs_in(run_folder)
    assert [run.info.status for run in runs] == ["FAILED", "FINISHED"]
    [parent] = parents_in(run_folder)
    assert parent.info.status == "FAILED"
    missing = f"1 of 2 jobs did not finish; {runs[0].info.run_name}: InputError: "
    assert parent.data.tags["error"].startswith(missing)
    assert missing in done.stderr
    assert "This report is about the others" in parent.data.tags["mlflow.note.content"]


def test_a_killed_sweep_goes_on_where_it_was(run_folder, cache_dir, sweep):
    arguments = ("-m", "experiment=smoke", "gate=linear,mlp", "training.max_epochs=5")
    process = train_until("run 'mlp", *arguments, folder=run_folder, MOE_EXP_CACHE=str(cache_dir))
    process.kill()
    process.join()
    assert [run.info.status for run in all_runs(run_folder)[1]] == ["RUNNING", "FINISHED", "RUNNING"]
    done = train(*arguments, folder=run_folder, MOE_EXP_CACHE=str(cache_dir))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("skipped: ") == 1
    whole = {run.data.params["gate"]: run.data.metrics["test/r2"] for run in runs_in(sweep)[1]}
    _, runs = runs_in(run_folder)
    finished = {run.data.params["gate"]: run.data.metrics["test/r2"] for run in runs if run.info.status == "FINISHED"}
    assert finished == {gate: whole[gate] for gate in ("linear", "mlp")}
    assert [run.info.status for run in all_runs(run_folder)[1]].count("RUNNING") == 0
