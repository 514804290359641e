"""Which process writes a run, and whether it still lives."""

import os
import socket

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
