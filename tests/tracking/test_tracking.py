import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from moe_exp import names
from moe_exp.errors import InputError
from moe_exp.tracking import Tracking, closing, open_run, open_store
from moe_exp.tracking.view import TAG_SHARED_VIEW
from tests.command_line import runs_in


def only_run(tracking: Tracking):
    client, experiment_id = open_store(tracking)
    [run] = client.search_runs([experiment_id])
    return client, run


def start(tracking: Tracking):
    return closing(open_run(tracking, run_name="mlp n=1k", parameters={"gate": "mlp"}, tags={"colour": "blue"}))


@pytest.mark.parametrize("users", [None, "http://127.0.0.1:5000"])
def test_the_users_variable_stays_the_users(tracking, fresh_store, tmp_path, monkeypatch, users):
    shutil.copy(fresh_store, tmp_path / "other.db")
    if users is None:
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    else:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", users)
    for uri in (f"sqlite:///{tmp_path}/other.db", tracking.uri):
        open_store(replace(tracking, uri=uri))
    assert os.environ.get("MLFLOW_TRACKING_URI") == users


def test_a_run_keeps_what_is_logged(tracking):
    with start(tracking) as run:
        run.log_metrics({"test/r2": 0.9, "bin_r2/0_cool_metal_poor": 0.8, "undefined": np.nan, "endless": np.inf})
        run.log_curve({"gate/train_loss": np.array([3.0, 2.0])}, np.array([1, 2]))
        run.log_dataset(name="stars", digest="abc", source="/data", schema={"n_pixels": 3}, profile={"n_train": 5})
        with run.artifacts() as folder:
            (folder / "tables").mkdir()
            (folder / "tables" / "bins.csv").write_text("index,r2\n0,0.8\n")
        run.log_images({"r2": Image.new("RGB", (30, 20))})
    client, logged = only_run(tracking)
    assert logged.info.status == "FINISHED"
    assert logged.data.metrics == {"test/r2": 0.9, "bin_r2/0_cool_metal_poor": 0.8, "gate/train_loss": 2.0}
    assert logged.data.params == {"gate": "mlp"}
    assert logged.data.tags["colour"] == "blue"
    assert [m.step for m in client.get_metric_history(logged.info.run_id, "gate/train_loss")] == [1, 2]
    assert logged.inputs.dataset_inputs[0].dataset.digest == "abc"
    assert [f.path for f in client.list_artifacts(logged.info.run_id, "tables")] == ["tables/bins.csv"]
    assert any(f.path.endswith(".png") for f in client.list_artifacts(logged.info.run_id, "images"))
    assert Path(tracking.artifacts) in Path(logged.info.artifact_uri.removeprefix("file://")).parents


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (InputError("data.path is missing"), "FAILED", "InputError: data.path is missing"),
        (KeyboardInterrupt(), "KILLED", "interrupted"),
        (SystemExit(143), "KILLED", "interrupted"),
    ],
)
def test_an_exception_closes_the_run_and_goes_on(tracking, error, status, message):
    with pytest.raises(type(error)), start(tracking):
        raise error
    _, run = only_run(tracking)
    assert (run.info.status, run.data.tags["error"]) == (status, message)
    assert message in run.data.tags["mlflow.note.content"]


CHILD = """
import sys, time
from moe_exp.tracking import Tracking, closing, open_run
tracking = Tracking(uri=sys.argv[1], artifacts=sys.argv[2])
with closing(open_run(tracking, run_name="child", parameters={}, tags={})):
    print("open", flush=True)
    time.sleep(60)
"""


def kill_a_run(tracking: Tracking, number: int) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, tracking.uri, tracking.artifacts], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "open\n"
    os.kill(child.pid, number)
    child.wait(30)
    child.stdout.close()


def test_sigterm_closes_the_run(tracking):
    kill_a_run(tracking, signal.SIGTERM)
    assert only_run(tracking)[1].info.status == "KILLED"


def test_a_run_left_by_sigkill_is_settled_at_the_next_start(tracking):
    kill_a_run(tracking, signal.SIGKILL)
    assert only_run(tracking)[1].info.status == "RUNNING"
    with start(tracking):
        pass
    client, experiment_id = open_store(tracking)
    statuses = {run.info.run_name: run.info.status for run in client.search_runs([experiment_id])}
    assert statuses == {"child": "FAILED", "mlp n=1k": "FINISHED"}


def test_a_run_of_a_living_process_is_left_alone(tracking):
    with start(tracking), start(tracking):
        client, experiment_id = open_store(tracking)
        assert {run.info.status for run in client.search_runs([experiment_id])} == {"RUNNING"}


