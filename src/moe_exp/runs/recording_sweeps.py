"""What the parent of a sweep keeps of its jobs together: report, tables, figures, verdicts and the main numbers."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from moe_exp import names
from moe_exp.comparison import Comparison
from moe_exp.runs.conclusions import Conclusions
from moe_exp.runs.run_names import short_size
from moe_exp.tracking import LoggedRun, TrackedRun

MOST_LISTED = 30
"""Jobs that the description of a sweep has room for."""


def record_conclusions(
    run: TrackedRun, conclusions: Conclusions, *, command: str = "", remarks: Sequence[str] = ()
) -> None:
    """Log what the jobs of a sweep say together: report, tables, figures, verdicts and the main numbers.

    The report is its page alone: MLflow's preview of the Markdown file shows none of the figures.
    """
    report = conclusions.report(command=command, remarks=remarks)
    with run.artifacts() as folder:
        report.write_alone(folder)
        conclusions.write_tables(folder / names.COMPARISON_FOLDER)
    run.log_images((picture.name, picture.image) for picture in report.document.pictures)
    run.log_metrics(sweep_metrics(conclusions.comparison))
    verdicts = {names.TAGS_HYPOTHESIS + name: verdict for name, verdict in conclusions.verdicts.items()}
    run.describe(
        f"{report.answer}\n\nThe whole report: artifact {names.REPORT_FILE}.\n\n{_list_jobs(run, conclusions.runs)}"
    )
    run.log_tags(verdicts)


def sweep_metrics(comparison: Comparison) -> dict[str, float]:
    """Return R² of every gate and every difference of two, each with the ends of its interval."""
    scores, pairs = comparison.scores, comparison.pairs
    rows = [(names.METRICS_SWEEP_R2 + _slug(row), "r2", row) for row in _rows(scores[scores["kind"] == "gate"])]
    rows += [
        (f"{names.METRICS_SWEEP_DELTA}{_slug(row)}_minus_{_slug(_reference(row))}", "delta_r2", row)
        for row in _rows(pairs)
    ]
    values = {name: row[quantity] for name, quantity, row in rows}
    ends = {
        names.METRICS_SWEEP_ENDS + name.replace("/", "_", 1) + end: row[quantity + end]
        for name, quantity, row in rows
        for end in ("_ci_low", "_ci_high")
    }
    return values | ends


def _rows(table: pd.DataFrame) -> list[dict[Any, Any]]:
    return table.to_dict("records")


def _reference(row: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return what names the other side of a difference."""
    sides = {name: row[f"reference_{name}"] for name in ("n_train", "noise_level")}
    return {**row, **sides, "model": row["reference"]}


def _list_jobs(parent: TrackedRun, jobs: Sequence[LoggedRun]) -> str:
    """List the jobs of a sweep with links, those that an earlier sweep made among them."""
    lines = []
    for job in jobs[:MOST_LISTED]:
        reused = "" if job.tags.get(names.TAG_PARENT) == parent.run_id else ", made by an earlier sweep"
        r2 = f"R² {job.metrics[names.METRIC_R2]:.4f}" if names.METRIC_R2 in job.metrics else "no R²"
        lines.append(f"- [{job.name}](#/experiments/{parent.experiment_id}/runs/{job.run_id}): {r2}{reused}")
    if len(jobs) > MOST_LISTED:
        lines.append(f"- {len(jobs) - MOST_LISTED} more, which the report has")
    return "\n".join(["Jobs:", "", *lines])


def _slug(row: Mapping[Any, Any]) -> str:
    """Name one row of the scores as a metric."""
    words = [row["model"], f"n_{short_size(row['n_train'])}", f"noise_{row['noise_level']:g}", row["design"]]
    text = "_".join(str(word) for word in words if word != "")
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", text)
