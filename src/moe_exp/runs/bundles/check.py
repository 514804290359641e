"""Whether a bundle says what its predictions say: every table and the report are made again, without a store."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from moe_exp import names
from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.runs.bundles.archive import Unpacked, unpacked
from moe_exp.runs.bundles.export import conclude_bundle
from moe_exp.runs.bundles.manifest import RUNS_FOLDER
from moe_exp.runs.conclusions import TABLES
from moe_exp.runs.finished import Fetch
from moe_exp.tracking import LoggedRun

ROUNDING = 1e-9
"""By how much numbers may differ that another machine computed."""


class Checked(NamedTuple):
    """What was found."""

    n_runs: int
    n_numbers: int
    wrong: tuple[str, ...]
    """what differs, in sentences"""
    same_report: bool
    """whether the report is the same, word for word; another version may word it otherwise"""


def check(path: Path) -> Checked:
    """Make all tables of a bundle again from its predictions, and hold them and the report against those that it has.

    Raises
    ------
    InputError
        If the file is no bundle, or its content was changed.
    """
    with unpacked(path) as bundle:
        return _check(bundle)


def fetch_from(folder: Path) -> Fetch:
    """Return what gives the files of runs from an unpacked bundle."""

    @contextmanager
    def fetch(run: LoggedRun, name: str) -> Iterator[Path]:
        path = folder / RUNS_FOLDER / run.run_id / name
        if not path.exists():
            raise InputError(Code.BUNDLE_CHANGED, f"The bundle has no {name} of run {run.name!r} ({run.run_id}).")
        yield path

    return fetch


def _check(bundle: Unpacked) -> Checked:
    folder, manifest = bundle
    fetch = fetch_from(folder)
    found = conclude_bundle(fetch, folder, manifest.runs, manifest.settings)
    wrong: list[str] = []
    n_numbers = 0
    again = folder / "again"
    found.write_tables(again)
    for name in TABLES:
        told, made = (pd.read_csv(place / f"{name}.csv") for place in (folder / names.COMPARISON_FOLDER, again))
        n_numbers += int(made.select_dtypes("number").notna().to_numpy().sum())
        wrong += _differing(name, told, made)
    wrong += [
        f"hypothesis {name}: the bundle says {manifest.verdicts.get(name)}, its predictions say {verdict}"
        for name, verdict in found.verdicts.items()
        if manifest.verdicts.get(name) != verdict
    ]
    report = (folder / names.REPORT_MARKDOWN_FILE).read_text(encoding="utf-8")
    same_report = report == found.report(command=manifest.command, remarks=manifest.remarks).markdown
    return Checked(len(manifest.runs), n_numbers, tuple(wrong), same_report)


def _differing(name: str, told: pd.DataFrame, made: pd.DataFrame) -> Iterator[str]:
    """Yield the columns of a table that are not what the predictions say."""
    if len(told) != len(made) or list(told) != list(made):
        yield f"table {name}: it has {len(told)} rows and {len(told.columns)} columns, and should have {made.shape}"
        return
    for column in made:
        one, other = told[column], made[column]
        if one.dtype.kind in "fi" and other.dtype.kind in "fi":
            same = np.isclose(one, other, rtol=ROUNDING, atol=ROUNDING, equal_nan=True)
        else:
            same = ((one == other) | (one.isna() & other.isna())).to_numpy()
        if not same.all():
            row = int(np.argmin(same))
            yield (
                f"table {name}: {column} differs in {np.count_nonzero(~same)} rows; in the first, {row}, the bundle "
                f"says {one.iloc[row]} and its predictions say {other.iloc[row]}"
            )
