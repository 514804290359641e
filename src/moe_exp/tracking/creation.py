"""Stores that are not there yet, or were left half made by a process that was killed: one start makes them."""

import glob
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy
from filelock import FileLock
from mlflow.store.db.utils import _get_latest_schema_revision
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from moe_exp.cache.atomic import complete_file
from moe_exp.codes import Code, tagged
from moe_exp.errors import InputError

log = logging.getLogger(__name__)

LOCK_NUMBER = 0x6D6F655F657870
"""Of the lock that starts take in a PostgreSQL server; any number that nobody else takes."""

FIRST_TABLES = {"experiments", "registered_models"}
"""Tables that a store has from the start, however little of it was made."""

USED = ("runs", "registered_models")
"""Tables in which a store has rows when somebody has used it."""


@contextmanager
def one_at_a_time(uri: str, database: Path | None) -> Iterator[None]:
    """Let processes that start together open a store one after the other, so that the first one makes it.

    Parameters
    ----------
    uri : str
    database : path or None
        The SQLite file of a local store; where nothing can be written beside it, nobody makes it. Servers of other
        kinds than PostgreSQL's are asked at once.
    """
    if database is not None and database.exists() and not os.access(database.parent, os.W_OK):
        yield
    elif database is not None:
        database.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(database.with_name(f"{database.name}.lock")):
            yield
    elif uri.startswith("postgresql"):
        engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool)
        with engine.connect() as connection:  # whose end, however it comes, sets the lock free
            connection.execute(sqlalchemy.text("SELECT pg_advisory_lock(:number)"), {"number": LOCK_NUMBER})
            yield
    else:
        yield


def ensure_made(database: Path, artifacts: str) -> None:
    """Make the SQLite file of a store that is not there, or was left half made; it gets its name when it is whole.

    Parameters
    ----------
    database : path
        Whoever calls holds its lock.
    artifacts : str
        URI of the folder for artifacts of experiments that name no other.

    Raises
    ------
    InputError
        If the file is no database of MLflow's.
    """
    if is_made(database):
        return
    if database.exists() and database.stat().st_size:
        aside = database.with_name(f"{database.name}.half-made")
        log.warning(
            tagged(Code.STORE_HALF_MADE, "%s was left half made, without runs: it is made again, and kept as %s"),
            database,
            aside,
        )
        database.replace(aside)
    for journal in database.parent.glob(f".{glob.escape(database.name)}.*.partial-journal"):
        journal.unlink()  # of one who was killed here: its file is removed now
    with complete_file(database) as partial:
        SqlAlchemyStore(f"sqlite:///{partial}", artifacts).engine.dispose()


def is_made(database: Path) -> bool:
    """Whether a store is there that holds anything of a user's, or has all that this MLflow's have.

    Raises
    ------
    InputError
        If the file is no database of MLflow's.
    """
    if not database.exists() or not database.stat().st_size:
        return False
    # Not read-only: what a process that was killed left in a journal has to be taken back before the file may move.
    with closing(sqlite3.connect(database)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and not FIRST_TABLES & tables:
            raise InputError(
                Code.STORE_UNUSABLE,
                f"{database} is a database of another program: name another file with tracking.uri.",
            )
        if any(table in tables and connection.execute(f"SELECT 1 FROM {table}").fetchone() for table in USED):
            return True
        versions = connection.execute("SELECT * FROM alembic_version") if "alembic_version" in tables else ()
        return [version for (version,) in versions] == [_get_latest_schema_revision()]
