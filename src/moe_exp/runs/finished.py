"""From finished runs in MLflow to the records that a comparison takes."""

from collections.abc import Iterable

from moe_exp import names
from moe_exp.comparison import RunRecord
from moe_exp.errors import InputError
from moe_exp.evaluation.predictions import Predictions
from moe_exp.tracking import LoggedRun, Tracking, fetch_artifact, find_runs, get_run, runs_of_parent

MOST_NAMED = 10
"""Runs that a message lists by name."""


def select_runs(tracking: Tracking, run_ids: Iterable[str], condition: str) -> list[LoggedRun]:
    """Return finished runs by id (a sweep's id stands for its jobs), or all that an MLflow filter accepts.

    Raises
    ------
    InputError
        If an id is unknown or nothing is found; the message says what there is.
    """
    run_ids = list(run_ids)
    if not run_ids:
        found = [run for run in find_runs(tracking, condition) if names.TAG_TEST_DIGEST in run.tags]
        if not found:
            there = sorted({run.name for run in find_runs(tracking) if names.TAG_TEST_DIGEST in run.tags})
            more = f"; and {len(there) - MOST_NAMED} more" if len(there) > MOST_NAMED else ""
            raise InputError(
                f"No finished run of experiment {tracking.experiment!r} in {tracking.uri} matches {condition!r}; there "
                f"are {len(there)}: {'; '.join(there[:MOST_NAMED]) or 'none'}{more}."
            )
        return found
    named = [get_run(tracking, run_id) for run_id in run_ids]
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
    digests = {
        "train_digest": names.TAG_TRAIN_DIGEST,
        "gate_digest": names.TAG_GATE_DIGEST,
        "test_digest": names.TAG_TEST_DIGEST,
    }
    missing = sorted(
        {*digests.values(), names.TAG_NOISE_DRAW, names.TAG_N_TRAIN, names.TAG_PREDICTIONS_DIGEST} - set(run.tags)
    )
    if missing:
        raise InputError(
            f"Run {run.name!r} ({run.run_id}) has no tag {', '.join(missing)}: it was made by another version, and "
            f"cannot be compared; run it again."
        )
    predictions = _read_predictions(tracking, run)
    return RunRecord(
        run_id=run.run_id,
        name=run.name,
        gate=run.parameters[names.PARAMETERS["gate"]],
        n_train=int(run.tags[names.TAG_N_TRAIN]),
        noise_level=float(run.parameters[names.PARAMETERS["noise_level"]]),
        seed=int(run.parameters[names.PARAMETERS["seed"]]),
        data_seed=int(run.parameters[names.PARAMETERS["data_seed"]]),
        **{name: run.tags[tag] for name, tag in digests.items()},
        noise_draw=run.tags[names.TAG_NOISE_DRAW],
        clip=predictions.clip,
        predictions=predictions,
        parameters=run.parameters,
    )


def _read_predictions(tracking: Tracking, run: LoggedRun) -> Predictions:
    """Read the predictions of a run, and refuse those that are not what it logged."""
    path = fetch_artifact(tracking, run, names.PREDICTIONS_FILE)
    try:
        return Predictions.read(path, run.tags[names.TAG_PREDICTIONS_DIGEST])
    except InputError as error:
        raise InputError(
            f"Run {run.name!r} ({run.run_id}): {error} Run it again with tracking.resume=false."
        ) from error


def newest_runs(runs: Iterable[LoggedRun]) -> list[LoggedRun]:
    """Return runs, the newest of those with one identity."""
    return list({run.tags.get(names.TAG_IDENTITY, run.run_id): run for run in runs}.values())
