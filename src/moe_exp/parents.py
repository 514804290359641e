"""The parent run of a sweep: what was asked for, how far it came, and the comparison of its jobs at the end."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from moe_exp.config import Experiment
from moe_exp.errors import InputError
from moe_exp.evaluation.comparison import compare
from moe_exp.jobs import PARENT_VARIABLE
from moe_exp.pipeline import check
from moe_exp.record import record_comparison, run_tags
from moe_exp.runs import make_records
from moe_exp.tracking import RunStatus, TrackedRun, Tracking, open_run, runs_of_parent

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parent:
    """The open parent run of a sweep.

    Attributes
    ----------
    run : TrackedRun
    tracking : Tracking
    n_jobs : int
    """

    run: TrackedRun
    tracking: Tracking
    n_jobs: int

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
        run.log_metrics({"sweep/n_jobs": len(jobs)})
        os.environ[PARENT_VARIABLE] = run.run_id
        log.info("%s: %d jobs -> %s", name, len(jobs), tracking.describe())
        return cls(run, tracking, len(jobs))

    def close(self) -> None:
        """Compare the jobs that finished, and close the run: FAILED if any did not."""
        os.environ.pop(PARENT_VARIABLE, None)
        finished = runs_of_parent(self.tracking, self.run.run_id)
        self.run.log_metrics({"sweep/n_finished": len(finished)})
        try:
            if finished:
                record_comparison(self.run, compare(make_records(self.tracking, finished)))
        except InputError as error:
            log.error("the jobs are not compared: %s", error)
            self.run.log_tags({"comparison": str(error)[:5000]})
        n_missing = self.n_jobs - len(finished)
        if n_missing:
            self.run.close(RunStatus.FAILED, f"{n_missing} of {self.n_jobs} jobs did not finish")
        else:
            self.run.close(RunStatus.FINISHED)
