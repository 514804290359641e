"""Which process writes a run, whether it still lives, and what becomes of the runs of those that do not."""

import logging
import os
import socket

import psutil
from mlflow.entities import RunStatus, ViewType

from moe_exp import names
from moe_exp.tracking.store import Tracking, read_store

log = logging.getLogger(__name__)


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


def settle_dead_runs(tracking: Tracking) -> None:
    """Mark runs of this host as FAILED that say RUNNING but whose process is gone."""
    client, experiment_id = read_store(tracking)
    running = client.search_runs(
        [experiment_id],
        f"attributes.status = 'RUNNING' and tags.`{names.TAG_HOST}` = '{socket.gethostname()}'",
        run_view_type=ViewType.ACTIVE_ONLY,
    )
    for run in running:
        if not is_alive(int(run.data.tags[names.TAG_PID]), float(run.data.tags[names.TAG_PROCESS_STARTED])):
            log.info("run %s was left RUNNING by a process that is gone: marked FAILED", run.info.run_name)
            client.set_tag(run.info.run_id, names.TAG_ERROR, "the process ended without closing the run")
            client.set_terminated(run.info.run_id, RunStatus.to_string(RunStatus.FAILED))
