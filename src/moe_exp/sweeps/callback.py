"""A sweep is one parent run in MLflow with its jobs as children: opened before the first job, closed after the last.

Hydra calls `ParentRun` when a sweep starts. Jobs learn of their parent through an environment variable, so that it does
not matter in which process a launcher puts them. `sweeping` closes the parent whatever became of the jobs.
"""

import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from moe_exp.codes import Code, tagged
from moe_exp.credentials import redact
from moe_exp.errors import InputError
from moe_exp.experiment.advice import advise
from moe_exp.experiment.composition import compose_job
from moe_exp.experiment.config import Experiment, make_stage
from moe_exp.program import terminate_as_exit

if TYPE_CHECKING:
    from moe_exp.sweeps.until import Watch

BASIC_SWEEPER = "basic"
"""The sweeper whose jobs are known before the first of them runs; others choose each job by what came out before."""

UNTIL_SWEEPER = "until_decided"
"""The sweeper that adds seeds to a grid; see `until`."""


def parse(overrides: Sequence[str]) -> list[Override]:
    """Read what was typed; a value such as ``glob(*)`` needs the YAML files that Hydra was told of."""
    return OverridesParser.create(config_loader=GlobalHydra.instance().config_loader()).parse_overrides([*overrides])


def grid(overrides: Sequence[Override]) -> list[tuple[str, ...]]:
    """Return what is typed for every job of a grid, in the order in which they will run."""
    choices = [
        [f"{each.get_key_element()}={value}" for value in each.sweep_string_iterator()]
        if each.is_sweep_override()
        else [str(each.input_line)]
        for each in overrides
    ]
    return list(product(*choices))


def expand(overrides: Sequence[Override], config_name: str) -> list[Experiment]:
    """Compose and build every job of a grid.

    Raises
    ------
    InputError
        If any job's configuration is wrong.
    """
    return [compose_job(job, config_name) for job in grid(overrides)]


def configured_noise_level(fixed: Sequence[Override], config_name: str) -> float | None:
    """Return the noise level from which a sweep departs; None where what all jobs share is no configuration."""
    try:
        [common] = expand(fixed, config_name)
    except InputError:
        return None
    return float(common.data.noise_level)


def refuse_credentials(config: DictConfig) -> None:
    """End the program if credentials were typed or stand in a YAML file: Hydra writes both into every run's folder.

    What a variable of the environment holds is not in what Hydra writes.
    """
    text = OmegaConf.to_yaml(config, resolve=False)
    if redact(text) != text:
        refusal = tagged(
            Code.CREDENTIALS_TYPED,
            "An address with a user or a password was typed, or stands in conf/; it would be written into the folder "
            "of every run. Set MLFLOW_TRACKING_URI instead, or let the YAML file read another variable: "
            "uri: ${oc.env:NAME}.",
        )
        print(refusal, file=sys.stderr)
        sys.exit(1)


class ParentRun(Callback):
    """Opens the parent run of a sweep, once every job's configuration was found to be in order.

    Parameters
    ----------
    project_root : str
        The checkout that the runs' commit is read from.
    """

    def __init__(self, project_root: str) -> None:
        self.project_root = Path(project_root)

    def on_run_start(self, config: DictConfig, **_: object) -> None:
        """See that nothing secret is written, before the folder of a single job is made."""
        refuse_credentials(config)

    def on_multirun_start(self, config: DictConfig, **_: object) -> None:
        """Check all jobs and open the parent; a sweep that cannot work ends here, before its first job.

        Of a sweeper that chooses its jobs as it goes, such as Optuna's, only what all of them share can be checked.
        """
        refuse_credentials(config)
        try:
            if config.hydra.runtime.choices["hydra/sweeper"] == UNTIL_SWEEPER:
                self._open_watched(config)
            else:
                self._open(config)
        except Exception as error:  # Hydra would turn an exception of a callback into a warning
            if not isinstance(error, InputError | OSError | HydraException):
                traceback.print_exc()
            hydras = isinstance(error, HydraException)
            said = advise(str(error), self.project_root / "conf") if hydras else error
            print(f"The sweep was not started: {said}", file=sys.stderr)
            sys.exit(1)

    def _open(self, config: DictConfig) -> None:
        """Open the parent of a grid, or of jobs that are chosen as they come."""
        from moe_exp.sweeps.parent import Parent

        hydra = config.hydra
        is_grid = hydra.runtime.choices["hydra/sweeper"] == BASIC_SWEEPER
        swept = (hydra.sweeper.params or {}) if is_grid else {}
        typed = [*(f"{key}={value}" for key, value in swept.items()), *map(str, hydra.overrides.task)]
        parsed = parse(typed)
        varied = [str(each.input_line) for each in parsed if each.is_sweep_override()]
        fixed = [each for each in parsed if not each.is_sweep_override()]
        config_name = str(hydra.job.config_name)
        jobs = expand(parsed if is_grid else fixed, config_name)
        name = " ".join(["sweep", *varied])
        noise_level = configured_noise_level(fixed, config_name)
        parent = Parent.open(name, typed, jobs, self.project_root, is_grid=is_grid, noise_level=noise_level)
        _at_end.push(lambda kind, *_: parent.close(ended_early=kind is not None))

    def _open_watched(self, config: DictConfig) -> None:
        """Open the parent of a grid to which seeds are added."""
        from moe_exp.sweeps.parent import Parent
        from moe_exp.sweeps.until import Budget, UntilDecided, Watch

        hydra = config.hydra
        if config.until is None:
            raise InputError(Code.UNTIL_UNFIT, f"hydra/sweeper={UNTIL_SWEEPER}: type until=decided, which brings it.")
        options: Any = OmegaConf.to_container(config.until, resolve=True)
        settings: UntilDecided = make_stage("until", options)
        typed = [*map(str, hydra.overrides.task)]
        read = parse(typed)
        parsed = [each for each in read if each.key_or_group.partition(".")[0] != "until"]
        if several := [each.input_line for each in read if each not in parsed and each.is_sweep_override()]:
            raise InputError(Code.UNTIL_UNFIT, f"{several[0]}: a sweep adds seeds by one plan; give one value.")
        varied = [each for each in parsed if each.is_sweep_override()]
        fixed = [each for each in parsed if not each.is_sweep_override()]
        config_name = str(hydra.job.config_name)
        jobs = expand(parsed, config_name)
        looks = settings.plan(jobs, [each.key_or_group for each in varied])
        name = " ".join(["sweep", *(str(each.input_line) for each in varied), f"until={hydra.runtime.choices.until}"])
        noise_level = configured_noise_level(fixed, config_name)
        parent = Parent.open(name, typed, jobs, self.project_root, is_grid=False, noise_level=noise_level, looks=looks)
        watch = Watch(grid(parsed), looks, Budget(settings.max_minutes), parent.look, parent.stop)
        _watches.append(watch)
        _at_end.push(lambda kind, *_: parent.close(ended_early=kind is not None, looks=watch.looks))


_at_end = ExitStack()
_watches: "list[Watch]" = []


def open_rounds() -> Iterator[list[list[str]]]:
    """Yield the jobs of one round after the other of the sweep that is open, as what is typed for each."""
    yield from _watches[-1].rounds()


@contextmanager
def sweeping() -> Iterator[None]:
    """Close the parent run that a sweep opened within, whatever became of its jobs."""
    try:
        with terminate_as_exit(), _at_end, terminate_as_exit():
            yield
    except InputError as error:
        sys.exit(str(error))
