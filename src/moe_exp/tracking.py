"""MLflow: one run a job, opened before any work and closed whatever happens; the only module that imports mlflow."""

import json
import logging
import math
import os
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
from filelock import FileLock
from mlflow.entities import Dataset as MlflowDataset
from mlflow.entities import DatasetInput, Experiment, InputTag, Metric, Param, Run, RunStatus, RunTag, ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from PIL.Image import Image

from moe_exp.errors import InputError
from moe_exp.processes import is_alive, process_tags, terminate_as_exit

log = logging.getLogger(__name__)

SQLITE = "sqlite:///"
METRICS_A_BATCH = 1000
EXPERIMENT_TAGS = {
    "mlflow.experimentKind": "custom_model_development",  # the UI's pages for training, not those for language models
    "mlflow.note.content": "Mixtures of Ridge experts for log g: gates compared on the same covered test stars.",
}
PARENT_TAG = "mlflow.parentRunId"
SKIPPED_TAG = "skipped."
ID_LENGTH = 32
"""Characters of a run's id."""
logging.getLogger("mlflow").setLevel(logging.WARNING)  # not every table of a fresh store


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """Where runs go.

    Parameters
    ----------
    uri : str
        MLflow tracking URI.
    artifacts : str
        Folder for the artifacts of a local store; a server keeps its own.
    experiment : str
        Name of the MLflow experiment.
    run_name : str or None
        Name of the run; by default it is made from gate, train size, noise and seed.
    resume : bool
        Whether a sweep skips jobs that an earlier one finished.
    """

    uri: str
    artifacts: str
    experiment: str = "moe_exp"
    run_name: str | None = None
    resume: bool = True

    @property
    def is_local(self) -> bool:
        """Whether the store is an SQLite file."""
        return self.uri.startswith(SQLITE)

    def describe(self) -> str:
        """Say where runs go and which command shows them."""
        if not self.is_local:
            return f"{self.uri}, experiment {self.experiment!r}"
        folder = Path(self.uri.removeprefix(SQLITE)).parent
        plain = self.uri == f"{SQLITE}{folder}/mlflow.db"
        command = "mlflow ui" if plain else f"mlflow ui --backend-store-uri {self.uri}"
        return f"{self.uri}, experiment {self.experiment!r}; to browse: (cd {folder} && {command})"


class TrackedRun:
    """One MLflow run that is being written.

    Parameters
    ----------
    client : MlflowClient
    run : mlflow Run
    """

    def __init__(self, client: MlflowClient, run: Run) -> None:
        self._client = client
        self.run_id: str = run.info.run_id
        self.name: str = run.info.run_name
        self._is_described = False

    def close(self, status: int, message: str = "") -> None:
        """End the run with a status of `mlflow.entities.RunStatus`, and keep the message of one that went wrong."""
        name = RunStatus.to_string(status)
        if message:
            self.log_tags({"error": message[:5000]})
            if not self._is_described:
                self.describe(f"**{name}**: {message}")
        self._client.set_terminated(self.run_id, name)

    def locate(self, name: str) -> str:
        """Say where an artifact is: its path in a local store, else the run that has it."""
        root = self._client.get_run(self.run_id).info.artifact_uri
        is_file = root.startswith("file://")
        return f"{root.removeprefix('file://')}/{name}" if is_file else f"{name} of run {self.run_id}"

    def describe(self, text: str) -> None:
        """Set the description that the run's page opens with, in Markdown."""
        self.log_tags({"mlflow.note.content": text[:5000]})
        self._is_described = True

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log finite metrics in one request; others are left out."""
        self._log([(name, value, step) for name, value in metrics.items()])

    def log_curve(self, curves: Mapping[str, np.ndarray], steps: np.ndarray) -> None:
        """Log series, each (n_steps,), as stepped metrics."""
        self._log([(name, v, int(s)) for name, curve in curves.items() for s, v in zip(steps, curve, strict=True)])

    def _log(self, values: list[tuple[str, float, int]]) -> None:
        now = int(time.time() * 1000)
        entities = [Metric(n, float(v), now, step) for n, v, step in values if math.isfinite(v)]
        for start in range(0, len(entities), METRICS_A_BATCH):
            self._client.log_batch(self.run_id, metrics=entities[start : start + METRICS_A_BATCH])

    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Log tags in one request."""
        self._client.log_batch(self.run_id, tags=[RunTag(name, value) for name, value in tags.items()])

    def log_dataset(self, *, name: str, digest: str, source: str, schema: Mapping, profile: Mapping) -> None:
        """Log the data set that the run used."""
        dataset = MlflowDataset(
            name, digest, "local", json.dumps({"uri": source}), json.dumps(schema), json.dumps(profile)
        )
        self._client.log_inputs(self.run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])

    @contextmanager
    def artifacts(self) -> Iterator[Path]:
        """Give a folder; what it holds at the end becomes the run's artifacts, in one go."""
        with tempfile.TemporaryDirectory(prefix="moe_exp_") as folder:
            yield Path(folder)
            self._client.log_artifacts(self.run_id, folder)

    def log_images(self, images: Mapping[str, Image]) -> None:
        """Put images into the image charts of the MLflow UI."""
        for name, image in images.items():
            self._client.log_image(self.run_id, image, key=name, step=0)


