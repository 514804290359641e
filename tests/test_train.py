"""The command line as a user types it: real processes, a real store."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from mlflow.tracking import MlflowClient

from moe_exp.cli import main as cli
from moe_exp.conclusions import conclude
from moe_exp.config import make_stage
from moe_exp.evaluation.predictions import Predictions
from moe_exp.tracking import Tracking, runs_of_parent
from tests.conftest import PROJECT_ROOT

TABLES = {"scores", "bins", "bootstrap", "worst_stars", "experts"}
FIGURES = {
    "r2_of_models", "delta_r2_per_bin", "delta_r2_distribution", "gate_weight_distribution", "training_curve",
}  # fmt: skip


def command(arguments: tuple[str, ...], folder: Path) -> list[str]:
    places = [
        f"tracking.uri=sqlite:///{folder}/mlflow.db",
        f"tracking.artifacts={folder}/mlruns",
        f"hydra.run.dir={folder}/output",
        f"hydra.sweep.dir={folder}/sweep",
    ]
    return [sys.executable, str(PROJECT_ROOT / "train.py"), *arguments, *places]


def train(*arguments: str, folder: Path, cwd: Path = PROJECT_ROOT, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command(arguments, folder),
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


def train_until(line: str, *arguments: str, folder: Path, **environment: str) -> subprocess.Popen:
    """Start a job or a sweep, and return when it has said something."""
    process = subprocess.Popen(
        command(arguments, folder), env=os.environ | environment, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert any(line in said for said in process.stderr)
    return process


def all_runs(folder: Path):
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name("moe_exp")
    return client, client.search_runs([experiment.experiment_id], order_by=["attributes.start_time"])


def runs_in(folder: Path):
    """Return the jobs, without the parent runs of sweeps."""
    client, runs = all_runs(folder)
    return client, [run for run in runs if "gate" in run.data.params]


def parents_in(folder: Path):
    return [run for run in all_runs(folder)[1] if "sweep.overrides" in run.data.tags]


CLAIM = {
    "name": "smoke",
    "statement": "The mlp gate explains something.",
    "date": "2026-01-01",
    "criteria": [{"quantity": "r2", "model": "mlp", "n_train": 1000, "noise_level": 0.2, "above": 0.1}],
}


REST = "simulated_coarse n=1k noise=0.2 seed=0 training.max_epochs=5"


@pytest.fixture(scope="module")
def sweep(tmp_path_factory, cache_dir):
    """Run the smoke preset with three gates, from another folder than the project's root."""
    folder = tmp_path_factory.mktemp("sweep")
    arguments = ("-m", "experiment=smoke", "gate=linear,mlp,classify", "training.max_epochs=5")
    claim = json.dumps({"_target_": "moe_exp.evaluation.hypotheses.Hypothesis"} | CLAIM).replace('"', "'")
    claim = re.sub(r"'(\w+)':", r"\1:", claim)
    place = {"cwd": PROJECT_ROOT / "src", "MOE_EXP_CACHE": str(cache_dir)}
    done = train(*arguments, f"+hypotheses.smoke={claim}", folder=folder, **place)
    assert done.returncode == 0, done.stderr
    return folder, done


def test_a_sweep_makes_a_run_for_each_gate(sweep):
    folder, done = sweep
    _, runs = runs_in(folder)
    assert [run.info.run_name for run in runs] == [f"{g} {REST}" for g in ("linear", "mlp", "classify")]
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert f"sqlite:///{folder}/mlflow.db" in done.stderr


