"""Where the project is, and where it keeps its runs and its cache when nothing else is typed."""

from pathlib import Path
from typing import TYPE_CHECKING

from hydra import compose
from omegaconf import OmegaConf

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.experiment.composition import reading_conf
from moe_exp.experiment.config import expand_home, make_stage

if TYPE_CHECKING:
    from moe_exp.tracking import Tracking


def find_project(start: Path | None = None) -> Path:
    """Return the project's root: the nearest folder that holds its configuration, from `start` upwards.

    By default from the working folder; where that lies outside, the checkout that the package is installed from.

    Raises
    ------
    InputError
        If there is none.
    """
    here = (start or Path.cwd()).resolve()
    places = [here, *here.parents, *([] if start else [Path(__file__).resolve().parents[3]])]
    for folder in places:
        if (folder / "conf" / "config.yaml").exists() and (folder / "train.py").exists():
            return folder
    raise InputError(
        Code.NO_PROJECT, f"{here} is not inside the project: neither it nor a folder above holds conf/config.yaml."
    )


def read_cache_folder(project_root: Path) -> Path:
    """Return the folder of what runs share."""
    return expand_home(_compose(project_root)["cache_dir"], "cache_dir")


def read_tracking(project_root: Path) -> "Tracking":
    """Return where runs are tracked."""
    composed = _compose(project_root)
    return make_stage("tracking", composed["tracking"], composed["trusted_modules"])


def read_noise_level(start: Path) -> float | None:
    """Return the noise level that runs have when nothing else is typed; None outside of any project."""
    try:
        project_root = find_project(start)
    except InputError:
        return None
    with reading_conf(project_root):
        return float(compose("config")["data"]["noise_level"])


def _compose(project_root: Path) -> dict:
    """Compose what a project's conf says of the two, and whose classes it may name."""
    try:
        with reading_conf(project_root):
            config = OmegaConf.masked_copy(compose("config"), ["cache_dir", "tracking", "trusted_modules"])
            return OmegaConf.to_container(config, resolve=True, throw_on_missing=True)  # type: ignore[return-value]
    except InputError as error:
        raise InputError(error.code, f"{project_root / 'conf'} cannot be read: {error.message}") from error
