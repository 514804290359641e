"""The store that runs are kept in: where it is, and connecting to it, for writing or only for reading."""

import logging
import os
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import mlflow
from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import SQLAlchemyError

from moe_exp import names
from moe_exp.codes import Code
from moe_exp.credentials import hand_over, redact
from moe_exp.errors import InputError
from moe_exp.program import from_start
from moe_exp.tracking.creation import ensure_made, is_made, one_at_a_time
from moe_exp.tracking.moved import follow_artifacts
from moe_exp.tracking.processes import has_living
from moe_exp.tracking.view import TAG_SHARED_VIEW, offer_view, page_state, view_address

log = logging.getLogger(__name__)

SQLITE = "sqlite:///"
STORE_ERRORS = (MlflowException, SQLAlchemyError, OSError, sqlite3.Error, ImportError)
"""What is raised by a store that cannot be used."""
REFUSALS = {"INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"}
"""What a store says of what it does not have, or will never take; after anything else it can be asked again."""
PNG = "png"
FIGURE_FORMATS = (PNG, "pdf", "svg")
URI_VARIABLE = "MLFLOW_TRACKING_URI"
EXPERIMENT_TAGS = {
    "mlflow.experimentKind": "custom_model_development",  # the UI's pages for training, not those for language models
    TAG_SHARED_VIEW: page_state(),
    names.TAG_DESCRIPTION: "Mixtures of Ridge experts for log g: gates compared on the same covered test stars.",
}
logging.getLogger("mlflow").setLevel(logging.WARNING)  # not every table of a fresh store
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # no tracebacks of what it raises anyway


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """Where runs go.

    Parameters
    ----------
    uri : str
        MLflow tracking URI; an SQLite file may be relative to the folder that the user typed in. It may hold
        credentials, so that only a redacted one is shown.
    artifacts : str or None
        Folder for the artifacts of a local store, by default ``mlruns`` beside its file; a server keeps its own.
    experiment : str
        Name of the MLflow experiment.
    run_name : str or None
        Name of the run; by default it is made from gate, train size, noise and seed.
    resume : bool
        Whether a sweep skips jobs that an earlier one finished.
    figure_formats : list of str or None
        What a run keeps its figures as: any of `FIGURE_FORMATS`, or none of them. None stands for PNG, and PDF beside
        it in a run that is no job of a sweep.
    outbox : str
        Folder in which what runs log waits for a server; that of a local store is beside its file.
    patience_s : float
        How long the jobs of a sweep that runs wait for a server that is away [s].
    """

    uri: str = field(repr=False)
    artifacts: str | None = None
    experiment: str = "moe_exp"
    run_name: str | None = None
    resume: bool = True
    figure_formats: list[str] | None = None
    outbox: str = "outbox"
    patience_s: float = 600

    def __post_init__(self) -> None:
        """Make paths absolute, before a job that starts elsewhere can take them for others.

        Raises
        ------
        InputError
            If figures are wanted in a format that is not known, or the path of a store can be none.
        """
        unknown = [name for name in self.figure_formats or () if name not in FIGURE_FORMATS]
        if unknown or isinstance(self.figure_formats, str):
            raise InputError(
                Code.UNKNOWN_CHOICE,
                f"tracking.figure_formats={self.figure_formats}: give a list of {', '.join(FIGURE_FORMATS)}, "
                f"[] for a run without figures, or null for png, and pdf where no sweep runs it.",
            )
        if self.is_local:
            path = str(from_start(self.uri.removeprefix(SQLITE)))
            if "?" in path or unquote(path) != path:
                raise InputError(
                    Code.STORE_UNUSABLE,
                    f"tracking.uri={SQLITE}{path}: in an address, a question mark and a percent sign with two digits "
                    f"or letters mean something else; rename the folder, or name another store.",
                )
            object.__setattr__(self, "uri", f"{SQLITE}{path}")
        if self.artifacts:
            object.__setattr__(self, "artifacts", str(from_start(self.artifacts)))
        object.__setattr__(self, "outbox", str(from_start(self.outbox)))

    @property
    def is_local(self) -> bool:
        """Whether the store is an SQLite file."""
        return self.uri.startswith(SQLITE)

    @property
    def database(self) -> Path:
        """The SQLite file of a local store."""
        return Path(self.uri.removeprefix(SQLITE))

    @property
    def artifact_folder(self) -> Path:
        """The folder that runs of a local store keep their artifacts in."""
        return Path(self.artifacts) if self.artifacts else self.database.with_name("mlruns")

    @property
    def outbox_folder(self) -> Path:
        """The folder of what runs log until the store has it."""
        return self.database.with_name(f"{self.database.name}.outbox") if self.is_local else Path(self.outbox)

    def formats(self, *, in_sweep: bool) -> list[str]:
        """Return what a run keeps its figures as: a sweep's jobs, which are looked at side by side, without PDF."""
        if self.figure_formats is not None:
            return self.figure_formats
        return [PNG] if in_sweep else [PNG, "pdf"]

    @property
    def patience(self) -> float:
        """How long to wait for the store where it is away [s]: a local one is there or is not."""
        return 0 if self.is_local else self.patience_s

    def describe(self, experiment_id: str) -> str:
        """Say where runs go, which command shows them, and where."""
        if not self.is_local:
            place = redact(self.uri)
            address = f": {view_address(place.rstrip('/'), experiment_id)}" if place.startswith("http") else ""
            return f"{place}, experiment {self.experiment!r}{address}"
        folder = self.database.parent
        plain = self.uri == f"{SQLITE}{folder}/mlflow.db"
        command = "mlflow ui" if plain else f"mlflow ui --backend-store-uri {self.uri}"
        address = view_address("http://127.0.0.1:5000", experiment_id)
        return f"{self.uri}, experiment {self.experiment!r}; to browse: (cd {folder} && {command}), then {address}"


