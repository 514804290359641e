"""Opening a run in the store, before any work: once, however often the store has to be asked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from mlflow.entities import Param, Run, RunStatus
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from moe_exp import names
from moe_exp.codes import Code
from moe_exp.credentials import redact
from moe_exp.errors import InputError
from moe_exp.tracking.outbox import Outbox
from moe_exp.tracking.processes import process_tags
from moe_exp.tracking.sending import is_refusal, patiently, send_left_behind
from moe_exp.tracking.settling import end_run, settle_dead_runs
from moe_exp.tracking.store import Tracking, explaining, open_store
from moe_exp.tracking.writing import TrackedRun

LONGEST_NAME = 240
"""Characters of a run's name, which MLflow's databases cut, or refuse, at 250; it may get a beginning when it ends."""


def open_run(
    tracking: Tracking,
    *,
    run_name: str,
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
    parent_id: str | None = None,
    started: float | None = None,
    patience_s: float = 0,
) -> TrackedRun:
    """Open a run in MLflow, after sending what earlier ones left, and settling those that dead processes left open.

    Parameters
    ----------
    tracking : Tracking
    run_name : str
        Of `LONGEST_NAME` characters at most; what is longer is cut.
    parameters, tags : mapping of str to str
    parent_id : str, optional
        The run of the sweep that this one belongs to.
    started : float, optional
        When it began, in seconds since 1970; by default now.
    patience_s : float, default 0
        How long to wait for a store that is away [s].

    Raises
    ------
    InputError
        If the store cannot be reached or written, before anything else is done.
    """
    send_left_behind(tracking)
    nested = {names.TAG_PARENT: parent_id} if parent_id else {}
    name = run_name if len(run_name) <= LONGEST_NAME else f"{run_name[: LONGEST_NAME - 1]}…"
    start_time = None if started is None else round(1000 * started)
    all_tags = redact({**tags, **process_tags(), **nested, names.TAG_OPENING: uuid4().hex})

    def create() -> tuple[MlflowClient, Run]:
        client, experiment_id = open_store(tracking)
        _make_outboxes(tracking.outbox_folder)
        with explaining(tracking):
            settle_dead_runs(tracking)
            run = _create_once(client, experiment_id, run_name=name, tags=all_tags, start_time=start_time)
            _log_parameters(client, run.info.run_id, parameters)
        return client, run

    client, run = patiently(create, patience_s)
    about = {"name": run.info.run_name, "store": redact(tracking.uri)}
    return TrackedRun(client, run, Outbox.create(tracking.outbox_folder, run.info.run_id, **about))


def _make_outboxes(folder: Path) -> None:
    """Make the folder of all outboxes, before there is a run that needs one."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:  # `from None`: to wait for the store cannot help
        raise InputError(
            Code.STORE_UNUSABLE, f"tracking.outbox: {folder} cannot be made, nothing was computed: {error}"
        ) from None


def _create_once(client: MlflowClient, experiment_id: str, *, tags: dict[str, str], **about: Any) -> Run:
    """Create a run, or find the one of a store whose answer was lost; of two, where it was asked twice, one goes."""
    opening = f"tags.`{names.TAG_OPENING}` = '{tags[names.TAG_OPENING]}'"
    if not client.search_runs([experiment_id], opening):
        client.create_run(experiment_id, tags=tags, **about)
    run, *doubles = client.search_runs([experiment_id], opening, order_by=["attributes.start_time"])
    for double in doubles:
        client.delete_run(double.info.run_id)
    return run


def _log_parameters(client: MlflowClient, run_id: str, parameters: Mapping[str, str]) -> None:
    try:
        client.log_batch(run_id, params=[Param(name, value) for name, value in parameters.items()])
    except MlflowException as error:
        if is_refusal(error):
            client.set_tag(run_id, names.TAG_ERROR, str(error)[:5000])
            end_run(client, client.get_run(run_id), RunStatus.FAILED)
        raise
