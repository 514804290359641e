"""From finished runs in MLflow to the records that a comparison takes."""

import re
from collections.abc import Iterable

from moe_exp.errors import InputError
from moe_exp.evaluation.comparison import RunRecord
from moe_exp.evaluation.predictions import Predictions
from moe_exp.tracking import LoggedRun, Tracking, fetch_artifact, find_runs, get_run, runs_of_parent

IDENTITY_TAG = "identity"
"""Tag of what decides a run's numbers."""

FACTORS = {"data", "gate", "data.n_train", "data.noise_level", "data.seed", "seed", "experts.clip"}
"""Parameters that a comparison knows by themselves."""

NO_MATTER = (
    "data.path",
    "data.val_path",
    "data.test_path",
    "device",
    "evaluation",
    "tracking",
    "cache",
    "hypotheses",
)
"""Parameters, and groups of them, that do not change what is compared; digests tell one file from another."""


MOST_NAMED = 10
"""Runs that a message lists by name."""


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
            more = f"; and {len(there) - MOST_NAMED} more" if len(there) > MOST_NAMED else ""
            raise InputError(
                f"No finished run of experiment {tracking.experiment!r} in {tracking.uri} matches {condition!r}; there "
                f"are {len(there)}: {'; '.join(there[:MOST_NAMED]) or 'none'}{more}."
            )
        return found
    named = [get_run(tracking, name) for name in names]
    chosen = [run for parent in named for run in runs_of_parent(tracking, parent.run_id) or [parent]]
    unfinished = [f"{run.name} ({run.run_id}) is {run.status}" for run in chosen if run.status != "FINISHED"]
    if unfinished:
        raise InputError(f"Only finished runs can be compared: {'; '.join(unfinished)}.")
    return chosen


def make_record(tracking: Tracking, run: LoggedRun) -> RunRecord:
    """Read one run's predictions and say what it is.

    Raises
    ------
    InputError
        If the run lacks what a comparison needs.
    """
    digests = {f"{part}_digest": f"data.{part}_digest" for part in ("train", "gate", "test")}
    missing = sorted({*digests.values(), "data.noise_draw", "data.n_train", "predictions.digest"} - set(run.tags))
    if missing:
        raise InputError(
            f"Run {run.name!r} ({run.run_id}) has no tag {', '.join(missing)}: it was made by another version, and "
            f"cannot be compared; run it again."
        )
    predictions = _read_predictions(tracking, run)
    return RunRecord(
        run_id=run.run_id,
        name=run.name,
        gate=run.parameters["gate"],
        n_train=int(run.tags["data.n_train"]),
        noise_level=float(run.parameters["data.noise_level"]),
        seed=int(run.parameters["seed"]),
        data_seed=int(run.parameters["data.seed"]),
        **{name: run.tags[tag] for name, tag in digests.items()},
        noise_draw=run.tags["data.noise_draw"],
        clip=predictions.clip,
        predictions=predictions,
        design={name: value for name, value in run.parameters.items() if _is_design(name)},
    )


def _read_predictions(tracking: Tracking, run: LoggedRun) -> Predictions:
    """Read the predictions of a run, and refuse those that are not what it logged."""
    path = fetch_artifact(tracking, run, "predictions.parquet")
    try:
        return Predictions.read(path, run.tags["predictions.digest"])
    except InputError as error:
        raise InputError(
            f"Run {run.name!r} ({run.run_id}): {error} Run it again with tracking.resume=false."
        ) from error


def _is_design(name: str) -> bool:
    return name not in FACTORS and not re.fullmatch(rf"({'|'.join(NO_MATTER)})([_.].*)?", name)


def newest_runs(runs: Iterable[LoggedRun]) -> list[LoggedRun]:
    """Return runs, the newest of those with one identity."""
    return list({run.tags.get(IDENTITY_TAG, run.run_id): run for run in runs}.values())
