"""From outboxes to the store: in the background while a job computes, and of what earlier processes left.

Lines are such that to send one twice leaves the store as to send it once: what was cut off between the store's answer
and the mark in the outbox is sent again.
"""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from filelock import Timeout
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    RunStatus,
    RunTag,
)
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from moe_exp import names
from moe_exp.codes import Code, tagged
from moe_exp.credentials import redact
from moe_exp.errors import InputError
from moe_exp.tracking.models import write_model_id
from moe_exp.tracking.outbox import Outbox, find_outboxes
from moe_exp.tracking.settling import end_run
from moe_exp.tracking.store import REFUSALS, SQLITE, STORE_ERRORS, Tracking, explain, read_store

log = logging.getLogger(__name__)

T = TypeVar("T")

GRACE_S = 10.0
"""How long a job that has ended waits for a store that is away [s]."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
"""Between two attempts [s]; each pause is twice the last one."""


def is_refusal(error: BaseException | None) -> bool:
    """Say whether another attempt cannot help."""
    if isinstance(error, MlflowException):
        return error.error_code in REFUSALS
    return isinstance(error, FileNotFoundError) or not isinstance(error, STORE_ERRORS)


def patiently(act: Callable[[], T], patience_s: float) -> T:
    """Return what `act` does, which is tried again for some time where the store is away."""
    deadline, pause = time.monotonic() + patience_s, FIRST_PAUSE_S
    while True:
        try:
            return act()
        except (*STORE_ERRORS, ValueError) as error:  # an InputError says what a store raised
            cause = error.__cause__ or error
            if is_refusal(cause) or time.monotonic() > deadline:
                raise
            if 1 < pause <= 2:
                log.warning(
                    tagged(Code.STORE_AWAY, "the store is away: %s Waiting for it, for up to %.0f s."),
                    explain(cause),
                    patience_s,
                )
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)


class Sender:
    """Sends what a run logs, in order and as it comes; tries again while the store is away.

    Parameters
    ----------
    client : MlflowClient
    outbox : Outbox
    """

    def __init__(self, client: MlflowClient, outbox: Outbox) -> None:
        self._client, self._outbox = client, outbox
        self._news, self._ending = threading.Event(), threading.Event()
        self._problem: Exception | None = None
        self._last = 0.0
        self._thread = threading.Thread(target=self._work, name="sender", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Tell that there is a new line."""
        self._news.set()

    def finish(self) -> Exception | None:
        """Send what there is; return what keeps it from being sent, at once if refused, else after `GRACE_S`."""
        self._last = time.monotonic()
        self._ending.set()
        self.wake()
        self._thread.join()
        return self._problem

    def _work(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            self._news.wait(pause if self._problem else None)
            self._news.clear()
            ending = self._ending.is_set()
            self._problem = self._try()
            pause = min(2 * pause, LONGEST_PAUSE_S) if self._problem else FIRST_PAUSE_S
            if ending and (self._problem is None or is_refusal(self._problem) or self._is_late()):
                return

    def _try(self) -> Exception | None:
        try:
            for _ in send_waiting(self._client, self._outbox):
                self._last = time.monotonic()
        except Exception as error:  # nobody else hears of it
            return error
        return None

    def _is_late(self) -> bool:
        return time.monotonic() - self._last > GRACE_S


def send_left_behind(tracking: Tracking) -> list[str]:
    """Send what earlier processes could not send, or were killed over; return what is left, a line for each run."""
    store = redact(tracking.uri)
    left = []
    for outbox in find_outboxes(tracking.outbox_folder):
        try:
            with outbox.lock:
                if outbox.is_whole:
                    left += _send_outbox(tracking, outbox, store)
                else:  # its process was killed before the run was said to be there
                    outbox.remove()
        except (Timeout, FileNotFoundError, FileExistsError):
            continue  # of a process that lives, or that another one removes at this moment
        except OSError as error:
            left.append(f"{outbox.run_id}: {error}")
    return left


def _send_outbox(tracking: Tracking, outbox: Outbox, store: str) -> list[str]:
    name = outbox.run_id
    try:
        name = outbox.about["name"]
        belongs_to = outbox.about["store"]
        if belongs_to != store and not (tracking.is_local and belongs_to.startswith(SQLITE)):  # which may be moved
            return [f"{name}: it belongs to {belongs_to}"]
        client, _ = read_store(tracking)
        for _ in send_waiting(client, outbox):
            pass
    except InputError as error:
        return [f"{name}: {error}"]
    except Exception as error:
        if not is_refusal(error):
            return [f"{name}: {explain(error)}"]
        log.error(
            tagged(Code.NOT_LOGGED, "run %r cannot be logged: %s What it logged is kept in %s."),
            name,
            explain(error),
            outbox.set_aside(),
        )
        return []
    outbox.remove()
    log.info("run %r was sent to %s", name, store)
    return []


def send_waiting(client: MlflowClient, outbox: Outbox) -> Iterator[None]:
    """Send the lines that are not sent yet; yield after each."""
    for line in outbox.waiting():
        send(client, outbox, line)
        outbox.mark_sent()
        yield


def send(client: MlflowClient, outbox: Outbox, line: Mapping[str, Any]) -> None:
    """Send one line."""
    run_id = outbox.run_id
    match line["kind"]:
        case "metrics":
            client.log_batch(run_id, metrics=[Metric(*each) for each in line["metrics"]])
        case "tags":
            client.log_batch(run_id, tags=[RunTag(name, value) for name, value in line["tags"].items()])
        case "dataset":
            context = InputTag("mlflow.data.context", "training")
            client.log_inputs(run_id, [DatasetInput(Dataset(**line["dataset"]), [context])])
        case "artifacts":
            client.log_artifacts(run_id, str(outbox.read_folder(line)))
        case "model":
            _send_model(client, run_id, outbox.read_folder(line), line["name"])
        case "end":
            _end(client, run_id, line["status"], line["at"])


def _send_model(client: MlflowClient, run_id: str, folder: Path, name: str) -> None:
    run = client.get_run(run_id)
    experiment_id = run.info.experiment_id
    known = client.search_logged_models([experiment_id], f"source_run_id = '{run_id}'")
    model = known[0] if known else client.create_logged_model(experiment_id, name, source_run_id=run_id)
    with TemporaryDirectory(prefix="moe_exp_") as place:
        shutil.copytree(folder, place, dirs_exist_ok=True)
        write_model_id(Path(place), model.model_id)
        client.log_model_artifacts(model.model_id, place)
    client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    if not (run.outputs and run.outputs.model_outputs):
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    client.set_tag(run_id, names.TAG_MODEL, f"models:/{model.model_id}")


def _end(client: MlflowClient, run_id: str, status: str, at: int) -> None:
    """End a run; one that finished is no longer said to have failed, as it was while its result had not come."""
    run, number = client.get_run(run_id), RunStatus.from_string(status)
    if number == RunStatus.FINISHED and names.TAG_ERROR in run.data.tags:
        client.delete_tag(run_id, names.TAG_ERROR)
    end_run(client, run, number, at)