def test_a_run_can_be_judged_from_what_it_logged(sweep):
    folder, _ = sweep
    client, (_, run, _) = runs_in(folder)
    assert run.data.params["gate"] == "mlp"
    assert run.data.params["data.n_train"] == "1000"
    metrics = run.data.metrics
    names = ["test/r2", "test/rmse", "test/mae", "test/delta_r2", "test/delta_r2_ci_low", "test/delta_r2_ci_high"]
    names += [f"test/delta_r2_vs_global{end}" for end in ("", "_ci_low", "_ci_high")]
    names += ["test/r2_clipped", "test/r2_unclipped", "bin_r2/0_cool_metal_poor", "bin_delta_r2/8_hot_metal_rich"]
    names += ["reference/classify_r2", "reference/global_ridge_r2", "time/experts_s", "gate/holdout_loss"]
    assert set(names) <= set(metrics)
    assert metrics["test/delta_r2_ci_low"] <= metrics["test/delta_r2"] <= metrics["test/delta_r2_ci_high"]
    tags = run.data.tags
    assert {"mlflow.source.git.commit", "git.dirty", "machine.host", "version.torch", "data.digest"} <= set(tags)
    assert run.inputs.dataset_inputs[0].dataset.digest == tags["data.digest"]
    assert len(client.get_metric_history(run.info.run_id, "gate/train_loss")) == 5


def test_artifacts_hold_tables_figures_and_predictions(sweep):
    folder, _ = sweep
    _, (_, run, _) = runs_in(folder)
    artifacts = Path(run.info.artifact_uri.removeprefix("file://"))
    assert {path.stem for path in (artifacts / "tables").glob("*.csv")} == TABLES
    assert {path.stem for path in (artifacts / "figures").glob("*.png")} == FIGURES
    assert "n_train: 1000" in (artifacts / "config.yaml").read_text()
    predictions = Predictions.from_frame(pd.read_parquet(artifacts / "predictions.parquet"))
    error = (predictions.configured["soft"] - predictions.logg)[predictions.covered]
    spread = predictions.logg[predictions.covered].var()
    assert run.data.metrics["test/r2"] == pytest.approx(1 - np.mean(error**2) / spread, abs=1e-12)


def test_the_classify_gate_is_not_compared_with_itself(sweep):
    folder, _ = sweep
    _, (linear, _, classify) = runs_in(folder)
    assert "test/delta_r2" in linear.data.metrics
    assert "test/delta_r2" not in classify.data.metrics
    assert linear.data.metrics["reference/classify_r2"] == classify.data.metrics["test/r2"]
    assert linear.data.tags["data.test_digest"] == classify.data.tags["data.test_digest"]


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
    runs = runs_of_parent(tracking, parent.info.run_id)
    claim = make_stage("hypotheses.smoke", {"_target_": "moe_exp.evaluation.hypotheses.Hypothesis"} | CLAIM)
    assert not conclude(tracking, runs, hypotheses={"smoke": claim}, n_resamples=100).notes
    changed = replace(claim, criteria=[replace(claim.criteria[0], above=0.2)])
    notes = conclude(tracking, runs, hypotheses={"smoke": changed}, n_resamples=100).notes
    assert "was stated or changed after 3 of the 3 runs" in notes["smoke"]


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


def test_finished_runs_are_compared_from_the_command_line(sweep, tmp_path):
    folder, _ = sweep
    store = f"sqlite:///{folder}/mlflow.db"
    done = CliRunner().invoke(cli, ["compare", "--store", store, "--csv", str(tmp_path), "--n-resamples", "500"])
    assert done.exit_code == 0, done.output
    assert "mlp" in done.output
    assert len(pd.read_csv(tmp_path / "pairs.csv")) == 3
    nothing = CliRunner().invoke(cli, ["compare", "--store", store, "--filter", "params.gate = 'x'"])
    assert nothing.exit_code == 1
    assert f"there are 3: classify {REST}; linear" in nothing.output
    unknown = CliRunner().invoke(cli, ["compare", "--store", store, "0123-"])
    assert "has no run '0123-'" in unknown.output
    _, (linear, mlp, _) = runs_in(folder)
    few = ["--n-resamples", "50", linear.info.run_id[:8], mlp.info.run_id]
    assert CliRunner().invoke(cli, ["compare", "--store", store, *few]).exit_code == 0


