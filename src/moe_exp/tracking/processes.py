"""Which process writes a run, whether it still lives, and what becomes of the runs of those that do not.

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
from mlflow.entities import Run, RunStatus, ViewType
from mlflow.tracking import MlflowClient

from moe_exp import names
from moe_exp.tracking.store import STORE_ERRORS, Tracking, read_store

log = logging.getLogger(__name__)

BEAT_S = 60
"""Seconds between two heartbeats."""

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


UNFINISHED = {RunStatus.FAILED: "failed: ", RunStatus.KILLED: "stopped: "}
"""What the name of a run that did not finish begins with."""


def settle_dead_runs(tracking: Tracking) -> None:
    """Mark runs as FAILED that say RUNNING but whose process is gone, and of which nothing waits in an outbox."""
    client, experiment_id = read_store(tracking)
    running = client.search_runs([experiment_id], "attributes.status = 'RUNNING'", run_view_type=ViewType.ACTIVE_ONLY)
    for run in running:
        if names.TAG_PID in run.data.tags and not is_alive(run.data.tags, run.info.start_time / 1000):
            _settle(client, run, tracking.outbox_folder)


def _settle(client: MlflowClient, run: Run, outboxes: Path) -> None:
    """Mark a run as FAILED whose process is gone, unless its end came, or will come, from its outbox.

    The outbox is looked for first: who sends it removes it at the very end.
    """
    run_id = run.info.run_id
    if (outboxes / run_id).exists() or client.get_run(run_id).info.status != RunStatus.to_string(RunStatus.RUNNING):
        return
    log.info("run %s was left RUNNING by a process that is gone: marked FAILED", run.info.run_name)
    client.set_tag(run_id, names.TAG_ERROR, _describe_end(run))
    end_run(client, run, RunStatus.FAILED)


def end_run(client: MlflowClient, run: Run, status: int, at: int | None = None) -> None:
    """Set the status that a run ended with, now or at a time [ms].

    One that did not finish never has the name of one that did, also where it was taken for dead on the way.
    """
    client.set_terminated(run.info.run_id, RunStatus.to_string(status), at)
    name = run.info.run_name
    for beginning in UNFINISHED.values():
        name = name.removeprefix(beginning)
    name = UNFINISHED.get(status, "") + name
    if name != run.info.run_name:
        client.update_run(run.info.run_id, name=name)


def _describe_end(run: Run) -> str:
    return f"its process, on {run.data.tags[names.TAG_HOST]}, ended without closing the run"


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
            except STORE_ERRORS as error:  # the next one may come through
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
    try:
        os.kill(pid, 0)
    except PermissionError:
        return not Path(f"/proc/{pid}").exists()
    except OSError:
        pass
    return False


def _started(pid: int) -> str | None:
    """Return when a process started, in ticks since the boot, or seconds without Linux's /proc; None if it ended."""
    try:
        if not Path("/proc/self/stat").exists():
            return f"{psutil.Process(pid).create_time():.0f}"
        state, *fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (OSError, psutil.NoSuchProcess):
        return None
    return fields[18] if state not in "ZX" else None
