"""The runs of a bundle in another store, with all that comparisons and reports take from them."""

import shutil
from pathlib import Path

from moe_exp import names
from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.runs.bundles.archive import Unpacked, unpacked
from moe_exp.runs.bundles.check import fetch_from
from moe_exp.runs.bundles.manifest import RUNS_FOLDER
from moe_exp.runs.finished import read_record
from moe_exp.tracking import LoggedRun, TrackedRun, Tracking, closing, has_tag, newest_run, open_run, open_store

OF_THE_STORE = ("process.", "mlflow.log-model", "mlflow.parentRunId", "mlflow.runName", names.TAGS_JOB, names.TAG_MODEL)
"""Beginnings of tags that say where a run was kept, or by which process: not brought along."""

REPORT = (names.REPORT_FILE, names.REPORT_MARKDOWN_FILE, names.REPORT_PAPER_FILE)
REPORT_FOLDERS = (names.FIGURES_FOLDER, names.COMPARISON_FOLDER)


def load(path: Path, tracking: Tracking) -> dict[str, str]:
    """Log the runs of a bundle, with its report under their sweep; return their ids here by those in the bundle.

    Raises
    ------
    InputError
        If the file is no bundle, its content was changed, or the store has one of its runs; nothing is logged then.
    """
    with unpacked(path) as bundle:
        open_store(tracking)
        for run in bundle.manifest.runs:
            read_record(fetch_from(bundle.folder), run)
            here = newest_run(tracking, has_tag(names.TAG_BUNDLED, run.run_id))
            if here is not None:
                raise InputError(
                    Code.IMPORTED_ALREADY, f"Run {run.name!r} of {path} is in {tracking.uri} already, as {here.run_id}."
                )
        sweep = bundle.manifest.sweep
        if sweep is None:
            return _load_runs(bundle, tracking, parent_id=None)
        with closing(_open(tracking, sweep, None)) as parent:
            ids = _load_runs(bundle, tracking, parent_id=parent.run_id)
            with parent.artifacts() as artifacts:
                for name in REPORT:
                    shutil.copy(bundle.folder / name, artifacts)
                for name in REPORT_FOLDERS:
                    shutil.copytree(bundle.folder / name, artifacts / name)
            parent.log_metrics(sweep.metrics)
        return ids | {sweep.run_id: parent.run_id}


def _load_runs(bundle: Unpacked, tracking: Tracking, *, parent_id: str | None) -> dict[str, str]:
    ids = {}
    for run in bundle.manifest.runs:
        with closing(_open(tracking, run, parent_id)) as opened:
            with opened.artifacts() as artifacts:
                shutil.copytree(bundle.folder / RUNS_FOLDER / run.run_id, artifacts, dirs_exist_ok=True)
            opened.log_metrics(run.metrics)
        ids[run.run_id] = opened.run_id
    return ids


def _open(tracking: Tracking, run: LoggedRun, parent_id: str | None) -> TrackedRun:
    """Open a run that is what another one was, and began when that did."""
    tags = {name: value for name, value in run.tags.items() if not name.startswith(OF_THE_STORE)}
    return open_run(
        tracking,
        run_name=run.name,
        parameters=run.parameters,
        tags=tags | {names.TAG_BUNDLED: run.run_id},
        parent_id=parent_id,
        started=run.started,
    )
