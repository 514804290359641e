"""Which process writes a run, and whether it still lives.

Within one boot of a machine and one PID namespace a process is known by its number and its start, in ticks since the
boot: no clock that is set changes these, and a container with the host's name has another namespace. Everywhere else a
run is alive for as long as its process renews a heartbeat in it.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
from mlflow.entities import Run, ViewType
from mlflow.tracking import MlflowClient

from moe_exp import names

log = logging.getLogger(__name__)

BEAT_S = 60
"""Seconds between two heartbeats."""

HAS_PROC = Path("/proc/self/stat").exists()
"""Whether the system tells of processes as Linux does."""

LEASE_S = 1800
"""Seconds without a heartbeat after which any process may take a run for dead."""


def process_tags() -> dict[str, str]:
    """Identify this process, so that a later one can tell whether it still lives."""
    return {
        names.TAG_HOST: socket.gethostname(),
        names.TAG_BOOT: _boot(),
        names.TAG_PID_NAMESPACE: _pid_namespace(),
        names.TAG_PID: str(os.getpid()),
        names.TAG_PROCESS_STARTED: str(_started(os.getpid())),
        names.TAG_HEARTBEAT: _now(),
    }


def is_alive(tags: Mapping[str, str], started: float) -> bool:
    """Say whether the process that wrote `process_tags` into a run still lives, or may do so.

    Parameters
    ----------
    tags : mapping of str to str
        Of the run; without a heartbeat, as older versions left it, its start stands for the last sign of life.
    started : float
        When the run was, in seconds since 1970.
    """
    within = tags.get(names.TAG_BOOT) == _boot()
    if within and tags[names.TAG_PID_NAMESPACE] == _pid_namespace() and not _is_hidden(int(tags[names.TAG_PID])):
        return _started(int(tags[names.TAG_PID])) == tags[names.TAG_PROCESS_STARTED]
    seen, seen_since_boot = map(float, tags.get(names.TAG_HEARTBEAT, f"{started} 0").split())
    silent = _since_boot() - seen_since_boot if within else time.time() - seen
    return silent < LEASE_S


def has_living(client: MlflowClient, experiment_id: str) -> bool:
    """Whether a process lives, or may do so, that writes a run of an experiment."""
    return any(
        names.TAG_PID in run.data.tags and is_alive(run.data.tags, run.info.start_time / 1000)
        for run in search_running(client, experiment_id)
    )


def search_running(client: MlflowClient, experiment_id: str) -> list[Run]:
    """Return the runs that say RUNNING."""
    return client.search_runs([experiment_id], "attributes.status = 'RUNNING'", run_view_type=ViewType.ACTIVE_ONLY)


class Heartbeat:
    """Renews the sign of life of a run while this process lives, until it is stopped.

    Parameters
    ----------
    write : callable
        Given the tags to write.
    """

    def __init__(self, write: Callable[[dict[str, str]], None]) -> None:
        self._write, self._stopped = write, threading.Event()
        threading.Thread(target=self._beat, name="heartbeat", daemon=True).start()

    def stop(self) -> None:
        """Write no more."""
        self._stopped.set()

    def _beat(self) -> None:
        while not self._stopped.wait(BEAT_S):
            try:
                self._write({names.TAG_HEARTBEAT: _now()})
            except Exception as error:  # the next one may come through
                log.debug("no heartbeat was written: %s", error)


def _now() -> str:
    """Return the time in seconds since 1970, and since the boot, which is the same in all containers of a machine."""
    return f"{time.time():.0f} {_since_boot():.0f}"


def _since_boot() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _boot() -> str:
    """Return what no other boot of any machine has; where the system has no such thing, the machine's name."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return socket.gethostname()


def _pid_namespace() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return "the only one"


def _is_hidden(pid: int) -> bool:
    """Whether a process is there of which this user may see nothing, as where /proc is mounted with hidepid."""
    if not HAS_PROC or Path(f"/proc/{pid}").exists():
        return False
    try:
        os.kill(pid, 0)
    except OSError as error:
        return isinstance(error, PermissionError)
    return False


def _started(pid: int) -> str | None:
    """Return when a process started, in ticks since the boot, or seconds without Linux's /proc; None if it ended."""
    try:
        if not HAS_PROC:
            return f"{psutil.Process(pid).create_time():.0f}"
        state, *fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (OSError, psutil.NoSuchProcess):
        return None
    return fields[18] if state not in "ZX" else None