def test_reading_creates_nothing(sweep, tmp_path):
    folder, _ = sweep
    store = f"sqlite:///{folder}/mlflow.db"
    typo = CliRunner().invoke(cli, ["compare", "--store", store, "--experiment", "typo"])
    assert "has no experiment 'typo'; it has Default, moe_exp" in typo.output
    nowhere = CliRunner().invoke(cli, ["compare", "--store", f"sqlite:///{tmp_path}/none.db"])
    assert "does not exist: no run was tracked there yet" in nowhere.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda frame, path: frame.assign(classify_clipped=frame["logg"]).to_parquet(path), "changed or is damaged"),
        (lambda frame, path: path.write_bytes(b"PAR1"), "predictions.parquet was changed or is damaged"),
        (lambda frame, path: path.unlink(), "has no artifact predictions.parquet"),
    ],
)
def test_predictions_that_a_run_did_not_log_are_refused(sweep, tmp_path, damage, message):
    folder, _ = sweep
    for name in ("mlflow.db", "mlruns"):
        (shutil.copytree if name == "mlruns" else shutil.copy)(folder / name, tmp_path / name)
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        for table, column in (("runs", "artifact_uri"), ("experiments", "artifact_location")):
            database.execute(f"UPDATE {table} SET {column} = replace({column}, '{folder}', '{tmp_path}')")
    _, (run, _, _) = runs_in(tmp_path)
    path = Path(run.info.artifact_uri.removeprefix("file://")) / "predictions.parquet"
    damage(pd.read_parquet(path), path)
    done = CliRunner().invoke(cli, ["compare", "--store", f"sqlite:///{tmp_path}/mlflow.db", "--n-resamples", "50"])
    assert done.exit_code == 1
    assert message in done.output


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


def test_a_run_that_failed_is_not_compared(tmp_path, many_stars):
    sizes = ("data.n_train=60", "data.n_val=200", "data.n_test=200")
    train("data=hdf5", f"data.path={many_stars}", "features=pca", *sizes, folder=tmp_path)
    _, [run] = runs_in(tmp_path)
    done = CliRunner().invoke(cli, ["compare", "--store", f"sqlite:///{tmp_path}/mlflow.db", run.info.run_id])
    assert "Only finished runs can be compared" in done.output
    assert "is FAILED" in done.output


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


def test_plain_lines_are_kept_in_a_log_file(sweep):
    folder, _ = sweep
    text = (folder / "sweep" / "0" / "train.log").read_text()
    assert "experts: done in" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gate=oracle"], "classify\n\tlinear\n\tmlp\n\tmlp_classify"),
        (["gate.hiden=3"], "Key 'hiden' is not in struct"),
        (["data=hdf5"], "data.path is missing"),
    ],
)
def test_bad_input_ends_in_a_short_message(tmp_path, arguments, message):
    done = train(*arguments, folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr.count(message) == 1
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) < 20


def test_a_run_that_fails_says_so_in_mlflow(tmp_path, many_stars):
    sizes = ("data.n_train=60", "data.n_val=200", "data.n_test=200")
    done = train("data=hdf5", f"data.path={many_stars}", "features=pca", *sizes, folder=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    _, [run] = runs_in(tmp_path)
    assert run.info.status == "FAILED"
    assert "bins have fewer than 10 training stars" in run.data.tags["error"]


def test_help_and_configuration_need_no_run(tmp_path):
    text = train("--help", folder=tmp_path).stdout
    assert "gate: classify, linear, mlp, mlp_classify" in text
    assert "experiment: " in text
    assert "n_train: 32000" in train("--cfg", "job", folder=tmp_path).stdout
    assert not (tmp_path / "mlflow.db").exists()


def test_tab_completion_knows_the_gates(tmp_path):
    line = f"python {PROJECT_ROOT}/train.py gate="
    done = train("-sc", "query=bash", folder=tmp_path, COMP_LINE=line, COMP_POINT=str(len(line)))
    assert set(done.stdout.split()) == {"gate=classify", "gate=linear", "gate=mlp", "gate=mlp_classify"}
