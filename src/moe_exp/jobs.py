"""One job: an experiment that was configured becomes a finished MLflow run."""

import logging
from pathlib import Path

from moe_exp.config import Experiment, flatten
from moe_exp.pipeline import check, run
from moe_exp.progress import Stages
from moe_exp.record import describe, name_run, record_dataset, record_outcome, record_start, run_tags
from moe_exp.tracking import closing, open_run

log = logging.getLogger(__name__)


def run_job(experiment: Experiment, project_root: Path) -> float:
    """Run one experiment and log it; return R² of the mixture on the covered test stars.

    Raises
    ------
    InputError
        If an option, the data or the tracking store cannot be used.
    """
    check(experiment)
    name = name_run(experiment)
    tags = run_tags(experiment, project_root)
    parameters = flatten(experiment.values, experiment.choices)
    opened = open_run(
        experiment.tracking, run_name=experiment.tracking.run_name or name, parameters=parameters, tags=tags
    )
    with closing(opened) as tracked:
        log.info("run %r -> %s", tracked.name, experiment.tracking.describe())
        record_start(tracked, experiment, project_root)
        stages = Stages()
        outcome = run(experiment, stages)
        with stages.stage("log"):
            record_dataset(tracked, outcome.dataset, experiment)
            record_outcome(tracked, outcome)
    log.info("%s", describe(outcome).replace("\n\n", "\n"))
    return outcome.results.pooled.r2("soft").value