def open_store(tracking: Tracking) -> tuple[MlflowClient, str]:
    """Connect to the store for writing and return a client and the experiment's id; both are created if need be."""
    database = tracking.database if tracking.is_local else None
    with explaining(tracking), one_at_a_time(tracking.uri, database):
        if database is not None:
            ensure_made(database, tracking.artifact_folder.as_uri())
        client, experiment = _connect(tracking)
        if experiment is not None:
            _require_one_place(tracking, experiment.artifact_location)
            _require_writable(experiment.artifact_location)
            offer_view(client, experiment)
            return client, experiment.experiment_id
        location = tracking.artifact_folder.as_uri() if tracking.is_local else None
        _require_writable(location)
        return client, client.create_experiment(tracking.experiment, location, EXPERIMENT_TAGS)


def _require_one_place(tracking: Tracking, location: str) -> None:
    """Raise an InputError if a local store would write to another folder than the configuration says.

    So does one whose file was copied without the folder of its artifacts: it would write into those of the original.
    """
    kept = folder_of(location)
    if tracking.is_local and kept is not None and kept != tracking.artifact_folder:
        raise InputError(
            Code.ARTIFACTS_ELSEWHERE,
            f"{tracking.uri} keeps the artifacts of experiment {tracking.experiment!r} in {kept}, not in "
            f"{tracking.artifact_folder}. If the store was moved, move that folder along; if a run is being written "
            f"there, wait for its end; else say tracking.artifacts={kept}, or name another tracking.experiment.",
        )


def _require_writable(location: str | None) -> None:
    """Raise an OSError unless artifacts can be written, where they go to a folder."""
    folder = folder_of(location)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


def folder_of(location: str | None) -> Path | None:
    """Return the folder that a file URI names; other places have none."""
    parts = urlsplit(location or "")
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


def read_store(tracking: Tracking) -> tuple[MlflowClient, str]:
    """Connect to the store for reading, which creates nothing, and return a client and the experiment's id.

    Raises
    ------
    InputError
        If there is no such store or experiment.
    """
    database = tracking.database if tracking.is_local else None
    with explaining(tracking):
        if database is not None and not is_made(database):
            raise InputError(
                Code.STORE_UNUSABLE, f"{tracking.uri} does not exist, or is not finished: no run was tracked there yet."
            )
        with one_at_a_time(tracking.uri, database):
            client, experiment = _connect(tracking)
    if experiment is None:
        known = ", ".join(sorted(found.name for found in client.search_experiments()))
        raise InputError(
            Code.NO_SUCH_EXPERIMENT, f"{tracking.uri} has no experiment {tracking.experiment!r}; it has {known}."
        )
    return client, experiment.experiment_id


