"""What runs log reaches the store once and whole, whatever is away, killed or refused meanwhile."""

import json
import logging
import os
import signal
from contextlib import contextmanager

import numpy as np
import pytest
from click.testing import CliRunner
from mlflow.entities import RunStatus
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.tracking import MlflowClient
from PIL.Image import Image
from PIL.Image import new as new_image

from moe_exp import names
from moe_exp.cli.commands import main
from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.tracking import (
    PortableModel,
    TrackedRun,
    Tracking,
    closing,
    open_run,
    open_store,
    patiently,
    send_left_behind,
    sending,
    settle_dead_runs,
    settling,
    writing,
)
from moe_exp.tracking import outbox as outbox_module
from moe_exp.tracking.outbox import Outbox, find_outboxes
from moe_exp.tracking.sending import Sender
from tests.tracking.unsteady_server import unsteady_server

IMAGE: Image = new_image("RGB", (30, 20))


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    """Let nobody wait for long."""
    monkeypatch.setattr(sending, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(sending, "LONGEST_PAUSE_S", 0.02)
    monkeypatch.setattr(sending, "GRACE_S", 600)


class Away:
    """A client of a store that never answers."""

    def __init__(self, _: MlflowClient) -> None:
        self.error = MlflowException("the connection was refused")

    def __getattr__(self, name):
        def call(*args, **kwargs):
            raise self.error

        return call


class Refusing(Away):
    """A client of a store that takes nothing."""

    def __init__(self, client: MlflowClient) -> None:
        super().__init__(client)
        self.error = MlflowException("this is too long", INVALID_PARAMETER_VALUE)


@pytest.fixture
def through(monkeypatch):
    """Let runs be sent through a client that wraps the store's own."""

    def wrap(kind):
        monkeypatch.setattr(sending, "GRACE_S", 0.2 if kind is Away else 600)
        monkeypatch.setattr(writing, "Sender", lambda client, outbox: Sender(kind(client), outbox))

    return wrap


def model(folder) -> PortableModel:
    (folder / "data").mkdir()
    (folder / "data" / "arrays.npz").touch()
    about = {"loader": "os", "data": folder / "data", "code": {}, "requirements": [], "columns": {"log_g": "double"}}
    return PortableModel(name="mixture", example=np.zeros((2, 3)), **about)


def open_one(tracking: Tracking) -> TrackedRun:
    about = {"run_name": "mlp", "parameters": {"gate": "mlp"}, "tags": {"colour": "blue"}}
    return open_run(tracking, **about, patience_s=tracking.patience)


def log_all(tracking: Tracking, tmp_path) -> str:
    """Log something of each kind, and return the run's id."""
    with closing(open_one(tracking)) as run:
        run.log_metrics({"test/r2": 0.9, "undefined": np.nan})
        run.log_curve({"gate/train_loss": np.array([3.0, 2.0])}, np.array([1, 2]))
        run.log_dataset(name="stars", digest="abc", source="/data", schema={}, profile={"n_train": 5})
        with run.artifacts() as folder:
            (folder / "report.html").write_text("said")
        run.log_images([("r2", IMAGE)])
        run.log_model(model(tmp_path), "a card")
        run.log_tags({"late": "yes"})
    return run.run_id


def check_all(tracking: Tracking, run_id: str) -> None:
    """Hold what the store has against what `log_all` logged: nothing is missing, or there twice."""
    client = MlflowClient(tracking.uri)
    experiment = client.get_experiment_by_name(tracking.experiment)
    [run] = client.search_runs([experiment.experiment_id])
    assert (run.info.run_id, run.info.status) == (run_id, "FINISHED")
    assert run.data.params == {"gate": "mlp"}
    histories = {name: [m.value for m in client.get_metric_history(run_id, name)] for name in run.data.metrics}
    assert histories == {"test/r2": [0.9], "gate/train_loss": [3.0, 2.0]}
    assert {"colour": "blue", "late": "yes"}.items() <= run.data.tags.items()
    assert [each.dataset.digest for each in run.inputs.dataset_inputs] == ["abc"]
    assert {file.path for file in client.list_artifacts(run_id)} == {"images", "report.html"}
    assert len(client.list_artifacts(run_id, "images")) == 2
    [logged] = client.search_logged_models([experiment.experiment_id])
    assert (logged.source_run_id, str(logged.status)) == (run_id, "READY")
    assert run.data.tags[names.TAG_MODEL] == f"models:/{logged.model_id}"
    assert [each.model_id for each in run.outputs.model_outputs] == [logged.model_id]
    assert not find_outboxes(tracking.outbox_folder)


def test_a_result_waits_for_a_store_that_is_away_and_is_sent_once(tracking, tmp_path, through, caplog):
    through(Away)
    with caplog.at_level(logging.WARNING):
        run_id = log_all(tracking, tmp_path)
    assert f"waits in {tracking.outbox_folder / run_id}, and is sent by the next start" in caplog.text
    assert MlflowClient(tracking.uri).get_run(run_id).info.status == "RUNNING"
    for _ in range(2):
        done = CliRunner().invoke(main, ["sync", "--store", tracking.uri])
        assert (done.exit_code, done.stdout) == (0, f"0 runs wait in {tracking.outbox_folder}.\n")
        check_all(tracking, run_id)


def test_the_next_start_sends_a_result_before_it_settles_its_run(tracking, through):
    with left_by_a_dead_process(tracking, through) as run_id:
        pass
    with closing(open_one(tracking)):
        run = MlflowClient(tracking.uri).get_run(run_id)
    assert (run.info.status, names.TAG_ERROR in run.data.tags) == ("FINISHED", False)


@contextmanager
def left_by_a_dead_process(tracking: Tracking, through):
    """Leave the result of a process that is gone, and give its run's id."""
    through(Away)
    with closing(open_one(tracking)) as run:
        pass
    through(lambda client: client)
    MlflowClient(tracking.uri).set_tag(run.run_id, names.TAG_PROCESS_STARTED, "1")
    yield run.run_id


def test_a_run_that_was_settled_before_its_result_came_is_finished_all_the_same(tracking, through):
    with left_by_a_dead_process(tracking, through) as run_id:
        client = MlflowClient(tracking.uri)
        client.set_tag(run_id, names.TAG_ERROR, "its process ended")
        client.set_terminated(run_id, "FAILED")
    send_left_behind(tracking)
    run = client.get_run(run_id)
    assert (run.info.status, names.TAG_ERROR in run.data.tags) == ("FINISHED", False)


def test_what_a_killed_process_left_is_sent_and_its_run_failed(tracking):
    child = os.fork()
    if not child:
        run = open_one(tracking)
        run._sender._client = Away(run._client)
        run.log_metrics({"test/r2": 0.5})
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    with closing(open_one(tracking)):
        pass
    client = MlflowClient(tracking.uri)
    experiment = client.get_experiment_by_name(tracking.experiment)
    runs = client.search_runs([experiment.experiment_id], order_by=["attributes.start_time"])
    assert [(run.info.status, run.data.metrics) for run in runs] == [("FAILED", {"test/r2": 0.5}), ("FINISHED", {})]
    assert not find_outboxes(tracking.outbox_folder)


def test_what_a_kill_leaves_of_an_outbox_that_was_sent_or_was_never_made_is_removed(tracking):
    folder = tracking.outbox_folder
    for name in ("sent.removed", "begun"):
        (folder / name).mkdir(parents=True)
        (folder / name / "lock").touch()
    assert send_left_behind(tracking) == []
    assert not list(folder.iterdir())


def test_starts_at_once_do_not_fail_over_what_each_of_them_removes(tracking, monkeypatch):
    class Vanished(Outbox):
        @property
        def lock(self):
            raise FileNotFoundError(self.folder)

    folder = tracking.outbox_folder
    gone = [folder / name for name in ("gone", "going")]
    (folder / "going.removed").mkdir(parents=True)
    (folder / "going.removed" / "lock").touch()  # another process is at it
    monkeypatch.setattr(sending, "find_outboxes", lambda _: [Vanished(gone[0]), Outbox(gone[1])])
    assert send_left_behind(tracking) == []
    assert not any(path.exists() for path in gone)


def test_an_outbox_that_cannot_be_locked_is_told_and_does_not_end_a_start(tracking, monkeypatch):
    class Closed(Outbox):
        @property
        def lock(self):
            raise PermissionError("not yours")

    monkeypatch.setattr(sending, "find_outboxes", lambda _: [Closed(tracking.outbox_folder / "abc")])
    assert send_left_behind(tracking) == ["abc: not yours"]


def test_a_file_where_outboxes_should_be_is_refused_before_there_is_a_run(tracking):
    open_store(tracking)
    tracking.outbox_folder.touch()
    with pytest.raises(InputError, match=f"tracking.outbox: {tracking.outbox_folder} cannot be made, nothing was "):
        open_run(tracking, run_name="mlp", parameters={}, tags={}, patience_s=60)
    client = MlflowClient(tracking.uri)
    assert not client.search_runs([client.get_experiment_by_name(tracking.experiment).experiment_id])


def test_what_waits_for_a_local_store_is_sent_when_both_were_moved(tracking, through):
    with left_by_a_dead_process(tracking, through) as run_id:
        pass
    journal = tracking.outbox_folder / run_id / "journal"
    first, *rest = journal.read_bytes().split(b"\n")
    moved = outbox_module._line(json.loads(first.partition(b" ")[2]) | {"store": "sqlite:////before/mlflow.db"})
    journal.write_bytes(moved + b"\n".join(rest))
    assert send_left_behind(tracking) == []
    assert MlflowClient(tracking.uri).get_run(run_id).info.status == "FINISHED"


def test_a_run_is_not_taken_for_dead_while_its_end_waits(tracking, through):
    with left_by_a_dead_process(tracking, through) as run_id:
        settle_dead_runs(tracking)  # as another start does, while one sends
        assert MlflowClient(tracking.uri).get_run(run_id).info.status == "RUNNING"
        send_left_behind(tracking)
    run = MlflowClient(tracking.uri).get_run(run_id)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "mlp")


