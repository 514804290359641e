"""Runs of one store that stand on different stars, as groups that may be compared, each with a filter that finds it."""

from collections.abc import Sequence
from typing import NamedTuple

from moe_exp import names
from moe_exp.tracking import LoggedRun

PREFIXES = ("data", "noise", "bins")
"""Groups of options that decide which stars and bins runs are scored on."""

FREE = {names.PARAMETERS["data_seed"], names.PARAMETERS["noise_level"], "data.n_train"}
"""Options among them that a comparison takes as factors, or as replicates."""


class Group(NamedTuple):
    """Runs that share data, noise and bins."""

    condition: str
    """an MLflow filter"""
    runs: list[LoggedRun]


def group_runs(runs: Sequence[LoggedRun]) -> list[Group]:
    """Divide runs by data, noise and bins, the largest group first; a filter names only what differs between them."""
    keys = sorted({key for run in runs for key in run.parameters if _decides(key)})
    found: dict[tuple[str | None, ...], list[LoggedRun]] = {}
    for run in runs:
        found.setdefault(tuple(run.parameters.get(key) for key in keys), []).append(run)
    differing = [place for place in range(len(keys)) if len({values[place] for values in found}) > 1]
    groups = [
        Group(" and ".join(_equals(keys[place], values[place]) for place in differing if values[place]), members)
        for values, members in found.items()
    ]
    return sorted(groups, key=lambda group: -len(group.runs))


def _decides(key: str) -> bool:
    return key.partition(".")[0] in PREFIXES and key not in FREE


def _equals(key: str, value: str | None) -> str:
    quote = "'" if '"' in str(value) else '"'  # a shell takes it between single quotes, with its backticks
    return f"params.`{key}` = {quote}{value}{quote}"
