"""Sweeps: a parent with its jobs, that go on where they were and end in a comparison."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from moe_exp.experiment.config import make_stage
from moe_exp.runs.conclusions import conclude
from moe_exp.runs.membership import find_members
from moe_exp.tracking import Tracking
from tests.command_line import CLAIM, REST, all_runs, parents_in, runs_in, train, train_until


def test_a_sweep_makes_a_run_for_each_gate(sweep):
    folder, done = sweep
    _, runs = runs_in(folder)
    assert [run.info.run_name for run in runs] == [f"{g} {REST}" for g in ("linear", "mlp", "classify")]
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert f"sqlite:///{folder}/mlflow.db" in done.stderr


def test_the_jobs_of_a_sweep_have_a_parent_with_their_comparison(sweep):
    folder, _ = sweep
    [parent] = parents_in(folder)
    assert parent.info.run_name == "sweep gate=linear,mlp,classify"
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["sweep/n_finished"] == parent.data.metrics["sweep/n_jobs"] == 3
    history = all_runs(folder)[0].get_metric_history(parent.info.run_id, "sweep/n_finished")
    assert [metric.value for metric in history] == [1, 2, 3, 3]
    assert {run.data.tags["mlflow.parentRunId"] for run in runs_in(folder)[1]} == {parent.info.run_id}
    pairs = pd.read_csv(Path(parent.info.artifact_uri.removeprefix("file://")) / "comparison" / "pairs.csv")
    assert len(pairs) == 3
    _, (linear, _, _) = runs_in(folder)
    [row] = pairs[(pairs["model"] == "linear") & (pairs["reference"] == "classify")].to_dict("records")
    assert row["delta_r2"] == pytest.approx(linear.data.metrics["test/delta_r2"], abs=1e-9)
    assert f"on {row['n_stars']} covered test stars" in parent.data.tags["mlflow.note.content"]


def test_a_claim_is_judged_and_one_that_was_changed_since_is_said_to_be(sweep):
    folder, _ = sweep
    [parent] = parents_in(folder)
    assert parent.data.tags["hypothesis.smoke"] == "supported"
    assert "gate" not in parent.data.tags
    tracking = Tracking(uri=f"sqlite:///{folder}/mlflow.db", artifacts="")
    runs = find_members(tracking, parent.info.run_id).finished
    claim = make_stage("hypotheses.smoke", {"_target_": "moe_exp.comparison.hypotheses.Hypothesis"} | CLAIM)
    assert not conclude(tracking, runs, hypotheses={"smoke": claim}, n_resamples=100).notes
    changed = replace(claim, criteria=[replace(claim.criteria[0], above=0.2)])
    notes = conclude(tracking, runs, hypotheses={"smoke": changed}, n_resamples=100).notes
    assert "it was changed after 3 (" in notes["smoke"]


def test_a_parallel_launcher_nests_its_jobs_too(tmp_path, cache_dir, sweep):
    launcher = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    arguments = ("-m", "experiment=smoke", "gate=linear,classify", "training.max_epochs=5")
    done = train(*arguments, *launcher, folder=tmp_path, MOE_EXP_CACHE=str(cache_dir))
    assert done.returncode == 0, done.stderr
    [parent] = parents_in(tmp_path)
    _, runs = runs_in(tmp_path)
    assert {run.data.tags["mlflow.parentRunId"] for run in runs} == {parent.info.run_id}
    whole = {run.data.params["gate"]: run.data.metrics["test/r2"] for run in runs_in(sweep[0])[1]}
    assert {run.data.params["gate"]: run.data.metrics["test/r2"] for run in runs} == {
        gate: whole[gate] for gate in ("linear", "classify")
    }


def test_jobs_that_are_the_same_count_once_and_a_glob_is_a_sweep(sweep, cache_dir):
    folder, _ = sweep
    arguments = ("-m", "experiment=smoke", "training.max_epochs=5")
    for gates, n_jobs in (("linear,linear,linear", 1), ("glob(lin*)", 1)):
        done = train(*arguments, f"gate={gates}", folder=folder, MOE_EXP_CACHE=str(cache_dir))
        assert done.returncode == 0, done.stderr
        parent = parents_in(folder)[-1]
        assert parent.info.status == "FINISHED"
        assert parent.data.metrics["sweep/n_jobs"] == parent.data.metrics["sweep/n_finished"] == n_jobs


def test_a_sweep_that_is_told_to_stop_closes_its_runs(tmp_path, cache_dir):
    arguments = ("-m", "experiment=smoke", "gate=linear,mlp", "training.max_epochs=5")
    process = train_until("run 'linear", *arguments, folder=tmp_path, MOE_EXP_CACHE=str(cache_dir))
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert [run.info.status for run in all_runs(tmp_path)[1]] == ["FAILED", "KILLED"]


def test_a_finished_sweep_is_not_run_again(sweep, cache_dir):
    folder, _ = sweep
    arguments = ("-m", "experiment=smoke", "gate=linear,mlp,classify", "training.max_epochs=5")
    done = train(*arguments, folder=folder, MOE_EXP_CACHE=str(cache_dir))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("skipped: ") == 3
    assert len(runs_in(folder)[1]) == 3
    first, *_, last = parents_in(folder)
    assert last.info.status == "FINISHED"
    assert last.data.metrics == first.data.metrics


def test_a_run_that_lost_its_predictions_is_made_again(tmp_path, cache_dir):
    arguments = ("-m", "experiment=smoke", "gate=linear", "training.max_epochs=5")

    def again(*more: str) -> str:
        done = train(*arguments, *more, folder=tmp_path, MOE_EXP_CACHE=str(cache_dir))
        assert done.returncode == 0, done.stderr
        assert parents_in(tmp_path)[-1].info.status == "FINISHED"
        return done.stderr

    again()
    [lost] = runs_in(tmp_path)[1]
    (Path(lost.info.artifact_uri.removeprefix("file://")) / "predictions.parquet").unlink()
    assert "1 of 1 jobs finished; they are not compared: Run " in again()
    assert "their comparison" in again("tracking.resume=false")
    assert "their comparison" in again()


def test_a_sweep_that_cannot_work_is_refused_before_its_first_job(tmp_path):
    for override, message in (("gate=linear,nonsense", "nonsense"), ("data.noise_level=0.1,-1", "noise_level=-1")):
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
        "-m", "experiment=smoke", "gate._target_=my_gates.Broken", "~gate.hidden",
        folder=tmp_path, PYTHONPATH=str(tmp_path),
    )  # fmt: skip
    assert done.returncode == 1
    assert "The sweep was not started: k is wrong" in done.stderr
    assert not (tmp_path / "mlflow.db").exists()


def test_a_failed_job_does_not_end_the_sweep(tmp_path, many_stars):
    data = ("data=hdf5", f"data.path={many_stars}", "features=pca", "data.n_val=200", "data.n_test=200")
    done = train("-m", *data, "gate=linear", "data.n_train=60,800", "training.max_epochs=2", folder=tmp_path)
    assert done.returncode == 1
    _, runs = runs_in(tmp_path)
    assert [run.info.status for run in runs] == ["FAILED", "FINISHED"]
    [parent] = parents_in(tmp_path)
    assert parent.info.status == "FAILED"
    missing = f"1 of 2 jobs did not finish; {runs[0].info.run_name}: InputError: "
    assert parent.data.tags["error"].startswith(missing)
    assert missing in done.stderr
    assert "This report is about the others" in parent.data.tags["mlflow.note.content"]


def test_a_killed_sweep_goes_on_where_it_was(tmp_path, cache_dir, sweep):
    arguments = ("-m", "experiment=smoke", "gate=linear,mlp", "training.max_epochs=5")
    process = train_until("run 'mlp", *arguments, folder=tmp_path, MOE_EXP_CACHE=str(cache_dir))
    process.kill()
    process.communicate()
    assert [run.info.status for run in all_runs(tmp_path)[1]] == ["RUNNING", "FINISHED", "RUNNING"]
    done = train(*arguments, folder=tmp_path, MOE_EXP_CACHE=str(cache_dir))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("skipped: ") == 1
    whole = {run.data.params["gate"]: run.data.metrics["test/r2"] for run in runs_in(sweep[0])[1]}
    _, runs = runs_in(tmp_path)
    finished = {run.data.params["gate"]: run.data.metrics["test/r2"] for run in runs if run.info.status == "FINISHED"}
    assert finished == {gate: whole[gate] for gate in ("linear", "mlp")}
    assert [run.info.status for run in all_runs(tmp_path)[1]].count("RUNNING") == 0
