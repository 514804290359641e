"""Which process writes a run, whether it still lives, and how it leaves when it is told to."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import psutil

from moe_exp import names


def process_tags() -> dict[str, str]:
    """Identify this process, so that a later one can tell whether it still lives."""
    started = psutil.Process().create_time()
    return {
        names.TAG_HOST: socket.gethostname(),
        names.TAG_PID: str(os.getpid()),
        names.TAG_PROCESS_STARTED: f"{started:.0f}",
    }


def is_alive(pid: int, started: float) -> bool:
    """Say whether the process that `process_tags` identified still runs."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - started) < 2
    except psutil.NoSuchProcess:
        return False


@contextmanager
def terminate_as_exit() -> Iterator[None]:
    """Turn SIGTERM into SystemExit, so that the run is closed on the way out."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    try:
        before = signal.signal(signal.SIGTERM, leave)
    except ValueError:  # not in the main thread: signals belong to somebody else
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
