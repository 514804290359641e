"""Runs that are being written: opened before any work, closed whatever happens."""

import json
import logging
import math
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from mlflow.entities import Dataset as MlflowDataset
from mlflow.entities import (
    DatasetInput,
    InputTag,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    Param,
    Run,
    RunStatus,
    RunTag,
)
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from PIL.Image import Image
from sqlalchemy.exc import SQLAlchemyError

from moe_exp import names
from moe_exp.credentials import redact
from moe_exp.errors import InputError
from moe_exp.program import terminate_as_exit
from moe_exp.tracking.models import PortableModel
from moe_exp.tracking.processes import Heartbeat, end_run, process_tags, settle_dead_runs
from moe_exp.tracking.store import STORE_ERRORS, Tracking, explain, explaining, folder_of, open_store, read_store

log = logging.getLogger(__name__)

METRICS_A_BATCH = 1000


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
        self.experiment_id: str = run.info.experiment_id
        self.name: str = run.info.run_name
        self._is_described = False
        self._heartbeat: Heartbeat | None = None

    def show_life(self) -> None:
        """Renew the sign of life that the run was opened with, until it is closed or this process ends."""
        self._heartbeat = Heartbeat(self.log_tags)

    def close(self, status: int, message: str = "") -> None:
        """End the run with a status of `mlflow.entities.RunStatus`, and keep the message of one that went wrong."""
        name = RunStatus.to_string(status)
        if self._heartbeat:
            self._heartbeat.stop()
        if message:
            self.log_tags({names.TAG_ERROR: message[:5000]})
            if not self._is_described:
                self.describe(f"**{name}**: {message}")
        end_run(self._client, self.run_id, self.name, status)

    def locate(self, name: str) -> str:
        """Say where an artifact is: its path in a local store, else the run that has it."""
        folder = folder_of(self._client.get_run(self.run_id).info.artifact_uri)
        return f"{name} of run {self.run_id}" if folder is None else str(folder / name)

    def describe(self, text: str) -> None:
        """Set the description that the run's page opens with, in Markdown."""
        self.log_tags({names.TAG_DESCRIPTION: text[:5000]})
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
        self._client.log_batch(self.run_id, tags=[RunTag(name, redact(value)) for name, value in tags.items()])

    def log_dataset(self, *, name: str, digest: str, source: str, schema: Mapping, profile: Mapping) -> None:
        """Log the data set that the run used."""
        dataset = MlflowDataset(
            name, digest, "local", json.dumps({"uri": source}), json.dumps(schema), json.dumps(profile)
        )
        inputs = [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])]
        try:
            self._client.log_inputs(self.run_id, inputs)
        except MlflowException:  # another run entered the same data set at this moment: now it is found
            self._client.log_inputs(self.run_id, inputs)

    @contextmanager
    def artifacts(self) -> Iterator[Path]:
        """Give a folder; what it holds at the end becomes the run's artifacts, in one go."""
        with tempfile.TemporaryDirectory(prefix="moe_exp_") as folder:
            yield Path(folder)
            self._client.log_artifacts(self.run_id, folder)

    def log_model(self, model: PortableModel, card: str) -> str:
        """Keep a model with the run, in MLflow's format with a card in Markdown; return the URI that loads it."""
        experiment_id = self._client.get_run(self.run_id).info.experiment_id
        logged = self._client.create_logged_model(experiment_id, model.name, source_run_id=self.run_id)
        with tempfile.TemporaryDirectory(prefix="moe_exp_") as name:
            folder = Path(name) / "model"
            model.write(folder, run_id=self.run_id, model_id=logged.model_id)
            (folder / names.MODEL_CARD_FILE).write_text(card, encoding="utf-8")
            self._client.log_model_artifacts(logged.model_id, str(folder))
        self._client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
        self._client.log_outputs(self.run_id, [LoggedModelOutput(logged.model_id, step=0)])
        return f"models:/{logged.model_id}"

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
    started: float | None = None,
) -> TrackedRun:
    """Open a run in MLflow, after settling those that dead processes left open.

    It began now, or `started` seconds after 1970.

    Raises
    ------
    InputError
        If the store cannot be reached or written, before anything else is done.
    """
    client, experiment_id = open_store(tracking)
    nested = {names.TAG_PARENT: parent_id} if parent_id else {}
    with explaining(tracking):
        settle_dead_runs(tracking)
        made = client.create_run(
            experiment_id,
            run_name=run_name,
            tags=redact({**tags, **process_tags(), **nested}),
            start_time=None if started is None else round(1000 * started),
        )
        run = TrackedRun(client, made)
        try:
            client.log_batch(run.run_id, params=[Param(name, value) for name, value in parameters.items()])
        except MlflowException as error:
            run.close(RunStatus.FAILED, str(error))
            raise
    run.show_life()
    return run


def resume_run(tracking: Tracking, run_id: str) -> TrackedRun:
    """Go on writing a run that is open, from whatever process."""
    client, _ = read_store(tracking)
    return TrackedRun(client, client.get_run(run_id))


@contextmanager
def closing(run: TrackedRun) -> Iterator[TrackedRun]:
    """Close a run whatever happens: FINISHED, or FAILED (KILLED when interrupted) with the message as a tag.

    Raises
    ------
    InputError
        If the store cannot be used any more; the run may then stay RUNNING until a later start settles it.
    """
    try:
        with terminate_as_exit():
            yield run
    except BaseException as error:
        interrupted = not isinstance(error, Exception)
        message = "interrupted" if interrupted else f"{type(error).__name__}: {error}"
        try:
            run.close(RunStatus.KILLED if interrupted else RunStatus.FAILED, message)
        except STORE_ERRORS as lost:
            log.error("run %s cannot be closed: %s", run.name, explain(lost))
        if isinstance(error, MlflowException | SQLAlchemyError):
            raise InputError(f"Run {run.name!r} could not be logged: {explain(error)}") from error
        raise
    run.close(RunStatus.FINISHED)
