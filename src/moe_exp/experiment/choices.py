"""Which YAML file of a group is chosen: whether what was typed names any."""

import os
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, Sweep
from hydra.errors import HydraException

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.experiment.config import GROUPS, LISTS, PRESETS


def check_choices(overrides: Sequence[str]) -> None:
    """Refuse what names no YAML file where one has to be named, of which Hydra says nothing that helps.

    Raises
    ------
    InputError
        Naming the group.
    """
    for text in overrides:
        group = text.partition("=")[0].lstrip("~+").partition("@")[0]
        if group in (*GROUPS, *LISTS, PRESETS) and not _names_files(text, group):
            raise InputError(Code.GROUP_IS_NULL, f"{text}: {_advise_choice(group)}.")


def _names_files(text: str, group: str) -> bool:
    """Say whether a group is set to names, as many as it takes, or to options of its own; none need not be removed."""
    try:
        override = OverridesParser.create().parse_override(text)
    except HydraException:  # it is told when all is composed
        return True
    chosen = override.value()
    if override.is_delete():
        return group not in GROUPS and isinstance(chosen, str | None)
    each = chosen.list if isinstance(chosen, ChoiceSweep) else [chosen]
    names = [name for one in each for name in (one if isinstance(one, list) and group not in GROUPS else [one])]
    return all(isinstance(name, str | dict | Sweep | Glob) for name in names)


def _advise_choice(group: str) -> str:
    """Say how a group is set."""
    files = _files_of(group)
    if group in LISTS:
        return f"give a list of {files}, or {group}=[] for none"
    return (
        f"name a preset, {files}, or leave it out for none"
        if group == PRESETS
        else f"name a file of conf/{group}: {files}"
    )


def _files_of(group: str) -> str:
    """Return the names of a group's YAML files in the project's own folder."""
    return ", ".join(sorted(path.stem for path in (Path(os.environ["MOE_EXP_ROOT"]) / "conf" / group).glob("*.yaml")))
