"""Runs that are being written, and closed whatever happens.

What a run logs goes to its outbox on this disk, and from there to the store.
"""

import json
import logging
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from mlflow.entities import Metric, Run, RunStatus, RunTag
from mlflow.tracking import MlflowClient
from mlflow.tracking.multimedia import compress_image_size
from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_IMAGES
from PIL.Image import Image

from moe_exp import names
from moe_exp.codes import Code, tagged
from moe_exp.credentials import redact
from moe_exp.errors import InputError
from moe_exp.machine import usable_cores
from moe_exp.program import terminate_as_exit
from moe_exp.tracking.models import PortableModel
from moe_exp.tracking.outbox import Outbox
from moe_exp.tracking.processes import Heartbeat
from moe_exp.tracking.sending import Sender, is_refusal
from moe_exp.tracking.store import Tracking, explain, folder_of, read_store

log = logging.getLogger(__name__)

METRICS_A_BATCH = 1000

PNG_LEVEL = 3
"""Of zlib: files a twentieth larger than by its default, in two thirds of the time."""


class TrackedRun:
    """One MLflow run that is being written.

    Parameters
    ----------
    client : MlflowClient
    run : mlflow Run
    outbox : Outbox

    Attributes
    ----------
    run_id, experiment_id, name : str
    is_sent : bool
        Whether the run was closed, and the store has all of it.
    """

    def __init__(self, client: MlflowClient, run: Run, outbox: Outbox) -> None:
        self._client, self._outbox = client, outbox
        self.run_id: str = run.info.run_id
        self.experiment_id: str = run.info.experiment_id
        self.name: str = run.info.run_name
        self.is_sent = False
        self._artifact_uri: str = run.info.artifact_uri
        self._is_described = False
        self._sender = Sender(client, outbox)
        self._heartbeat = Heartbeat(self._show_life)

    def _show_life(self, tags: Mapping[str, str]) -> None:
        """Renew the sign of life, at once or not at all: one that comes late would be false."""
        self._client.log_batch(self.run_id, tags=[RunTag(name, value) for name, value in tags.items()])

    def _add(self, kind: str, **content: Any) -> None:
        self._outbox.add(kind, **content)
        self._sender.wake()

    def close(self, status: int, message: str = "") -> None:
        """End the run with a status of `mlflow.entities.RunStatus`, and keep the message of one that went wrong.

        Where the store is away, what was logged waits on this disk, and the log says where.

        Raises
        ------
        InputError
            If the store refuses what was logged.
        """
        name = RunStatus.to_string(status)
        self._heartbeat.stop()
        if message:
            self.log_tags({names.TAG_ERROR: message[:5000]})
            if not self._is_described:
                self.describe(f"**{name}**: {message}")
        self._add("end", status=name, at=_now())
        problem = self._sender.finish()
        if problem is None:
            self._outbox.remove()
            self.is_sent = True
        elif is_refusal(problem):
            aside = self._outbox.set_aside()
            raise InputError(
                Code.NOT_LOGGED,
                f"Run {self.name!r} could not be logged: {explain(problem)} What it logged is kept in {aside}.",
            )
        else:
            self._outbox.lock.release()
            log.warning(
                tagged(
                    Code.STORE_AWAY,
                    "run %r has ended, but the store is away: %s What it logged waits in %s, and is sent by the next "
                    "start of train.py, or by `moe-exp sync`.",
                ),
                self.name,
                explain(problem),
                self._outbox.folder,
            )

    def locate(self, name: str) -> str:
        """Say where an artifact is: its path in a local store, else the run that has it."""
        folder = folder_of(self._artifact_uri)
        return f"{name} of run {self.run_id}" if folder is None else str(folder / name)

    def describe(self, text: str) -> None:
        """Set the description that the run's page opens with, in Markdown."""
        self.log_tags({names.TAG_DESCRIPTION: text[:5000]})
        self._is_described = True

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log finite metrics; others are left out."""
        self._log([(name, value, step) for name, value in metrics.items()])

    def log_curve(self, curves: Mapping[str, np.ndarray], steps: np.ndarray) -> None:
        """Log series, each (n_steps,), as stepped metrics."""
        self._log([(name, v, int(s)) for name, curve in curves.items() for s, v in zip(steps, curve, strict=True)])

    def _log(self, values: list[tuple[str, float, int]]) -> None:
        now = _now()
        finite = [(name, float(value), now, step) for name, value, step in values if math.isfinite(value)]
        for start in range(0, len(finite), METRICS_A_BATCH):
            self._add("metrics", metrics=finite[start : start + METRICS_A_BATCH])

    def log_tags(self, tags: Mapping[str, str]) -> None:
        """Log tags."""
        self._add("tags", tags=redact({**tags}))

    def log_dataset(self, *, name: str, digest: str, source: str, schema: Mapping, profile: Mapping) -> None:
        """Log the data set that the run used."""
        about = {"schema": json.dumps(schema), "profile": json.dumps(profile)}
        place = {"source_type": "local", "source": json.dumps({"uri": source})}
        self._add("dataset", dataset={"name": name, "digest": digest, **place, **about})

    @contextmanager
    def artifacts(self) -> Iterator[Path]:
        """Give a folder; what it holds at the end becomes the run's artifacts, in one go."""
        with self._outbox.files("artifacts") as folder:
            yield folder
        self._sender.wake()

    def log_model(self, model: PortableModel, card: str) -> None:
        """Keep a model with the run, in MLflow's format with a card in Markdown; a tag says what loads it."""
        with self._outbox.files("model", name=model.name) as folder:
            model.write(folder, run_id=self.run_id)
            (folder / names.MODEL_CARD_FILE).write_text(card, encoding="utf-8")
        self._sender.wake()

    def log_images(self, images: Iterable[tuple[str, Image]]) -> None:
        """Put images, each with its name, into the image charts of the MLflow UI; they are packed while others come."""
        with self.artifacts() as folder:
            place = folder / names.IMAGES_FOLDER
            place.mkdir()

            def pack(named: tuple[str, Image]) -> None:
                name, image = named
                stem = names.image_stem(name)
                image.save(place / f"{stem}.png", dpi=image.info.get("dpi"), compress_level=PNG_LEVEL)
                compress_image_size(image).save(place / f"{stem}+compressed.webp")

            with ThreadPoolExecutor(usable_cores()) as threads:
                list(threads.map(pack, images))
        self.log_tags({MLFLOW_LOGGED_IMAGES: "True"})


def _now() -> int:
    """Return the time in ms since 1970."""
    return int(time.time() * 1000)


def add_to_run(
    tracking: Tracking, run_id: str, *, tags: Mapping[str, str], metrics: Mapping[str, float], step: int = 0
) -> None:
    """Add to a run that another process writes."""
    client, _ = read_store(tracking)
    values = [Metric(name, value, _now(), step) for name, value in metrics.items()]
    client.log_batch(run_id, metrics=values, tags=[RunTag(name, redact(value)) for name, value in tags.items()])


@contextmanager
def closing(run: TrackedRun, status: int = RunStatus.FINISHED) -> Iterator[TrackedRun]:
    """Close a run whatever happens: with the status, or FAILED (KILLED when interrupted) with the message as a tag.

    Raises
    ------
    InputError
        If the store refuses what was logged.
    """
    try:
        with terminate_as_exit():
            yield run
    except BaseException as error:
        interrupted = not isinstance(error, Exception)
        message = "interrupted" if interrupted else f"{type(error).__name__}: {error}"
        try:
            run.close(RunStatus.KILLED if interrupted else RunStatus.FAILED, message)
        except (InputError, OSError) as lost:
            log.error("run %s cannot be closed: %s", run.name, lost)
        raise
    run.close(status)