def test_only_runs_of_this_host_are_settled(tracking):
    with start(tracking) as here, start(tracking) as elsewhere:
        client, experiment_id = open_store(tracking)
        for run in (here, elsewhere):
            client.set_tag(run.run_id, names.TAG_PID, str(2**22 + 1))  # more than a process number can be
        client.set_tag(elsewhere.run_id, names.TAG_HOST, "another host")
        with start(tracking):
            statuses = {run.info.run_id: run.info.status for run in client.search_runs([experiment_id])}
        assert (statuses[here.run_id], statuses[elsewhere.run_id]) == ("FAILED", "RUNNING")


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "sqlite:////proc/nowhere/mlflow.db", "nonsense://x"])
def test_a_store_that_cannot_be_used_is_named_before_any_work(tracking, uri):
    with pytest.raises(InputError, match="tracking.uri=.*cannot be used, nothing was computed"):
        open_store(replace(tracking, uri=uri))


def test_a_folder_for_artifacts_that_cannot_be_used_is_named_before_any_work(tracking, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be used, nothing was computed: .*file"):
        open_store(replace(tracking, artifacts=str(tmp_path / "file" / "mlruns")))


def test_artifacts_go_to_a_folder_of_any_name(tracking, tmp_path):
    tracking = replace(tracking, artifacts=str(tmp_path / "my runs"))
    with start(tracking) as run, run.artifacts() as folder:
        (folder / "report.html").write_text("said")
    assert Path(run.locate("report.html")).read_text(encoding="utf-8") == "said"
    assert {path.name for path in tmp_path.glob("my*")} == {"my runs"}


def test_a_deleted_experiment_is_named(tracking):
    client, experiment_id = open_store(tracking)
    client.delete_experiment(experiment_id)
    with pytest.raises(InputError, match="tracking.experiment=moe_exp was deleted"):
        open_store(tracking)


def test_processes_that_start_together_share_a_fresh_store(tmp_path):
    code = (
        "import sys; from moe_exp.tracking import *\n"
        "tracking = Tracking(uri=sys.argv[1], artifacts=sys.argv[2])\n"
        "with closing(open_run(tracking, run_name='x', parameters={}, tags={})) as run:\n"
        "    run.log_dataset(name='stars', digest='abc', source='/data', schema={}, profile={})"
    )
    tracking = Tracking(uri=f"sqlite:///{tmp_path}/mlflow.db", artifacts=str(tmp_path / "mlruns"))
    command = [sys.executable, "-c", code, tracking.uri, tracking.artifacts]
    children = [subprocess.Popen(command) for _ in range(3)]
    assert [child.wait(120) for child in children] == [0, 0, 0]
    client, experiment_id = open_store(tracking)
    assert len(client.search_runs([experiment_id])) == 3


def test_the_plain_command_is_named_for_the_plain_store(tmp_path):
    page = "/#/experiments/7/runs?workflowType=machine_learning&viewStateShareKey=moe_exp"
    plain = Tracking(uri=f"sqlite:///{tmp_path}/mlflow.db", artifacts="x").describe("7")
    assert plain.endswith(f"(cd {tmp_path} && mlflow ui), then http://127.0.0.1:5000{page}")
    other = Tracking(uri=f"sqlite:///{tmp_path}/other.db", artifacts="x").describe("7")
    assert f"mlflow ui --backend-store-uri sqlite:///{tmp_path}/other.db" in other
    assert f"http://server{page}" in Tracking(uri="http://server/", artifacts="x").describe("7")


def test_a_store_offers_a_view_whose_columns_its_runs_have(sweep):
    client, [_, run, _] = runs_in(sweep)
    state = json.loads(client.get_experiment(run.info.experiment_id).tags["mlflow.sharedViewState.moe_exp"])
    logged = {f"metrics.`{name}`" for name in run.data.metrics} | {f"params.`{name}`" for name in run.data.params}
    assert set(state["selectedColumns"]) - logged == {"attributes.`Duration`"}
    assert {chart["metricKey"] for chart in state["compareRunCharts"]} <= set(run.data.metrics)


def test_the_view_of_an_older_version_is_replaced(tracking):
    client, experiment_id = open_store(tracking)
    new = client.get_experiment(experiment_id).tags[TAG_SHARED_VIEW]
    client.set_experiment_tag(experiment_id, TAG_SHARED_VIEW, "{}")
    open_store(tracking)
    assert client.get_experiment(experiment_id).tags[TAG_SHARED_VIEW] == new
