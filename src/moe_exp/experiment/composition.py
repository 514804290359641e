"""From what is typed to an experiment: composed by Hydra and built, in a sweep, a notebook or a test."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from moe_exp.experiment.advice import advise
from moe_exp.experiment.choices import check_choices
from moe_exp.experiment.config import Experiment, build, register


def compose_job(overrides: Sequence[str], config_name: str = "config") -> Experiment:
    """Compose and build one job; Hydra has to be initialised."""
    check_choices(overrides)
    config = compose(config_name, list(overrides), return_hydra_config=True)
    hydra = config.hydra
    with open_dict(config):
        del config["hydra"]
    return build(config, dict(hydra.runtime.choices), typed_in(hydra))


def typed_in(hydra: Any) -> list[str]:
    """Return what was typed, as it was typed: Hydra's own list looks up what ``${...}`` in it names."""
    typed: Any = OmegaConf.to_container(hydra.overrides.task)
    return list(typed)


def compose_in(project: Path, overrides: Sequence[str]) -> Experiment:
    """Compose and build the experiment that `overrides` name in a project, by the YAML files of its ``conf``.

    Raises
    ------
    InputError
        If an option is unknown, or a value is not accepted.
    """
    with reading_conf(project):
        return compose_job(overrides)


@contextmanager
def reading_conf(project: Path) -> Iterator[None]:
    """Let Hydra compose from the YAML files of a project, and say in one line what it cannot compose.

    Raises
    ------
    InputError
        If the files, or what was typed, cannot be read.
    """
    register(project)
    try:
        with initialize_config_dir(str(project / "conf"), version_base="1.3"):
            yield
    except (HydraException, OmegaConfBaseException, YAMLError) as error:
        raise advise(" ".join(str(error).split()), project / "conf") from error
