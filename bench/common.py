"""What all benchmarks share: the project's own stars, timing, and how a table is printed and kept."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pandas as pd

from moe_exp.experiment.composition import compose_in
from moe_exp.experiment.config import Experiment
from moe_exp.machine import describe_machine
from moe_exp.runs.provenance import git_tags, version_tags

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"

T = TypeVar("T")


def time_best(run: Callable[[], T], *, n_repeats: int = 1) -> tuple[float, T]:
    """Return the shortest wall time [s] of some runs, and what the last returned."""
    times = []
    for _ in range(n_repeats):
        start = time.perf_counter()
        answer = run()
        times.append(time.perf_counter() - start)
    return min(times), answer


def configure(*overrides: str) -> Experiment:
    """Compose and build an experiment of this project."""
    return compose_in(ROOT, overrides)


def keep(name: str, title: str, table: pd.DataFrame, notes: Sequence[str] = ()) -> None:
    """Print a table with its notes, and keep them with a description of the machine as ``results/<name>.md``."""
    text = "\n".join([f"# {title}", "", _to_markdown(table), "", *(f"- {note}" for note in notes), "", _made(), ""])
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text)
    print(f"\n{text}", flush=True)


def _made() -> str:
    """Say when, where and with what a table was made."""
    machine, git = describe_machine(), git_tags(ROOT)
    where = f"{machine['processor']}, {machine['cores']} cores, {machine['memory']}, GPU: {machine['gpu']}"
    versions = ", ".join(f"{name.removeprefix('version.')} {number}" for name, number in version_tags().items())
    commit = git.get("mlflow.source.git.commit", "unknown")[:10] + ("+" if git.get("git.dirty") == "true" else "")
    return f"Made {time.strftime('%Y-%m-%d')} on {where}; Python {machine['python']}, {versions}; commit {commit}."


def _to_markdown(table: pd.DataFrame) -> str:
    rows = [[str(name) for name in table.columns], *([_cell(value) for value in row] for row in table.to_numpy())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [" | ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([f"| {lines[0]} |", "|" + "---|" * len(widths), *(f"| {line} |" for line in lines[1:])])


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.4g}"
    return str(value)
