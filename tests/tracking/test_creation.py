"""Stores that have to be made first, and files that are no store that can be used."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing as closed
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from moe_exp.errors import InputError
from moe_exp.tracking import RunStatus, Tracking, closing, find_runs, open_run, open_store, sending
from moe_exp.tracking.creation import is_made
from moe_exp.tracking.sending import send_left_behind
from moe_exp.tracking.store import explain
from tests.conftest import store_in
from tests.tracking.postgresql import running_server

OPEN = """
import sys
from moe_exp.tracking import Tracking, closing, open_run
with closing(open_run(Tracking(uri=sys.argv[1]), run_name="x", parameters={}, tags={})):
    pass
"""


def start(tracking: Tracking) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", OPEN, tracking.uri], stderr=subprocess.PIPE, text=True)


def change(database: Path, *statements: str) -> None:
    with closed(sqlite3.connect(database)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def leave_first_tables(database: Path) -> None:
    """Leave what a process leaves that was killed right after it had begun."""
    with closed(sqlite3.connect(database)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    first = {"experiments", "runs", "tags", "metrics", "params", "sqlite_sequence"}
    change(database, *(f"DROP TABLE {name}" for name in tables if name not in first))


def leave_a_transaction(database: Path) -> None:
    """Leave what a process leaves that was killed in the midst of a change: a journal that has to be taken back."""
    aside = database.with_name("killed.db")
    leave_first_tables(database)
    with closed(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE filler (text)")
        connection.executemany("INSERT INTO filler VALUES (?)", [("x" * 4000,)] * 50)
        for suffix in ("", "-journal"):
            shutil.copy(f"{database}{suffix}", f"{aside}{suffix}")
        connection.rollback()
    for suffix in ("", "-journal"):
        Path(f"{aside}{suffix}").replace(f"{database}{suffix}")


def leave_an_early_version(database: Path) -> None:
    change(database, "UPDATE alembic_version SET version_num = '97727af70f4d'")


@pytest.mark.parametrize("leave", [leave_first_tables, leave_a_transaction, leave_an_early_version])
def test_a_store_that_was_left_half_made_is_made_again(tracking, caplog, leave):
    leave(tracking.database)
    with pytest.raises(InputError, match="is not finished: no run was tracked there yet"):
        find_runs(tracking)
    open_run(tracking, run_name="x", parameters={}, tags={}).close(RunStatus.FINISHED)
    assert [run.name for run in find_runs(tracking)] == ["x"]
    assert "was left half made, without runs: it is made again, and kept as" in caplog.text
    assert tracking.database.with_name("mlflow.db.half-made").exists()
    with closed(sqlite3.connect(tracking.database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_store_of_another_version_that_holds_runs_is_left_alone(tracking):
    open_run(tracking, run_name="x", parameters={}, tags={}).close(RunStatus.FINISHED)
    leave_an_early_version(tracking.database)
    before = tracking.database.read_bytes()
    code = "import sys; from moe_exp.tracking import *; open_store(Tracking(uri=sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", code, tracking.uri], capture_output=True, text=True)
    assert "run `mlflow db upgrade URI`" in done.stderr.splitlines()[-1]
    assert tracking.database.read_bytes() == before


def test_a_store_of_another_version_that_holds_a_model_is_left_alone(tracking):
    client, _ = open_store(tracking)
    client.create_registered_model("stars")
    leave_an_early_version(tracking.database)
    assert is_made(tracking.database)


def test_a_store_beside_which_nothing_can_be_written_is_read_all_the_same(tracking, monkeypatch):
    open_run(tracking, run_name="x", parameters={}, tags={}).close(RunStatus.FINISHED)
    lock = tracking.database.with_name("mlflow.db.lock")
    lock.unlink()
    monkeypatch.setattr("os.access", lambda path, _: Path(path) != tracking.database.parent)
    assert [run.name for run in find_runs(tracking)] == ["x"]
    assert not lock.exists()


def test_a_store_has_its_name_only_when_it_is_whole(tmp_path):
    tracking = store_in(tmp_path)
    process = start(tracking)
    while not list(tmp_path.glob(".mlflow.db.*.partial")):
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert not tracking.database.exists()
    open_store(tracking)
    assert {path.name for path in tmp_path.iterdir()} == {"mlflow.db", "mlflow.db.lock", "mlruns"}


def test_processes_that_start_together_share_a_fresh_server():
    with running_server() as uri:
        processes = [start(Tracking(uri=uri)) for _ in range(2)]
        said = [process.communicate(timeout=300)[1] for process in processes]
        assert [process.returncode for process in processes] == [0, 0], said
        assert [run.name for run in find_runs(Tracking(uri=uri))] == ["x", "x"]


def write_noise(database: Path) -> None:
    database.write_bytes(bytes(range(256)) * 20)


def cut(database: Path) -> None:
    os.truncate(database, 300_000)


def replace(database: Path) -> None:
    database.unlink()
    change(database, "CREATE TABLE songs (title)")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (write_noise, "file is not a database. The file is something else: move it away"),
        (cut, "database disk image is malformed. The file is damaged: put back a copy"),
        (replace, "is a database of another program: name another file with tracking.uri"),
    ],
)
def test_a_file_that_is_no_store_is_named_with_what_to_do(tracking, damage, message):
    damage(tracking.database)
    before = tracking.database.read_bytes()
    with pytest.raises(InputError, match=message) as found:
        open_run(tracking, run_name="x", parameters={}, tags={})
    assert len(str(found.value).splitlines()) == 1
    assert tracking.database.read_bytes() == before


def test_a_store_that_another_program_holds_is_named_with_what_to_do(tracking):
    with closed(sqlite3.connect(tracking.database)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(InputError, match="database is locked. Another program holds it"):
            open_store(tracking)


@pytest.mark.parametrize(
    ("said", "explained"),
    [
        (
            "(raised as a result of autoflush)\n(sqlite3.OperationalError) database or disk is full\n[SQL: INSERT]",
            "database or disk is full. Free some room on that disk",
        ),
        ("(sqlite3.OperationalError) attempt to write a readonly database", "readonly database. Allow this user"),
        (
            "(raised as a result of autoflush)\n(psycopg.errors.StringDataRightTruncation) value too long\n[SQL: ]",
            "value too",
        ),
        ("No module named 'psycopg2'", "pip install -e '.[postgresql]'"),
        ("", "MlflowException"),
    ],
)
def test_what_a_store_says_becomes_one_line_with_what_to_do(said, explained):
    line = explain(MlflowException(said))
    assert explained in line
    assert len(line.splitlines()) == 1


def test_what_a_run_logs_waits_for_a_store_that_fails_and_one_line_says_so(tracking, monkeypatch, caplog):
    def fail(*_: object, **__: object) -> None:
        raise MlflowException("(sqlite3.OperationalError) database or disk is full\n[SQL: INSERT]")

    run = open_run(tracking, run_name="x", parameters={}, tags={})
    with monkeypatch.context() as full:
        full.setattr(MlflowClient, "log_batch", fail)
        full.setattr(sending, "GRACE_S", 0.2)
        with closing(run):
            run.log_metrics({"a": 1.0})
    assert "run 'x' has ended, but the store is away: database or disk is full. Free" in caplog.text
    assert not send_left_behind(tracking)
    [sent] = find_runs(tracking)
    assert (sent.metrics["a"], sent.status) == (1.0, "FINISHED")
