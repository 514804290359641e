"""Whether two runs say the same, and if not, which stage is the first to differ and by how much."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from moe_exp import names
from moe_exp.tracking import LoggedRun, Tracking, fetched_artifact

DATA = (names.TAG_TRAIN_DIGEST, names.TAG_GATE_DIGEST, names.TAG_TEST_DIGEST, names.TAG_NOISE_DRAW)
"""Tags that tell stars and noise."""

STAGES = {
    "bins": r"star_\w+|teff|logg|m_h|bin_index|covered",
    "experts": r"(global_ridge|oracle)_.*",
    "classify reference": r"classify_.*",
    "gate": r"(soft|hard)_.*|weight_.*|prediction",
    "baseline": r".*",
}
"""Columns of the predictions that each stage is the first to make, in the order of the pipeline."""

METRICS = ("gate/", "test/", "reference/", "bin_", "interval", "flag", "")
"""Beginnings of the names of metrics, in the order in which they are held against each other."""

OF_THE_MACHINE = ("time/", "memory/", "system/")
"""Metrics that no two runs share."""


class Found(NamedTuple):
    """One run of a tracking store."""

    tracking: Tracking
    run: LoggedRun


def differences(one: Found, other: Found) -> Iterator[str]:
    """Yield what differs between two runs, in the order of the pipeline; nothing if they agree to the last bit."""
    for tag in DATA:
        values = [found.run.tags.get(tag, "none") for found in (one, other)]
        if values[0] != values[1]:
            yield f"data: {tag} was {values[0]} and is {values[1]}"
    tables = [_read_predictions(found) for found in (one, other)]
    if len(tables[0]) != len(tables[1]):
        yield f"data: there were {len(tables[0])} test stars and are {len(tables[1])}"
    else:
        yield from _differing_columns(*tables)
    yield from _differing_metrics(one.run.metrics, other.run.metrics)


def _read_predictions(found: Found) -> pd.DataFrame:
    with fetched_artifact(found.tracking, found.run, names.PREDICTIONS_FILE) as path:
        return pd.read_parquet(path)


def _differing_columns(one: pd.DataFrame, other: pd.DataFrame) -> Iterator[str]:
    """Yield columns of predictions that differ, by stage."""
    columns = list(dict.fromkeys([*one, *other]))
    for stage, pattern in STAGES.items():
        made = [column for column in columns if re.fullmatch(pattern, str(column))]
        columns = [column for column in columns if column not in made]
        for column in made:
            if column not in one or column not in other:
                yield f"{stage}: only one of the runs has predictions {column}"
            elif not one[column].equals(other[column]):
                yield f"{stage}: {column} differs {_by_how_much(one[column], other[column])}"


def _by_how_much(one: pd.Series, other: pd.Series) -> str:
    differing = (one != other).to_numpy()
    stars = f"for {np.count_nonzero(differing)} of {len(one)} stars"
    if one.dtype.kind in "fiu" and other.dtype.kind in "fiu":
        return f"by up to {float(np.abs(one - other).max()):.2g} {stars}"
    return stars


def _differing_metrics(one: dict[str, float], other: dict[str, float]) -> Iterator[str]:
    """Yield metrics that differ, those of earlier stages first."""
    compared = [name for name in sorted({*one, *other}) if not name.startswith(OF_THE_MACHINE)]
    for name in sorted(compared, key=lambda name: next(i for i, begin in enumerate(METRICS) if name.startswith(begin))):
        if name not in one or name not in other:
            yield f"metrics: only one of the runs has {name}"
        elif one[name] != other[name]:
            yield f"metrics: {name} was {one[name]:.9g} and is {other[name]:.9g}, {other[name] - one[name]:+.2g}"
