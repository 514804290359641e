"""Runs as the store holds them: found by filter or id, with the artifacts that they left."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow.artifacts import download_artifacts
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from moe_exp import names
from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.tracking.store import REFUSALS, Tracking, explaining, read_store

FINISHED = "attributes.status = 'FINISHED'"
ID_LENGTH = 32
"""Characters of a run's id."""


@dataclass(frozen=True)
class LoggedRun:
    """A run as the store holds it.

    Attributes
    ----------
    run_id, name, status : str
    parameters, tags : dict of str to str
    metrics : dict of str to float
    started : float
        Seconds since 1970.
    """

    run_id: str
    name: str
    status: str
    parameters: dict[str, str]
    tags: dict[str, str]
    metrics: dict[str, float]
    started: float

    @classmethod
    def of(cls, run: Run) -> "LoggedRun":
        """Take over what MLflow returned."""
        data = run.data
        name = run.info.run_name or run.info.run_id
        started = run.info.start_time / 1000
        return cls(run.info.run_id, name, run.info.status, data.params, data.tags, data.metrics, started)


def find_runs(tracking: Tracking, condition: str = "") -> list[LoggedRun]:
    """Return the finished runs of the experiment that an MLflow filter accepts, the oldest first.

    Raises
    ------
    InputError
        If the store cannot be used or the filter not be read.
    """
    client, experiment_id = read_store(tracking)
    whole = " and ".join(part for part in (FINISHED, condition) if part)
    try:
        return list(_search(client, experiment_id, whole))
    except MlflowException as error:
        raise InputError(
            Code.FILTER_UNREADABLE, f"The filter {condition!r} cannot be used: {str(error).splitlines()[0]}"
        ) from error


def _search(client: MlflowClient, experiment_id: str, condition: str) -> Iterator[LoggedRun]:
    """Yield the runs that a filter accepts, page by page, the oldest first."""
    token = None
    while True:
        page = client.search_runs([experiment_id], condition, order_by=["attributes.start_time"], page_token=token)
        yield from map(LoggedRun.of, page)
        token = page.token
        if not token:
            return


def get_run(tracking: Tracking, run_id: str) -> LoggedRun:
    """Return one run of the experiment, by its id or the beginning of it, whatever its status.

    Raises
    ------
    InputError
        If there is none of this id, or several begin so.
    """
    client, experiment_id = read_store(tracking)
    if len(run_id) < ID_LENGTH:
        found = [run for run in _search(client, experiment_id, "") if run.run_id.startswith(run_id)]
        if len(found) == 1:
            return found[0]
        names = "; ".join(f"{run.name} ({run.run_id})" for run in found[:5])
        raise InputError(
            Code.NO_SUCH_RUN,
            f"{len(found)} runs begin with {run_id!r}: {names}. Give more of the id."
            if found
            else f"Experiment {tracking.experiment!r} of {tracking.uri} has no run {run_id!r}.",
        )
    with explaining(tracking):
        try:
            run = client.get_run(run_id)
        except MlflowException as error:
            if error.error_code not in REFUSALS:
                raise
            raise InputError(Code.NO_SUCH_RUN, f"{tracking.uri} has no run {run_id!r}.") from error
    if run.info.experiment_id != experiment_id or run.info.lifecycle_stage != "active":
        raise InputError(
            Code.NO_SUCH_RUN, f"Run {run_id!r} was deleted, or is not of experiment {tracking.experiment!r}."
        )
    return LoggedRun.of(run)


def newest_run(tracking: Tracking, condition: str) -> LoggedRun | None:
    """Return the finished run that started last of those that an MLflow filter accepts; None if there is none."""
    client, experiment_id = read_store(tracking)
    found = client.search_runs(
        [experiment_id], f"{FINISHED} and {condition}", order_by=["attributes.start_time DESC"], max_results=1
    )
    return LoggedRun.of(found[0]) if found else None


def children_of(tracking: Tracking, parent_id: str) -> list[LoggedRun]:
    """Return the runs that name a run as their parent, whatever their status, the oldest first."""
    client, experiment_id = read_store(tracking)
    return list(_search(client, experiment_id, has_tag(names.TAG_PARENT, parent_id)))


def runs_with_tag(tracking: Tracking, name: str) -> list[LoggedRun]:
    """Return the runs that have a tag, whatever its value and their status, the oldest first."""
    client, experiment_id = read_store(tracking)
    return list(_search(client, experiment_id, f"tags.`{name}` LIKE '%'"))


def has_tag(name: str, value: str) -> str:
    """Return the filter for runs with a tag."""
    return f"tags.`{name}` = '{value}'"


@contextmanager
def fetched_model(tracking: Tracking, run: LoggedRun) -> Iterator[Path]:
    """Give the folder of a local copy of a run's model, which is gone afterwards.

    Raises
    ------
    InputError
        If the run kept none, or it cannot be had.
    """
    if names.TAG_MODEL not in run.tags:
        raise InputError(
            Code.NO_MODEL,
            f"Run {run.name!r} ({run.run_id}) has no model. Those of a sweep's jobs are theirs; a run that kept none "
            f"has to be run again, with tracking.resume=false.",
        )
    read_store(tracking)
    with TemporaryDirectory(prefix="moe_exp_") as folder:
        try:
            path = download_artifacts(run.tags[names.TAG_MODEL], dst_path=folder)
        except (MlflowException, OSError) as error:
            raise InputError(
                Code.NO_MODEL,
                f"The model of run {run.name!r} ({run.run_id}) cannot be fetched: {str(error).splitlines()[0]}",
            ) from error
        yield Path(path)


def artifacts_of(tracking: Tracking, run: LoggedRun) -> list[str]:
    """Return the names of all files that a run keeps, as paths from the root of its artifacts."""
    client, _ = read_store(tracking)
    if here := _kept_here(tracking, run):
        return sorted(path.relative_to(here).as_posix() for path in here.rglob("*") if path.is_file())

    def walk(folder: str | None) -> Iterator[str]:
        for each in client.list_artifacts(run.run_id, folder):
            yield from walk(each.path) if each.is_dir else (each.path,)

    return sorted(walk(None))


def _kept_here(tracking: Tracking, run: LoggedRun) -> Path | None:
    """Return the folder of a run's artifacts beside a local store, which knows them elsewhere until it may follow."""
    folder = tracking.artifact_folder / run.run_id / "artifacts"
    return folder if tracking.is_local and folder.is_dir() else None


@contextmanager
def fetched_artifact(tracking: Tracking, run: LoggedRun, name: str) -> Iterator[Path]:
    """Give the path of a local copy of an artifact, which is gone afterwards: MLflow leaves its own copies for ever.

    Raises
    ------
    InputError
        If the run does not have it.
    """
    client, _ = read_store(tracking)
    here = _kept_here(tracking, run)
    with TemporaryDirectory(prefix="moe_exp_") as folder:
        try:
            if here:
                path = shutil.copy(here / name, folder)
            else:
                path = client.download_artifacts(run.run_id, name, dst_path=folder)
        except (MlflowException, OSError) as error:
            raise InputError(
                Code.ARTIFACT_MISSING,
                f"Run {run.name!r} ({run.run_id}) has no artifact {name}, which a comparison needs; leave it out or "
                f"run it again with tracking.resume=false.",
            ) from error
        yield Path(path)
