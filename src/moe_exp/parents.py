"""The parent run of a sweep: what was asked for, how far it came, and the comparison of its jobs at the end."""

import logging
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from moe_exp.conclusions import conclude
from moe_exp.config import Experiment
from moe_exp.errors import InputError
from moe_exp.jobs import PARENT_VARIABLE, count_finished, identify
from moe_exp.pipeline import check
from moe_exp.record import record_conclusions, run_tags
from moe_exp.tracking import LoggedRun, RunStatus, TrackedRun, Tracking, open_run, settle_dead_runs

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parent:
    """The open parent run of a sweep.

    Attributes
    ----------
    run : TrackedRun
    settings : Experiment
        The first job: its hypotheses, evaluation and tracking are those of the sweep.
    n_jobs : int
        Different ones.
    command : str
        What was typed.
    """

    run: TrackedRun
    settings: Experiment
    n_jobs: int
    command: str

    @property
    def tracking(self) -> Tracking:
        """Where the sweep is tracked."""
        return self.settings.tracking

    @classmethod
    def open(cls, name: str, overrides: Sequence[str], jobs: Sequence[Experiment], project_root: Path) -> "Parent":
        """Open the parent run of `jobs`, and tell them of it through the environment.

        Raises
        ------
        InputError
            If a job cannot work, or the store cannot be used.
        """
        for job in jobs:
            check(job)
        tracking: Tracking = jobs[0].tracking
        tags = run_tags(jobs[0], project_root) | {"sweep.overrides": " ".join(overrides)}
        run = open_run(tracking, run_name=name, parameters={}, tags=tags)
        n_jobs = len({identify(job) for job in jobs})
        run.log_metrics({"sweep/n_jobs": n_jobs})
        os.environ[PARENT_VARIABLE] = run.run_id
        log.info("%s: %d jobs -> %s", name, n_jobs, tracking.describe())
        return cls(run, jobs[0], n_jobs, shlex.join(["python", "train.py", "-m", *overrides]))

    def close(self) -> None:
        """Compare the jobs that finished, report, and close the run: FAILED if any job did not finish."""
        os.environ.pop(PARENT_VARIABLE, None)
        settle_dead_runs(self.tracking)
        finished = count_finished(self.tracking, self.run.run_id)
        n_missing = self.n_jobs - len(finished)
        missing = f"{n_missing} of {self.n_jobs} jobs did not finish"
        try:
            if finished:
                self._conclude(finished, [f"{missing}; this report is about the others."] * bool(n_missing))
        except InputError as error:
            log.error("the jobs are not compared: %s", error)
            self.run.log_tags({"comparison": str(error)[:5000]})
        except BaseException as error:
            self.run.close(RunStatus.FAILED, f"the comparison of the jobs failed: {error}")
            raise
        self.run.close(RunStatus.FAILED if n_missing else RunStatus.FINISHED, missing * bool(n_missing))
        log.info(
            "%d of %d jobs finished; their comparison: %s", len(finished), self.n_jobs, self.run.locate("report.html")
        )

    def _conclude(self, finished: Sequence[LoggedRun], remarks: Sequence[str]) -> None:
        settings = self.settings
        conclusions = conclude(
            self.tracking,
            finished,
            hypotheses=settings.hypotheses,
            n_resamples=settings.evaluation.n_resamples,
            confidence=settings.evaluation.confidence,
        )
        record_conclusions(self.run, conclusions, command=self.command, remarks=remarks)
        for name, verdict in conclusions.verdicts.items():
            log.info("hypothesis %s: %s", name, verdict)