def test_a_run_that_ends_while_the_dead_are_looked_for_is_left_as_it_ended(tracking, monkeypatch):
    run = open_one(tracking)

    def ends_meanwhile(*_):
        run.close(RunStatus.FINISHED)
        return False

    monkeypatch.setattr(settling, "is_alive", ends_meanwhile)
    settle_dead_runs(tracking)
    found = MlflowClient(tracking.uri).get_run(run.run_id)
    assert (found.info.status, found.info.run_name) == ("FINISHED", "mlp")
    assert names.TAG_ERROR not in found.data.tags


def test_an_outbox_of_a_living_process_or_another_store_is_left_alone(tracking):
    Outbox.create(tracking.outbox_folder, "other", name="mlp far", store="http://far").lock.release()
    with closing(open_one(tracking)) as run:
        run.log_metrics({"test/r2": 0.5})
        assert send_left_behind(tracking) == ["mlp far: it belongs to http://far"]
        assert CliRunner().invoke(main, ["sync", "--store", tracking.uri]).exit_code == 1
    assert MlflowClient(tracking.uri).get_run(run.run_id).data.metrics == {"test/r2": 0.5}


def test_what_a_store_refuses_is_told_and_kept_but_not_tried_for_ever(tracking, through):
    through(Refusing)
    with (
        pytest.raises(InputError, match=r"'mlp' could not be logged: this is too long.*\.refused"),
        closing(open_one(tracking)),
    ):
        pass
    assert send_left_behind(tracking) == []
    assert [path.suffix for path in tracking.outbox_folder.iterdir()] == [".refused"]


def test_patience_ends_and_is_none_for_what_cannot_help():
    calls = []

    def fail(error):
        calls.append(error)
        raise error

    with pytest.raises(MlflowException):
        patiently(lambda: fail(MlflowException("away")), 0.1)
    assert len(calls) > 2
    calls.clear()
    with pytest.raises(InputError):
        patiently(lambda: fail(InputError(Code.WRONG_TYPE, "gate=nonsense")), 100)
    assert len(calls) == 1


def test_a_real_server_that_drops_connections_has_a_run_whole_and_once(tmp_path, fresh_store):
    with unsteady_server(tmp_path / "server", fresh_store) as (uri, door):
        tracking = Tracking(uri=uri, outbox=str(tmp_path / "outbox"), patience_s=600)
        run_id = log_all(tracking, tmp_path)
        door.is_open = True
        check_all(tracking, run_id)
        assert len(door.dropped) > 20
