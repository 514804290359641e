"""MLflow: the store, runs that are being written, and runs as it holds them; no other code talks to it."""

from mlflow.entities import RunStatus

from moe_exp.tracking.models import PortableModel
from moe_exp.tracking.opening import open_run
from moe_exp.tracking.reading import (
    LoggedRun,
    artifacts_of,
    children_of,
    fetched_artifact,
    fetched_model,
    find_runs,
    get_run,
    has_tag,
    newest_run,
    runs_with_tag,
)
from moe_exp.tracking.sending import patiently, send_left_behind
from moe_exp.tracking.settling import settle_dead_runs
from moe_exp.tracking.store import PNG, Tracking, open_store
from moe_exp.tracking.writing import TrackedRun, add_to_run, closing

__all__ = [
    "PNG",
    "LoggedRun",
    "PortableModel",
    "RunStatus",
    "TrackedRun",
    "Tracking",
    "add_to_run",
    "artifacts_of",
    "children_of",
    "closing",
    "fetched_artifact",
    "fetched_model",
    "find_runs",
    "get_run",
    "has_tag",
    "newest_run",
    "open_run",
    "open_store",
    "patiently",
    "runs_with_tag",
    "send_left_behind",
    "settle_dead_runs",
]
