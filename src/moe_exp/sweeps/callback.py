"""A sweep is one parent run in MLflow with its jobs as children: opened before the first job, closed after the last.

Hydra calls `ParentRun` when a sweep starts. Jobs learn of their parent through an environment variable, so that it does
not matter in which process a launcher puts them. `sweeping` closes the parent whatever became of the jobs.
"""

import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hydra import compose
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, open_dict

from moe_exp.errors import InputError
from moe_exp.experiment.config import Experiment, build
from moe_exp.tracking.processes import terminate_as_exit


def expand(overrides: Sequence[str], config_name: str) -> tuple[str, list[Experiment]]:
    """Name a sweep by what it varies, and compose and build every job in the order in which they will run.

    Raises
    ------
    InputError
        If any job's configuration is wrong.
    """
    try:
        loader = GlobalHydra.instance().config_loader()
        parsed = OverridesParser.create(config_loader=loader).parse_overrides(list(overrides))
        [batch] = BasicSweeper.split_arguments(parsed, max_batch_size=None)
        jobs = [compose_job(job, config_name) for job in batch]
    except HydraException as error:
        raise InputError(str(error)) from error
    varied = [str(override.input_line) for override in parsed if override.is_sweep_override()]
    return " ".join(["sweep", *varied]), jobs


def compose_job(overrides: Sequence[str], config_name: str) -> Experiment:
    """Compose and build one job."""
    config = compose(config_name, list(overrides), return_hydra_config=True)
    hydra = config.hydra
    with open_dict(config):
        del config["hydra"]
    return build(config, dict(hydra.runtime.choices), list(hydra.overrides.task))


class ParentRun(Callback):
    """Opens the parent run of a sweep, once every job's configuration was found to be in order.

    Parameters
    ----------
    project_root : str
        The checkout that the runs' commit is read from.
    """

    def __init__(self, project_root: str) -> None:
        self.project_root = Path(project_root)

    def on_multirun_start(self, config: DictConfig, **_: object) -> None:
        """Check all jobs and open the parent; a sweep that cannot work ends here, before its first job."""
        from moe_exp.sweeps.parent import Parent

        swept = config.hydra.sweeper.params or {}
        overrides = [*(f"{key}={value}" for key, value in swept.items()), *map(str, config.hydra.overrides.task)]
        try:
            name, jobs = expand(overrides, str(config.hydra.job.config_name))
            _at_end.callback(Parent.open(name, overrides, jobs, self.project_root).close)
        except Exception as error:  # Hydra would turn an exception of a callback into a warning
            if not isinstance(error, InputError | OSError):
                traceback.print_exc()
            print(f"The sweep was not started: {error}", file=sys.stderr)
            sys.exit(1)


_at_end = ExitStack()


@contextmanager
def sweeping() -> Iterator[None]:
    """Close the parent run that a sweep opened within, whatever became of its jobs."""
    with terminate_as_exit(), _at_end:
        yield