def _connect(tracking: Tracking) -> tuple[MlflowClient, Experiment | None]:
    """Return a client, and the experiment if the store has it."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # a bar for each run that is compared
    uri, credentials = hand_over(tracking.uri)
    os.environ |= credentials
    _tell_mlflow(uri)
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name(tracking.experiment)
    if experiment is not None and experiment.lifecycle_stage != "active":
        raise InputError(
            Code.NO_SUCH_EXPERIMENT,
            f"tracking.experiment={tracking.experiment} was deleted in {tracking.uri}; restore it or name another.",
        )
    if experiment is not None and tracking.is_local and _was_moved(client, tracking, experiment):
        experiment = client.get_experiment(experiment.experiment_id)
    return client, experiment


def _tell_mlflow(uri: str) -> None:
    """Set the store that MLflow's own functions use, and leave its environment variable as the user set it.

    MLflow sets that too, and the next configuration of this process, or of one that it starts, would take it for the
    user's word.
    """
    before = os.environ.get(URI_VARIABLE)
    mlflow.set_tracking_uri(uri)
    if before is None:
        os.environ.pop(URI_VARIABLE, None)
    else:
        os.environ[URI_VARIABLE] = before


def _was_moved(client: MlflowClient, tracking: Tracking, experiment: Experiment) -> bool:
    """Whether the artifacts of a local store came to another folder with it; then it knows them there from now on.

    While a run is written nothing was moved: it is seen under two names, as by a container. What is written would go to
    the other one, which may be gone when the container is.
    """
    folder, kept = tracking.artifact_folder, folder_of(experiment.artifact_location)
    if (
        kept in (None, folder)
        or not os.access(tracking.database, os.W_OK)
        or has_living(client, experiment.experiment_id)
    ):
        return False
    if not follow_artifacts(tracking.database, experiment.experiment_id, folder):
        return False
    log.info("%s was moved: its artifacts are in %s, no longer in %s", tracking.database, folder, kept)
    return True


REMEDIES = {
    ("locked",): "Another program holds it, such as a database browser or a backup: close that and start again.",
    ("readonly", "read-only", "unable to open"): (
        "Allow this user to write the file and its folder, or name another store with tracking.uri."
    ),
    ("full", "no space"): "Free some room on that disk, or name another store with tracking.uri.",
    ("not a database",): "The file is something else: move it away, or name another one with tracking.uri.",
    ("malformed",): "The file is damaged: put back a copy, or save what it holds with `sqlite3 FILE .recover`.",
    ("out-of-date",): (
        "It was made by another version of MLflow: if by an older one, copy it, then run `mlflow db upgrade URI`; if "
        "by a newer one, install that."
    ),
    ("no module named",): "Install what reaches such a store, for PostgreSQL with pip install -e '.[postgresql]'.",
}
"""What to do, by words of which a store says one."""


@contextmanager
def explaining(tracking: Tracking) -> Iterator[None]:
    """Turn what a store raises when it cannot be used, before any work, into one message."""
    try:
        yield
    except STORE_ERRORS as error:
        raise InputError(
            Code.STORE_UNUSABLE, f"tracking.uri={tracking.uri} cannot be used, nothing was computed: {explain(error)}"
        ) from error


def explain(error: BaseException) -> str:
    """Return the line that says what a store found, and what to do about it where that is known."""
    text = str(error).strip() or type(error).__name__
    driver = re.search(r"\(\w+(?:\.\w+)+\) (.*)", text)  # SQLAlchemy names the driver's class before its words
    reason = (driver[1] if driver else text.splitlines()[0])[:300].rstrip(".")
    said = reason.lower()
    remedy = next((advice for signs, advice in REMEDIES.items() if any(words in said for words in signs)), "")
    return f"{reason}. {remedy}".rstrip()
