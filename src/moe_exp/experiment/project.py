"""Where the project is, and where it keeps its runs and its cache when nothing else is typed."""

from pathlib import Path
from typing import TYPE_CHECKING

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from moe_exp.errors import InputError
from moe_exp.experiment.config import make_stage, register

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
    raise InputError(f"{here} is not inside the project: neither it nor a folder above holds conf/config.yaml.")


def read_cache_folder(project_root: Path) -> Path:
    """Return the folder of what runs share."""
    return Path(_compose(project_root)["cache_dir"]).expanduser()


def read_tracking(project_root: Path) -> "Tracking":
    """Return where runs are tracked."""
    return make_stage("tracking", _compose(project_root)["tracking"])


def _compose(project_root: Path) -> dict:
    """Compose what a project's conf says of the two.

    Raises
    ------
    InputError
        If the configuration cannot be read.
    """
    register(project_root)
    folder = project_root / "conf"
    try:
        with initialize_config_dir(str(folder), version_base="1.3"):
            config = OmegaConf.masked_copy(compose("config"), ["cache_dir", "tracking"])
        return OmegaConf.to_container(config, resolve=True, throw_on_missing=True)  # type: ignore[return-value]
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(f"{folder} cannot be read: {' '.join(str(error).split())}") from error
