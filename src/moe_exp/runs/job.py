"""Jobs and sweeps: an experiment that was configured becomes a finished MLflow run, several become a sweep."""

import logging
import os
from pathlib import Path

from moe_exp import names
from moe_exp.cache.stages import in_use
from moe_exp.experiment.checks import check
from moe_exp.experiment.config import Experiment, flatten
from moe_exp.experiment.pipeline import run
from moe_exp.progress import Stages
from moe_exp.runs.contents import (
    describe,
    gate_tags,
    name_run,
    origin_tags,
    record_dataset,
    record_outcome,
    record_start,
)
from moe_exp.runs.finished import newest_runs
from moe_exp.runs.identity import identify
from moe_exp.tracking import (
    LoggedRun,
    Tracking,
    closing,
    find_runs,
    has_tag,
    open_run,
    resume_run,
    runs_of_parent,
)

log = logging.getLogger(__name__)

PARENT_VARIABLE = "MOE_EXP_PARENT_RUN"
"""Environment variable that tells a job the MLflow run of its sweep."""


def run_job(experiment: Experiment, project_root: Path) -> float:
    """Run one experiment and log it; return R² of the mixture on the covered test stars.

    Within a sweep, a job that an earlier sweep finished already is not run again, unless `tracking.resume` is false.

    Raises
    ------
    InputError
        If an option, the data or the tracking store cannot be used.
    """
    check(experiment)
    parent_id = os.environ.get(PARENT_VARIABLE)
    identity = identify(experiment)
    if parent_id and experiment.tracking.resume:
        earlier = find_runs(experiment.tracking, has_tag(names.TAG_IDENTITY, identity))
        if earlier:
            finished = earlier[-1]
            log.info("skipped: %r finished already (run %s)", finished.name, finished.run_id)
            resume_run(experiment.tracking, parent_id).log_tags({names.TAGS_SKIPPED + finished.run_id: finished.name})
            count_finished(experiment.tracking, parent_id)
            return finished.metrics[names.METRIC_R2]
    opened = open_run(
        experiment.tracking,
        run_name=experiment.tracking.run_name or name_run(experiment),
        parameters=flatten(experiment.values, experiment.choices),
        tags=origin_tags(project_root) | gate_tags(experiment) | {names.TAG_IDENTITY: identity},
        parent_id=parent_id,
    )
    with closing(opened) as tracked, in_use(experiment.cache_dir):
        log.info("run %r -> %s", tracked.name, experiment.tracking.describe())
        record_start(tracked, experiment, project_root)
        stages = Stages()
        outcome = run(experiment, stages)
        with stages.stage("log"):
            record_dataset(tracked, outcome.dataset)
            record_outcome(tracked, experiment, outcome)
    if parent_id:
        count_finished(experiment.tracking, parent_id)
    log.info("%s", describe(outcome).replace("\n\n", "\n"))
    return outcome.results.pooled.r2("soft").value


def count_finished(tracking: Tracking, parent_id: str) -> list[LoggedRun]:
    """Return the jobs of a sweep that have finished, each once, and tell its parent run how many they are."""
    finished = newest_runs(runs_of_parent(tracking, parent_id))
    resume_run(tracking, parent_id).log_metrics({names.METRIC_N_FINISHED: len(finished)}, step=len(finished))
    return finished
