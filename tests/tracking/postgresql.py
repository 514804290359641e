"""A PostgreSQL server on the loopback, for tests; it needs Debian's package, and psycopg."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def running_server() -> Iterator[str]:
    """Give the URI of an empty database of a server that runs meanwhile."""
    initdb, postgres = (shutil.which(name) for name in ("initdb", "postgres"))
    if initdb is None or postgres is None:
        pytest.skip("there is no PostgreSQL here")
    psycopg = pytest.importorskip("psycopg")
    user = "postgres" if os.getuid() == 0 else None  # the server refuses to run as root
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="moe_exp_"))
    try:
        if user:
            shutil.chown(folder, user)
        quiet = {"user": user, "cwd": "/", "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        data = str(folder / "data")
        subprocess.run([initdb, "-D", data, "-U", "ada", "--auth=trust", "--no-sync"], check=True, **quiet)
        options = ["-h", "127.0.0.1", "-k", "", "-p", str(port), "-F"]
        process = subprocess.Popen([postgres, "-D", data, *options], **quiet)
        try:
            uri = f"postgresql://ada:geheim@127.0.0.1:{port}/postgres"
            for attempt in range(600):
                try:
                    psycopg.connect(uri).close()
                    break
                except psycopg.OperationalError:
                    assert attempt < 599, "the server does not answer"
                    time.sleep(0.1)
            yield uri
        finally:
            process.send_signal(signal.SIGINT)  # not SIGTERM: it would wait for connections that are open
            process.wait(60)
    finally:
        shutil.rmtree(folder)