def open_run(
    tracking: Tracking,
    *,
    run_name: str,
    parameters: Mapping[str, str],
    tags: Mapping[str, str],
    parent_id: str | None = None,
) -> TrackedRun:
    """Open a run in MLflow, after settling those that dead processes of this host left open.

    Raises
    ------
    InputError
        If the store cannot be reached or written, before anything else is done.
    """
    client, experiment_id = open_store(tracking)
    settle_dead_runs(tracking)
    nested = {PARENT_TAG: parent_id} if parent_id else {}
    run = client.create_run(experiment_id, run_name=run_name, tags=dict(tags) | process_tags() | nested)
    client.log_batch(run.info.run_id, params=[Param(name, value) for name, value in parameters.items()])
    return TrackedRun(client, run)


@contextmanager
def closing(run: TrackedRun) -> Iterator[TrackedRun]:
    """Close a run whatever happens: FINISHED, or FAILED (KILLED when interrupted) with the message as a tag."""
    try:
        with terminate_as_exit():
            yield run
    except BaseException as error:
        interrupted = not isinstance(error, Exception)
        message = "interrupted" if interrupted else f"{type(error).__name__}: {error}"
        run.close(RunStatus.KILLED if interrupted else RunStatus.FAILED, message)
        raise
    run.close(RunStatus.FINISHED)


def open_store(tracking: Tracking) -> tuple[MlflowClient, str]:
    """Connect to the store for writing and return a client and the experiment's id; both are created if need be."""
    client, experiment = _connect(tracking)
    if experiment is None:
        location = Path(tracking.artifacts).resolve().as_uri() if tracking.is_local else None
        with _store_lock(tracking), _explaining(tracking):
            return client, client.create_experiment(tracking.experiment, location, EXPERIMENT_TAGS)
    return client, experiment.experiment_id


def read_store(tracking: Tracking) -> tuple[MlflowClient, str]:
    """Connect to the store for reading, which creates nothing, and return a client and the experiment's id.

    Raises
    ------
    InputError
        If there is no such store or experiment.
    """
    if tracking.is_local and not Path(tracking.uri.removeprefix(SQLITE)).exists():
        raise InputError(f"{tracking.uri} does not exist: no run was tracked there yet.")
    client, experiment = _connect(tracking)
    if experiment is None:
        known = ", ".join(sorted(found.name for found in client.search_experiments()))
        raise InputError(f"{tracking.uri} has no experiment {tracking.experiment!r}; it has {known}.")
    return client, experiment.experiment_id


