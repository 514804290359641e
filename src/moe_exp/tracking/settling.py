"""How runs end, and what becomes of those whose process is gone."""

import logging
from pathlib import Path

from mlflow.entities import Run, RunStatus
from mlflow.tracking import MlflowClient

from moe_exp import names
from moe_exp.tracking.processes import is_alive, search_running
from moe_exp.tracking.store import Tracking, read_store

log = logging.getLogger(__name__)

UNFINISHED = {RunStatus.FAILED: "failed: ", RunStatus.KILLED: "stopped: "}
"""What the name of a run that did not finish begins with."""


def settle_dead_runs(tracking: Tracking) -> None:
    """Mark runs as FAILED that say RUNNING but whose process is gone, and of which nothing waits in an outbox."""
    client, experiment_id = read_store(tracking)
    for run in search_running(client, experiment_id):
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
