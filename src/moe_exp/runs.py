"""From finished runs in MLflow to the records that a comparison takes."""

import re
from collections.abc import Iterable

import pandas as pd

from moe_exp.errors import InputError
from moe_exp.evaluation.comparison import RunRecord
from moe_exp.evaluation.predictions import Predictions
from moe_exp.tracking import LoggedRun, Tracking, fetch_artifact, find_runs, get_run, runs_of_parent

FACTORS = {"data", "gate", "data.n_train", "data.noise_level", "data.seed", "seed", "experts.clip"}
"""Parameters that a comparison knows by themselves."""

NO_MATTER = (
    "data.path",
    "data.val_path",
    "data.test_path",
    "device",
    "baseline",
    "evaluation",
    "tracking",
    "cache",
    "hypotheses",
)
"""Parameters, and groups of them, that do not change what is compared; digests tell one file from another."""


def select_runs(tracking: Tracking, names: Iterable[str], condition: str) -> list[LoggedRun]:
    """Return finished runs by id (a sweep's id stands for its jobs), or all that an MLflow filter accepts.

    Raises
    ------
    InputError
        If an id is unknown or nothing is found; the message says what there is.
    """
    names = list(names)
    if not names:
        found = [run for run in find_runs(tracking, condition) if "data.test_digest" in run.tags]
        if not found:
            there = sorted({run.name for run in find_runs(tracking) if "data.test_digest" in run.tags})
            raise InputError(
                f"No finished run of experiment {tracking.experiment!r} in {tracking.uri} matches {condition!r}; there "
                f"are {len(there)}: {'; '.join(there[:10]) or 'none'}."
            )
        return found
    return [run for name in names for run in runs_of_parent(tracking, name) or [get_run(tracking, name)]]


def make_record(tracking: Tracking, run: LoggedRun) -> RunRecord:
    """Read one run's predictions and say what it is.

    Raises
    ------
    InputError
        If the run lacks what a comparison needs.
    """
    needed = {"data.test_digest", "data.noise_draw", "data.n_train"}
    missing = sorted(needed - set(run.tags))
    if missing:
        raise InputError(f"Run {run.name!r} ({run.run_id}) has no tag {', '.join(missing)}: it cannot be compared.")
    predictions = Predictions.from_frame(pd.read_parquet(fetch_artifact(tracking, run, "predictions.parquet")))
    return RunRecord(
        run_id=run.run_id,
        name=run.name,
        gate=run.parameters["gate"],
        n_train=int(run.tags["data.n_train"]),
        noise_level=float(run.parameters["data.noise_level"]),
        seed=int(run.parameters["seed"]),
        data_seed=int(run.parameters["data.seed"]),
        test_digest=run.tags["data.test_digest"],
        noise_draw=run.tags["data.noise_draw"],
        clip=predictions.clip,
        predictions=predictions,
        design={name: value for name, value in run.parameters.items() if _is_design(name)},
    )


def _is_design(name: str) -> bool:
    return name not in FACTORS and not re.fullmatch(rf"({'|'.join(NO_MATTER)})([_.].*)?", name)


def make_records(tracking: Tracking, runs: Iterable[LoggedRun]) -> list[RunRecord]:
    """Read all runs; of several with one identity the newest counts."""
    newest = {run.tags.get("identity", run.run_id): run for run in runs}
    return [make_record(tracking, run) for run in newest.values()]