def _connect(tracking: Tracking) -> tuple[MlflowClient, Experiment | None]:
    """Return a client, and the experiment if the store has it."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    with _explaining(tracking), _store_lock(tracking):
        mlflow.set_tracking_uri(tracking.uri)
        client = MlflowClient(tracking.uri)
        experiment = client.get_experiment_by_name(tracking.experiment)
    if experiment is not None and experiment.lifecycle_stage != "active":
        raise InputError(
            f"tracking.experiment={tracking.experiment} was deleted in {tracking.uri}; restore it or name another."
        )
    return client, experiment


@contextmanager
def _explaining(tracking: Tracking) -> Iterator[None]:
    """Turn what a store raises when it cannot be used into one message."""
    try:
        yield
    except (MlflowException, OSError) as error:
        reason = str(error).splitlines()[0][:300]
        raise InputError(f"tracking.uri={tracking.uri} cannot be used, nothing was computed: {reason}") from error


def _store_lock(tracking: Tracking) -> FileLock | nullcontext:
    """Keep processes that start together from migrating one fresh SQLite file at the same time."""
    if not tracking.is_local:
        return nullcontext()
    database = Path(tracking.uri.removeprefix(SQLITE))
    database.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(database.with_name(f"{database.name}.lock"))


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
    whole = " and ".join(part for part in ("attributes.status = 'FINISHED'", condition) if part)
    try:
        return list(_search(client, experiment_id, whole))
    except MlflowException as error:
        raise InputError(f"The filter {condition!r} cannot be used: {str(error).splitlines()[0]}") from error


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
            f"{len(found)} runs begin with {run_id!r}: {names}. Give more of the id."
            if found
            else f"Experiment {tracking.experiment!r} of {tracking.uri} has no run {run_id!r}."
        )
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        raise InputError(f"{tracking.uri} has no run {run_id!r}.") from error
    if run.info.experiment_id != experiment_id or run.info.lifecycle_stage != "active":
        raise InputError(f"Run {run_id!r} was deleted, or is not of experiment {tracking.experiment!r}.")
    return LoggedRun.of(run)


def runs_of_parent(tracking: Tracking, parent_id: str) -> list[LoggedRun]:
    """Return the finished children of a run, and the earlier runs that stood in for skipped jobs of it."""
    skipped = [name for name in get_run(tracking, parent_id).tags if name.startswith(SKIPPED_TAG)]
    earlier = [get_run(tracking, name.removeprefix(SKIPPED_TAG)) for name in skipped]
    return sorted([*find_runs(tracking, has_tag(PARENT_TAG, parent_id)), *earlier], key=lambda run: run.started)


def has_tag(name: str, value: str) -> str:
    """Return the filter for runs with a tag."""
    return f"tags.`{name}` = '{value}'"


def resume_run(tracking: Tracking, run_id: str) -> TrackedRun:
    """Go on writing a run that is open, from whatever process."""
    client, _ = read_store(tracking)
    return TrackedRun(client, client.get_run(run_id))


def fetch_artifact(tracking: Tracking, run: LoggedRun, name: str) -> Path:
    """Return the path of a local copy of an artifact.

    Raises
    ------
    InputError
        If the run does not have it.
    """
    client, _ = read_store(tracking)
    try:
        return Path(client.download_artifacts(run.run_id, name))
    except (MlflowException, OSError) as error:
        raise InputError(
            f"Run {run.name!r} ({run.run_id}) has no artifact {name}, which a comparison needs; leave it out or run it "
            f"again with tracking.resume=false."
        ) from error


def settle_dead_runs(tracking: Tracking) -> None:
    """Mark runs of this host as FAILED that say RUNNING but whose process is gone."""
    client, experiment_id = read_store(tracking)
    running = client.search_runs(
        [experiment_id],
        f"attributes.status = 'RUNNING' and tags.`process.host` = '{socket.gethostname()}'",
        run_view_type=ViewType.ACTIVE_ONLY,
    )
    for run in running:
        if not is_alive(int(run.data.tags["process.pid"]), float(run.data.tags["process.started"])):
            log.info("run %s was left RUNNING by a process that is gone: marked FAILED", run.info.run_name)
            client.set_tag(run.info.run_id, "error", "the process ended without closing the run")
            client.set_terminated(run.info.run_id, RunStatus.to_string(RunStatus.FAILED))
