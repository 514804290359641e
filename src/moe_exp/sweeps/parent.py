"""The parent run of a sweep: what was asked for, how far it came, and the comparison of its jobs at the end."""

import logging
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from moe_exp import names
from moe_exp.codes import Code, tagged
from moe_exp.comparison.looks import Looks
from moe_exp.credentials import redact
from moe_exp.errors import InputError
from moe_exp.experiment.checks import check
from moe_exp.experiment.config import Experiment
from moe_exp.program import print_no_more, tell_workers, terminate_as_exit
from moe_exp.runs.conclusions import Conclusions, conclude
from moe_exp.runs.identity import identify
from moe_exp.runs.looks import check_plan, family_of
from moe_exp.runs.membership import CUT_SHORT, PARENT_VARIABLE, Members, about_the_others, find_members
from moe_exp.runs.print_conclusions import print_conclusions
from moe_exp.runs.recording import origin_tags
from moe_exp.runs.recording_sweeps import record_conclusions
from moe_exp.tracking import (
    LoggedRun,
    RunStatus,
    TrackedRun,
    Tracking,
    open_run,
    patiently,
    send_left_behind,
    settle_dead_runs,
)

log = logging.getLogger(__name__)


LONGEST_READ_S = 60
"""How long to try to read runs that the store says are there [s]: what they lack may also be lost."""


