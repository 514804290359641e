"""The runs of a bundle in another store, with all that comparisons and reports take from them."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from moe_exp import names
from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.runs.bundles.archive import Unpacked, unpacked
from moe_exp.runs.bundles.check import fetch_from
from moe_exp.runs.bundles.manifest import RUNS_FOLDER
from moe_exp.runs.finished import read_record
from moe_exp.tracking import (
    LoggedRun,
    RunStatus,
    TrackedRun,
    Tracking,
    closing,
    has_tag,
    newest_run,
    open_run,
    open_store,
    runs_with_tag,
)

NOT_BROUGHT = (
    "process.", "mlflow.log-model", "mlflow.parentRunId", "mlflow.runName",
    names.TAGS_JOB, names.TAG_MODEL, names.TAG_IDENTITY,
)  # fmt: skip
"""Beginnings of tags that say where a run was kept, or by which process; and the one by which a sweep takes a run for
its own, and does not make it again: what somebody else made never stands in for that.
"""

REPORT = (names.REPORT_FILE, names.REPORT_MARKDOWN_FILE, names.REPORT_PAPER_FILE)
REPORT_FOLDERS = (names.FIGURES_FOLDER, names.COMPARISON_FOLDER)


def load(path: Path, tracking: Tracking) -> dict[str, str]:
    """Log the runs of a bundle, with its report under their sweep; return their ids here by those in the bundle.

    Those that are here already, as another bundle or an import that was interrupted brought them, are not logged again.

    Raises
    ------
    InputError
        If the file is no bundle, its content was changed, or the store has all of it; nothing is logged then.
    """
    with unpacked(path) as bundle:
        open_store(tracking)
        here = {}
        for run in bundle.manifest.runs:
            read_record(fetch_from(bundle.folder), run)
            if found := newest_run(tracking, has_tag(names.TAG_BUNDLED, run.run_id)):
                here[run.run_id] = found.run_id
        sweep = bundle.manifest.sweep
        if len(here) == len(bundle.manifest.runs) and (sweep is None or _is_here(tracking, sweep)):
            raise InputError(
                Code.IMPORTED_ALREADY,
                f"The runs of {path} are in {tracking.uri} already, as {', '.join(here.values())}.",
            )
        if sweep is None:
            return _load_runs(bundle, tracking, here, parent_id=None)
        with closing(_open(tracking, sweep, None), _status(sweep)) as parent:
            ids = _load_runs(bundle, tracking, here, parent_id=parent.run_id)
            parent.log_tags({names.TAGS_JOB + before: run_id for before, run_id in here.items()})
            with parent.artifacts() as artifacts:
                for name in REPORT:
                    shutil.copy(bundle.folder / name, artifacts)
                for name in REPORT_FOLDERS:
                    shutil.copytree(bundle.folder / name, artifacts / name)
            parent.log_metrics(sweep.metrics)
        return ids | {sweep.run_id: parent.run_id}


def _is_here(tracking: Tracking, sweep: LoggedRun) -> bool:
    """Whether a sweep was brought to its end, at which its metrics are logged."""
    return any(
        run.tags[names.TAG_BUNDLED] == sweep.run_id and set(sweep.metrics) <= set(run.metrics)
        for run in runs_with_tag(tracking, names.TAG_BUNDLED)
    )


def _status(sweep: LoggedRun) -> int:
    """Return how a sweep ended; one that had not ended when it was exported was stopped."""
    status = RunStatus.from_string(sweep.status)
    return status if RunStatus.is_terminated(status) else RunStatus.KILLED


def _load_runs(
    bundle: Unpacked, tracking: Tracking, here: Mapping[str, str], *, parent_id: str | None
) -> dict[str, str]:
    """Log the runs that are not here yet; return the ids of all."""
    ids = dict(here)
    for run in bundle.manifest.runs:
        if run.run_id in here:
            continue
        with closing(_open(tracking, run, parent_id)) as opened:
            with opened.artifacts() as artifacts:
                shutil.copytree(bundle.folder / RUNS_FOLDER / run.run_id, artifacts, dirs_exist_ok=True)
            opened.log_metrics(run.metrics)
        ids[run.run_id] = opened.run_id
    return ids


def _open(tracking: Tracking, run: LoggedRun, parent_id: str | None) -> TrackedRun:
    """Open a run that is what another one was, and began when that did."""
    tags = {name: value for name, value in run.tags.items() if not name.startswith(NOT_BROUGHT)}
    return open_run(
        tracking,
        run_name=run.name,
        parameters=run.parameters,
        tags=tags | {names.TAG_BUNDLED: run.run_id},
        parent_id=parent_id,
        started=run.started,
    )
