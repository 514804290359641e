import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from moe_exp import names
from moe_exp.codes import Code
from moe_exp.credentials import redact
from moe_exp.errors import InputError
from moe_exp.tracking import RunStatus, Tracking, closing, open_run, open_store
from moe_exp.tracking.processes import process_tags
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
        run.log_images([("r2", Image.new("RGB", (30, 20)))])
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
        (InputError(Code.NO_FILE, "data.path is missing"), "FAILED", "InputError: data.path is missing (MOE020)"),
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
import signal, sys, time
from moe_exp.tracking import Tracking, closing, open_run
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # tests that nohup started would have it ignored
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_process_that_is_told_to_end_closes_its_run(tracking, number):
    kill_a_run(tracking, number)
    assert only_run(tracking)[1].info.status == "KILLED"


def test_a_run_left_by_sigkill_is_settled_at_the_next_start(tracking):
    kill_a_run(tracking, signal.SIGKILL)
    assert only_run(tracking)[1].info.status == "RUNNING"
    with start(tracking):
        pass
    client, experiment_id = open_store(tracking)
    statuses = {run.info.run_name: run.info.status for run in client.search_runs([experiment_id])}
    assert statuses == {"failed: child": "FAILED", "mlp n=1k": "FINISHED"}


def test_a_run_of_a_living_process_is_left_alone(tracking):
    with start(tracking), start(tracking):
        client, experiment_id = open_store(tracking)
        assert {run.info.status for run in client.search_runs([experiment_id])} == {"RUNNING"}


NO_PROCESS = str(2**22 + 1)
"""more than a process number can be"""


def settle(tracking: Tracking, **tags: str) -> str:
    """Return what becomes of an open run with these tags about its process when another one starts."""
    client, experiment_id = open_store(tracking)
    told = process_tags() | {getattr(names, name): value for name, value in tags.items()}
    run = client.create_run(experiment_id, tags=told)
    with start(tracking):
        return client.get_run(run.info.run_id).info.status


def ago(wall: float, since_boot: float) -> str:
    return f"{time.time() - wall:.0f} {time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot:.0f}"


HOUR = 3600


@pytest.mark.parametrize(
    ("tags", "status"),
    [
        ({"TAG_PID": NO_PROCESS}, "FAILED"),
        ({"TAG_PROCESS_STARTED": "1"}, "FAILED"),
        ({"TAG_HEARTBEAT": ago(HOUR, HOUR)}, "RUNNING"),  # seen to live, though it is silent
        # another PID namespace of this machine, with the same host name
        ({"TAG_PID_NAMESPACE": "pid:[1]", "TAG_PID": NO_PROCESS}, "RUNNING"),
        ({"TAG_PID_NAMESPACE": "pid:[1]", "TAG_HEARTBEAT": ago(HOUR, 100)}, "RUNNING"),  # the clock was set
        ({"TAG_PID_NAMESPACE": "pid:[1]", "TAG_HEARTBEAT": ago(100, HOUR)}, "FAILED"),
        # another machine, or an earlier boot of this one
        ({"TAG_BOOT": "another", "TAG_PID": NO_PROCESS}, "RUNNING"),
        ({"TAG_BOOT": "another", "TAG_HEARTBEAT": ago(100, HOUR)}, "RUNNING"),
        ({"TAG_BOOT": "another", "TAG_HEARTBEAT": ago(HOUR, 100)}, "FAILED"),
    ],
)
@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="only Linux tells how long ago it started")
def test_a_run_is_settled_when_its_process_is_gone_and_not_before(tracking, tags, status):
    assert settle(tracking, **tags) == status


def test_a_run_of_an_older_version_has_its_start_for_a_sign_of_life(tracking):
    client, experiment_id = open_store(tracking)
    tags = {names.TAG_HOST: "here", names.TAG_PID: "1", names.TAG_PROCESS_STARTED: "1790000000"}
    for age in (HOUR, 10):
        client.create_run(experiment_id, start_time=int(1000 * (time.time() - age)), run_name=f"{age}", tags=tags)
    client.create_run(experiment_id, start_time=1, run_name="of another program")
    with start(tracking):
        statuses = {run.info.run_name: run.info.status for run in client.search_runs([experiment_id])}
    assert statuses == {
        "failed: 3600": "FAILED",
        "10": "RUNNING",
        "of another program": "RUNNING",
        "mlp n=1k": "RUNNING",
    }


def test_a_run_shows_that_it_lives_until_it_is_closed(tracking, monkeypatch):
    monkeypatch.setattr("moe_exp.tracking.processes.BEAT_S", 0.05)
    monkeypatch.setattr("moe_exp.tracking.processes._now", lambda: f"{next(beats)} 0")
    beats = iter(range(10**6))

    def beat() -> int:
        return int(client.get_run(run.run_id).data.tags[names.TAG_HEARTBEAT].split()[0])

    client, _ = open_store(tracking)
    with start(tracking) as run:
        deadline = time.monotonic() + 30
        while beat() < 3:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    time.sleep(0.5)
    last = beat()
    time.sleep(0.5)
    assert beat() == last


def test_a_start_in_another_pid_namespace_leaves_a_living_run_alone(tracking):
    separate = ["unshare", "--pid", "--fork", "--mount-proc"]
    if shutil.which("unshare") is None or subprocess.run([*separate, "true"], capture_output=True).returncode:
        pytest.skip("no PID namespace can be made here")
    code = (
        "import sys; from moe_exp.tracking import *\n"
        "tracking = Tracking(uri=sys.argv[1], artifacts=sys.argv[2])\n"
        "open_run(tracking, run_name='x', parameters={}, tags={}).close(RunStatus.FINISHED)"
    )
    with start(tracking) as run:
        command = [*separate, sys.executable, "-c", code, tracking.uri, str(tracking.artifacts)]
        subprocess.run(command, check=True, timeout=120)
        client, _ = open_store(tracking)
        assert client.get_run(run.run_id).info.status == "RUNNING"


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


def test_a_name_is_cut_to_what_any_database_takes_however_the_run_ends(tracking):
    run = open_run(tracking, run_name="sweep " + "x" * 300, parameters={}, tags={})
    run.close(RunStatus.KILLED, "stopped")
    name = only_run(tracking)[1].info.run_name
    assert name.startswith("stopped: sweep xxx")
    assert name.endswith("x…")
    assert len(name) <= 250


@pytest.mark.parametrize("folder", ["what?", "a%20b"])
def test_a_path_that_an_address_cannot_hold_is_refused(tmp_path, folder):
    with pytest.raises(InputError, match="rename the folder, or name another store"):
        Tracking(uri=f"sqlite:///{tmp_path}/{folder}/mlflow.db")


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
    assert redact(plain) == plain
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