@dataclass(frozen=True)
class Parent:
    """The open parent run of a sweep.

    Attributes
    ----------
    run : TrackedRun
    settings : Experiment
        The first job: its hypotheses, evaluation and tracking are those of the sweep.
    n_jobs : int or None
        Different ones; None where the sweeper chooses them as it goes.
    command : str
        What was typed.
    noise_level : float or None
        From which the sweep departs: the report answers for it.
    """

    run: TrackedRun
    settings: Experiment
    n_jobs: int | None
    command: str
    noise_level: float | None

    @property
    def tracking(self) -> Tracking:
        """Where the sweep is tracked."""
        return self.settings.tracking

    @classmethod
    def open(
        cls,
        name: str,
        overrides: Sequence[str],
        jobs: Sequence[Experiment],
        project_root: Path,
        *,
        is_grid: bool,
        noise_level: float | None,
        looks: Looks | None = None,
    ) -> "Parent":
        """Open the parent run of `jobs`, and tell them of it through the environment.

        Without a grid, `jobs` holds the one that says what all have in common, or with `looks` those of one seed.

        Raises
        ------
        InputError
            If a job cannot work, or the store cannot be used.
        """
        for job in jobs:
            check(job)
        tracking: Tracking = jobs[0].tracking
        places = {f"{job.tracking.experiment!r} of {redact(job.tracking.uri)}" for job in jobs}
        if len(places) > 1:
            raise InputError(
                Code.UNKNOWN_CHOICE,
                f"tracking: the jobs of a sweep go to one experiment, not to {' and '.join(sorted(places))}; start a "
                f"sweep for each.",
            )
        tags = origin_tags(project_root) | {names.TAG_OVERRIDES: " ".join(overrides)}
        if looks is not None:
            tags |= {names.TAG_FAMILY: family_of(jobs)}
            check_plan(tracking, tags[names.TAG_FAMILY], looks)
        run = open_run(tracking, run_name=name, parameters={}, tags=tags)
        n_jobs = len({identify(job) for job in jobs}) if is_grid else None
        if n_jobs is not None:
            run.log_metrics({names.METRIC_N_JOBS: n_jobs})
        os.environ[PARENT_VARIABLE] = run.run_id
        tell_workers()
        log.info("%s: %s jobs -> %s", name, n_jobs or "as yet unknown", tracking.describe(run.experiment_id))
        return cls(run, jobs[0], n_jobs, shlex.join(["python", "train.py", *sys.argv[1:]]), noise_level)

    def look(self, looks: Looks) -> Mapping[str, str]:
        """Count one more look, take it, and return the verdicts on all hypotheses."""
        self.run.log_tags({names.TAG_LOOKS: looks.to_json()})
        counts = {names.METRIC_N_LOOKS: looks.n_taken, names.METRIC_SPENT: looks.spent}
        self.run.log_metrics({**counts, names.METRIC_LOOK_CONFIDENCE: looks.confidence}, step=looks.n_taken)
        finished, _ = patiently(self._gather, self.tracking.patience)
        verdicts = self._compare(finished, looks).verdicts
        said = ", ".join(f"{name} {verdict}" for name, verdict in verdicts.items())
        place = f"look {looks.n_taken} of at most {len(looks.planned)}, with {len(looks.seeds)} of {looks.option}"
        log.info("%s, at %.10g %%: %s", place, 100 * looks.confidence, said)
        return verdicts

    def stop(self, reason: str) -> None:
        """Keep why no more seeds are added."""
        self.run.log_tags({names.TAG_STOPPED: reason})
        log.info("no more seeds are added: %s", reason)

    def close(self, *, ended_early: bool, looks: Looks | None = None) -> None:
        """Compare the jobs that finished, report, and close the run: FAILED if any job did not finish.

        Jobs that the sweeper chose are those that began; with `ended_early` there would have been more. With `looks`
        those are compared that were looked at, once more at the level of the last look.
        """
        os.environ.pop(PARENT_VARIABLE, None)
        try:
            with terminate_as_exit():
                finished, failed = patiently(self._gather, self.tracking.patience)
        except BaseException as error:
            self.run.close(RunStatus.FAILED, f"the jobs cannot be compared: {error}")
            raise
        n_jobs = len(finished) + len(failed) if self.n_jobs is None else self.n_jobs
        counts = {names.METRIC_N_FINISHED: len(finished), names.METRIC_N_JOBS: n_jobs}
        self.run.log_metrics(counts, step=len(finished))
        missing = _name_missing(n_jobs - len(finished), n_jobs, failed)
        if looks is not None:
            finished = [run for run in finished if int(run.parameters[looks.option]) in looks.seeds]
        if ended_early and self.n_jobs is None:
            missing = "; ".join([CUT_SHORT, *([missing] if missing else [])])
        try:
            with terminate_as_exit():
                conclusions, compared = self._conclude(finished, missing, looks)
        except BaseException as error:
            self.run.close(RunStatus.FAILED, f"the comparison of the jobs failed: {error}")
            raise
        self.run.close(RunStatus.FAILED if missing else RunStatus.FINISHED, missing)
        if missing:
            log.error("%s", tagged(Code.JOBS_MISSING, missing))
        log.info("%d of %d jobs finished; %s", len(finished), n_jobs, compared)
        if conclusions:
            _print(conclusions)

    def _gather(self) -> Members:
        """Find the jobs' runs, once what waits on this disk was sent and dead ones were marked."""
        send_left_behind(self.tracking)
        settle_dead_runs(self.tracking)
        return find_members(self.tracking, self.run.run_id)

    def _compare(self, finished: Sequence[LoggedRun], looks: Looks | None) -> Conclusions:
        """Compare jobs, and judge the hypotheses of the sweep."""
        settings = self.settings
        judge = partial(
            conclude,
            self.tracking,
            finished,
            hypotheses=settings.hypotheses,
            n_resamples=settings.evaluation.n_resamples,
            confidence=settings.evaluation.confidence,
            noise_level=self.noise_level,
            looks=looks,
        )
        return patiently(judge, min(self.tracking.patience, LONGEST_READ_S))

    def _conclude(
        self, finished: Sequence[LoggedRun], missing: str, looks: Looks | None
    ) -> tuple[Conclusions | None, str]:
        """Compare and report, and say where the report is, or why these jobs cannot be compared."""
        if not finished:
            return None, "there is nothing to compare"
        try:
            conclusions = self._compare(finished, looks)
        except InputError as error:
            self.run.describe(f"Its jobs are not compared: {error}")
            self.run.log_tags({names.TAG_COMPARISON: str(error)[:5000]})
            return None, f"they are not compared: {error}"
        record_conclusions(self.run, conclusions, command=self.command, remarks=about_the_others(missing))
        for name, verdict in conclusions.verdicts.items():
            log.info("hypothesis %s: %s", name, verdict)
        return conclusions, f"their comparison: {self.run.locate(names.REPORT_FILE)}"


def _print(conclusions: Conclusions) -> None:
    """Print what the report says as well, when the sweep is closed: who reads it may have gone, as with ``| head``."""
    try:
        print_conclusions(conclusions)
        sys.stdout.flush()
    except OSError as error:
        log.info("the tables cannot be printed: %s", error)
        print_no_more()


def _name_missing(n_missing: int, n_jobs: int, failed: Sequence[LoggedRun]) -> str:
    """Say how many jobs did not finish and what those that began say; nothing if none is missing."""
    if not n_missing:
        return ""
    said = [f"{run.name}: {run.tags.get(names.TAG_ERROR, run.status).splitlines()[0]}" for run in failed]
    return "; ".join([f"{n_missing} of {n_jobs} jobs did not finish", *said])
