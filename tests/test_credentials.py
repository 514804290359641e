"""Credentials of a tracking server: what a run leaves and says has none of them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen
from uuid import uuid4

import pytest

from moe_exp.codes import Code
from moe_exp.credentials import hand_over, redact
from moe_exp.errors import InputError
from moe_exp.tracking import Tracking, add_to_run, closing, find_runs, open_run, open_store
from tests.command_line import PROJECT_ROOT, train

USER, SECRET = uuid4().hex, f"{uuid4().hex}@"
"""made up anew each time: the text of this file may be among what a run keeps"""


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("tracking.uri=postgresql://ada:pw@db:5432/runs", "tracking.uri=postgresql://***@db:5432/runs"),
        ("https://ada:p/w?#@x:y@host/a is away", "https://***@host/a is away"),
        ("https://token@host/path", "https://***@host/path"),
        ("'mysql+pymysql://a:b@h/db', 'http://c:d@h'", "'mysql+pymysql://***@h/db', 'http://***@h'"),
        ("postgresql://db/runs?user=a&password=b&x=1", "postgresql://db/runs?user=a&password=***&x=1"),
        ("sqlite:////home/a@b/mlflow.db", "sqlite:////home/a@b/mlflow.db"),
        ("http://127.0.0.1:5000, experiment 'a'", "http://127.0.0.1:5000, experiment 'a'"),
        ({"tracking": {"uri": "http://a:b@h", "n": 1}, "paths": ["http://a:b@h"]},
         {"tracking": {"uri": "http://***@h", "n": 1}, "paths": ["http://***@h"]}),
    ],
)  # fmt: skip
def test_credentials_are_hidden_and_nothing_else(said, kept):
    assert redact(said) == kept


def test_no_message_or_representation_holds_credentials():
    assert str(InputError(Code.STORE_AWAY, "http://ada:pw@host is away")) == "http://***@host is away (MOE101)"
    tracking = Tracking(uri="postgresql://ada:pw@host/runs")
    assert "pw@" not in tracking.describe("1")
    assert "pw@" not in repr(tracking)


def test_an_experiments_plain_values_have_no_credentials(configure, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ada:pw@host")
    experiment = configure("tracking.uri=${oc.env:MLFLOW_TRACKING_URI}")
    assert experiment.tracking.uri == "http://ada:pw@host"
    assert experiment.values["tracking"]["uri"] == "http://***@host"


def test_no_tag_of_a_run_holds_credentials(tracking):
    with (
        pytest.raises(ValueError, match="geheim"),
        closing(open_run(tracking, run_name="a", parameters={}, tags={"from": "http://ada:geheim@host"})),
    ):
        raise ValueError("http://ada:geheim@host is away")
    client, experiment_id = open_store(tracking)
    [run] = client.search_runs([experiment_id])
    add_to_run(tracking, run.info.run_id, tags={"later": "http://ada:geheim@host"}, metrics={})
    [run] = client.search_runs([experiment_id])
    assert run.data.tags["from"] == run.data.tags["later"] == "http://***@host"
    assert run.data.tags["error"] == "ValueError: http://***@host is away"
    assert "geheim" not in str(run.data.tags)


def test_a_servers_credentials_are_handed_to_mlflow_apart():
    variables = {"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "p/w"}
    assert hand_over("http://ada:p%2Fw@host:5000/a") == ("http://host:5000/a", variables)
    for uri in ("http://host:5000", "sqlite:////tmp/a@b.db", "postgresql://ada:pw@host/db"):
        assert hand_over(uri) == (uri, {})


def test_an_address_that_cannot_be_used_is_named_without_its_password(tmp_path):
    for uri in ("http://ada:geheim@127.0.0.1:9", "postgresql://ada:geheim@127.0.0.1:9/x", "nonsense://ada:geheim@x"):
        with pytest.raises(InputError, match="cannot be used, nothing was computed") as found:
            open_store(Tracking(uri=uri))
        assert "geheim" not in str(found.value)


@pytest.mark.parametrize("arguments", [(), ("-m", "gate=linear,mlp")])
def test_a_typed_password_is_refused_before_hydra_writes_it(tmp_path, arguments):
    done = train(*arguments, "tracking.uri=postgresql://ada:geheim@127.0.0.1:9/x", folder=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "Set MLFLOW_TRACKING_URI instead" in done.stderr
    assert "geheim" not in done.stdout + done.stderr
    assert not list(tmp_path.iterdir())


@pytest.fixture
def server(tmp_path, fresh_store) -> Iterator[str]:
    """Give the host and port of a tracking server on the loopback, which keeps all in `tmp_path`/server."""
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "mlflow.db").write_bytes(fresh_store.read_bytes())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "kept")]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    process = subprocess.Popen(
        [*command, *store], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/health")
        yield f"127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # its workers take long to end
        process.wait(30)


def _wait_for(address: str) -> None:
    for _ in range(1500):  # the machine may have much else to do
        try:
            urlopen(address, timeout=5)
        except URLError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"{address} does not answer")


def test_nothing_that_a_sweep_leaves_or_says_holds_the_servers_password(tmp_path, cache_dir, server):
    uri = f"http://{USER}:{quote(SECRET)}@{server}"
    arguments = ["-m", "experiment=smoke", "gate=linear,classify", "training.max_epochs=2", f"cache_dir={cache_dir}"]
    arguments.append("tracking.figure_formats=[]")
    done = subprocess.run(
        [sys.executable, str(PROJECT_ROOT / "train.py"), *arguments, f"hydra.sweep.dir={tmp_path}/output"],
        env=os.environ | {"MLFLOW_TRACKING_URI": uri},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert len(find_runs(Tracking(uri=uri))) == 3
    assert f"-> http://***@{server}" in done.stderr
    left = {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    names = {Path(path).name for path in left}
    assert {"report.html", "paper.tex", "multirun.yaml", "train.log", "mlflow.db", "predictions.parquet"} <= names
    left["said"] = (done.stdout + done.stderr).encode()
    for secret in (SECRET, quote(SECRET), USER):
        assert not [name for name, content in left.items() if secret.encode() in content]
