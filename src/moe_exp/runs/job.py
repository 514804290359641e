"""A job: an experiment that was configured becomes a finished MLflow run."""

import logging
import math
from functools import partial
from pathlib import Path

from moe_exp import names
from moe_exp.cache.stages import in_use
from moe_exp.experiment.checks import check
from moe_exp.experiment.config import Experiment, flatten
from moe_exp.experiment.pipeline import run
from moe_exp.machine import choose_device
from moe_exp.program import end_with_starter
from moe_exp.progress import Stages
from moe_exp.runs.identity import identify
from moe_exp.runs.membership import enter, parent_of_this_process
from moe_exp.runs.models import record_model
from moe_exp.runs.recording import (
    describe,
    gate_tags,
    origin_tags,
    record_dataset,
    record_outcome,
    record_start,
)
from moe_exp.runs.run_names import name_run
from moe_exp.tracking import closing, has_tag, newest_run, open_run, patiently, send_left_behind

log = logging.getLogger(__name__)


def run_job(experiment: Experiment, project_root: Path) -> float:
    """Run one experiment and log it; return the gate's least hold-out loss, the one number that may be optimised.

    It is NaN for a gate that is not trained step by step. Test stars have no part in it.

    Within a sweep, a job that an earlier sweep finished already is not run again, unless `tracking.resume` is false.

    Raises
    ------
    InputError
        If an option, the data or the tracking store cannot be used.
    """
    check(experiment)
    parent_id = parent_of_this_process()
    end_with_starter()
    identity = identify(experiment)
    patience = experiment.tracking.patience if parent_id else 0
    if parent_id and experiment.tracking.resume:
        send_left_behind(experiment.tracking)
        finished = partial(newest_run, experiment.tracking, has_tag(names.TAG_IDENTITY, identity))
        earlier = patiently(finished, patience)
        if earlier:
            log.info("skipped: %r finished already (run %s)", earlier.name, earlier.run_id)
            patiently(
                partial(enter, experiment.tracking, parent_id, identity=identity, run_id=earlier.run_id), patience
            )
            return earlier.metrics.get(names.METRIC_BEST_HOLDOUT_LOSS, math.nan)
    made = {names.TAG_IDENTITY: identity, names.TAG_DEVICE: choose_device(experiment.device)}
    opened = open_run(
        experiment.tracking,
        run_name=experiment.tracking.run_name or name_run(experiment),
        parameters=flatten(experiment.values, experiment.choices),
        tags=origin_tags(project_root) | gate_tags(experiment) | made,
        parent_id=parent_id,
        patience_s=patience,
    )
    with closing(opened) as tracked, in_use(experiment.cache_dir):
        log.info("run %r -> %s", tracked.name, experiment.tracking.describe(tracked.experiment_id))
        record_start(tracked, experiment, project_root)
        stages = Stages()
        outcome = run(experiment, stages)
        with stages.stage("log"):
            record_dataset(tracked, outcome.dataset)
            record_outcome(tracked, outcome, experiment.tracking.formats(in_sweep=bool(parent_id)))
            record_model(tracked, outcome)
    if parent_id and opened.is_sent:  # of others the sweep learns when they are sent
        patiently(partial(enter, experiment.tracking, parent_id, identity=identity, run_id=opened.run_id), patience)
    log.info("%s", describe(outcome).replace("\n\n", "\n"))
    return outcome.mixture.gate.best_holdout_loss
