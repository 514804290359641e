"""Which runs belong together: those of a sweep, and those that a user names.

Each job enters itself in its parent run, where one look tells how far the sweep is.

A job that an earlier sweep finished already enters that run in its place, so that the children which the store knows
are not all of a sweep's runs.
"""

import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from moe_exp import names
from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.tracking import LoggedRun, Tracking, add_to_run, children_of, find_runs, get_run

PARENT_VARIABLE = "MOE_EXP_PARENT_RUN"
"""Environment variable that tells a job the MLflow run of its sweep."""

CUT_SHORT = "the sweeper did not come to its end"
"""What a sweep says whose jobs were chosen as they came, and that was stopped."""

MOST_NAMED = 10
"""Runs that a message lists by name."""


def parent_of_this_process() -> str | None:
    """Return the id of the sweep's run that this process works for; None for a job by itself."""
    return os.environ.get(PARENT_VARIABLE)


def enter(tracking: Tracking, parent_id: str, *, identity: str, run_id: str) -> None:
    """Enter a finished run in its parent under its identity, and log how many different ones have finished."""
    entry = names.TAGS_JOB + identity
    n_entered = len({*entered(get_run(tracking, parent_id)), entry})
    metrics = {names.METRIC_N_FINISHED: float(n_entered)}
    add_to_run(tracking, parent_id, tags={entry: run_id}, metrics=metrics, step=n_entered)


class Members(NamedTuple):
    """The jobs of a sweep that have ended."""

    finished: list[LoggedRun]
    """each identity once, the oldest first; earlier runs in the place of skipped jobs among them"""
    failed: list[LoggedRun]
    """those that failed or were stopped"""


def find_members(tracking: Tracking, parent_id: str) -> Members:
    """Return the runs of a sweep; none for a run that is no sweep."""
    children = children_of(tracking, parent_id)
    finished = [run for run in children if run.status == "FINISHED"]
    known = {run.run_id for run in finished}
    others = set(entered(get_run(tracking, parent_id)).values()) - known
    finished += [run for run_id in others if (run := _find(tracking, run_id))]
    return Members(newest_runs(finished), [run for run in children if run.status in ("FAILED", "KILLED")])


def _find(tracking: Tracking, run_id: str) -> LoggedRun | None:
    """Return a run, if it was not deleted."""
    try:
        return get_run(tracking, run_id)
    except InputError as error:
        if error.code != Code.NO_SUCH_RUN:
            raise
        return None


def find_sweep(tracking: Tracking, run_ids: Sequence[str]) -> LoggedRun | None:
    """Return the sweep that one id names; None for several, or for that of a job."""
    if len(run_ids) != 1:
        return None
    named = get_run(tracking, run_ids[0])
    return named if find_members(tracking, named.run_id).finished else None


def remark_gaps(sweep: LoggedRun | None, n_runs: int) -> list[str]:
    """Say, for those who read what `n_runs` jobs of a sweep say together, if that is not all of them."""
    if sweep is None:
        return []
    n_jobs = round(sweep.metrics.get(names.METRIC_N_JOBS, 0))
    if sweep.status == "RUNNING":
        of_all = f" of {n_jobs}" if n_jobs else ""
        return [f"The sweep has not ended; this report is about the {n_runs}{of_all} jobs that have finished so far."]
    said = sweep.tags.get(names.TAG_ERROR, "") if sweep.status != "FINISHED" else ""
    if n_runs < n_jobs:
        return about_the_others(said or f"{n_jobs - n_runs} of {n_jobs} jobs are missing")
    return [f"More jobs might have come: {CUT_SHORT}."] if CUT_SHORT in said else []


def about_the_others(missing: str) -> list[str]:
    """Return the remark on what is missing; none if nothing is."""
    return [f"{missing.rstrip('.')}. This report is about the others."] if missing else []


def entered(parent: LoggedRun) -> dict[str, str]:
    """Return the ids of the runs that are entered in a parent, by the tags that hold them."""
    return {name: run_id for name, run_id in parent.tags.items() if name.startswith(names.TAGS_JOB)}


def newest_runs(runs: Iterable[LoggedRun]) -> list[LoggedRun]:
    """Return runs by the time they started, of those with one identity the newest."""
    by_start = sorted(runs, key=lambda run: run.started)
    newest = {run.tags.get(names.TAG_IDENTITY, run.run_id): run for run in by_start}
    return sorted(newest.values(), key=lambda run: run.started)


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
                Code.NO_FINISHED_RUN,
                f"No finished run of experiment {tracking.experiment!r} in {tracking.uri} matches {condition!r}; there "
                f"are {len(there)}: {'; '.join(there[:MOST_NAMED]) or 'none'}{more}.",
            )
        return found
    named = [get_run(tracking, run_id) for run_id in run_ids]
    chosen = [run for each in named for run in find_members(tracking, each.run_id).finished or [each]]
    unfinished = [f"{run.name} ({run.run_id}) is {run.status}" for run in chosen if run.status != "FINISHED"]
    if unfinished:
        raise InputError(Code.RUN_NOT_FINISHED, f"Only finished runs can be compared: {'; '.join(unfinished)}.")
    return chosen
