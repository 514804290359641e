"""What one run writes into MLflow: results in, metrics, tables, figures and predictions out."""

import inspect
import math
from pathlib import Path
from typing import Any

import yaml

from moe_exp import names
from moe_exp.codes import Code, tagged
from moe_exp.evaluation.bootstrap import Delta, Interval
from moe_exp.evaluation.external import ExternalResults
from moe_exp.evaluation.resamples import LEAST_STARS
from moe_exp.evaluation.results import Results
from moe_exp.evaluation.tables import FEW_STARS
from moe_exp.experiment.config import Experiment
from moe_exp.experiment.pipeline import Outcome
from moe_exp.machine import describe_machine, peak_memory_gb
from moe_exp.runs.provenance import git_diff, git_tags, version_tags
from moe_exp.runs.recording_figures import record_figures
from moe_exp.spectra.dataset import Dataset
from moe_exp.spectra.label import KNOWN, Label
from moe_exp.tracking import TrackedRun

BINNED = (Label("T_eff"), Label("M_H"))
"""Labels that decide a star's bin."""

MOST_SAID = 2000
"""Characters that a tag says of the bins."""


def origin_tags(project_root: Path) -> dict[str, str]:
    """Return where and with which code a run is made."""
    machine = {names.TAGS_MACHINE + name: value for name, value in describe_machine().items()}
    source = {"mlflow.source.name": "train.py", "mlflow.source.type": "LOCAL"}
    return machine | version_tags() | git_tags(project_root) | source


def gate_tags(experiment: Experiment) -> dict[str, str]:
    """Return which gate a job has, and what that learns."""
    said = (inspect.getdoc(type(experiment.gate)) or "").partition("\n")[0]
    tags = {names.TAG_GATE: experiment.choices["gate"], names.TAG_TRAINED_FOR: experiment.gate.trained_for}
    return tags | ({names.TAG_GATE_SAID: said} if said else {})


def record_start(run: TrackedRun, experiment: Experiment, project_root: Path) -> None:
    """Keep the resolved configuration, and what the code differs by from its commit."""
    with run.artifacts() as folder:
        (folder / names.CONFIG_FILE).write_text(yaml.safe_dump(experiment.values, sort_keys=False), encoding="utf-8")
        diff = git_diff(project_root)
        if diff:
            (folder / names.DIFF_FILE).write_bytes(diff.encode())  # line ends are as they are


def record_dataset(run: TrackedRun, dataset: Dataset) -> None:
    """Log which stars were used, by digest."""
    splits = {"n_train": dataset.train, "n_val": dataset.gate, "n_test": dataset.test}
    profile = {name: len(stars) for name, stars in splits.items()} | {"flux_unit": dataset.train.flux_unit}
    schema = {
        "n_pixels": len(dataset.wavelength),
        "label": dataset.test.label.option,
        "labels": list(dataset.test.labels.columns),
    }
    run.log_dataset(name=dataset.name, digest=dataset.digest, source=dataset.source, schema=schema, profile=profile)
    run.log_tags(
        {
            names.TAG_DATA_DIGEST: dataset.digest,
            names.TAG_MEDIUM: str(dataset.medium or "unknown"),
            names.TAG_MEDIUM_SOURCE: dataset.medium_source,
            names.TAG_FLUX_UNIT: f"{dataset.train.flux_unit:.9g}",
            names.TAG_N_TRAIN: str(len(dataset.train)),
            names.TAG_TRAIN_DIGEST: dataset.train.digest,
            names.TAG_GATE_DIGEST: dataset.gate.digest,
            names.TAG_TEST_DIGEST: dataset.test.digest,
            names.TAG_NOISE_DRAW: dataset.test.noise_draw,
            names.TAG_DATA_SAID: describe_stars(dataset),
        }
        | mask_tags(dataset)
    )


def describe_stars(dataset: Dataset) -> str:
    """Say on which grid the training stars lie, and in which range their label and those of the bins."""
    low, high = dataset.wavelength[[0, -1]]
    labels = dataset.train.labels
    known = [label for label in map(Label, KNOWN) if label.column in labels]
    known = [label for label in known if label in (dataset.train.label, *BINNED)]
    ranges = [
        label.amount(f"{label.name} {labels[label.column].min():.4g} to {labels[label.column].max():.4g}")
        for label in known
    ]
    return ", ".join([f"{len(dataset.wavelength):,} pixels, {low:.0f} to {high:.0f} Å", *ranges])


def mask_tags(dataset: Dataset) -> dict[str, str]:
    """Return how much of a data set is masked: pixels and stars that are left out, and pixels that are filled."""
    splits = {"train": dataset.train, "gate": dataset.gate, "test": dataset.test}
    filled = {names.TAGS_FILLED + name: str(stars.n_filled.sum()) for name, stars in splits.items()}
    left_out = {names.TAGS_STARS_LEFT_OUT + name: str(stars.n_left_out) for name, stars in splits.items()}
    return {names.TAG_PIXELS_LEFT_OUT: str(dataset.n_left_out)} | filled | left_out


def record_outcome(run: TrackedRun, outcome: Outcome, figure_formats: list[str]) -> None:
    """Log metrics, the gate's training curve, tables, predictions and figures, these in all of the formats."""
    results, gate = outcome.results, outcome.mixture.gate
    curve = gate.curve_ if len(gate.curve_) else None
    with run.artifacts() as folder:
        for name, table in tables(outcome).items():
            path = folder / names.TABLES_FOLDER / f"{name}.csv"
            path.parent.mkdir(exist_ok=True)
            table.to_csv(path, index=False)
        digest = results.predictions.write(folder / names.PREDICTIONS_FILE)
    if figure_formats:
        record_figures(run, outcome, figure_formats)
    if curve is not None:
        losses = {names.METRICS_CURVE + name: curve[name].to_numpy() for name in ("train_loss", "holdout_loss")}
        run.log_curve(losses, curve["epoch"].to_numpy())
    run.log_metrics(
        results.metrics()
        | outcome.coverage.metrics()
        | noisier_metrics(outcome)
        | external_metrics(outcome)
        | {names.stage_seconds(stage): seconds for stage, seconds in outcome.seconds.items()}
        | {
            names.METRIC_BEST_HOLDOUT_LOSS: gate.best_holdout_loss,
            names.METRIC_CONVERGED: float(gate.converged_),
            names.METRIC_N_EPOCHS: float(gate.n_epochs_),
            names.METRIC_PEAK_MEMORY: peak_memory_gb(),
        }
    )
    run.describe(describe(outcome))
    titles = {names.TAGS_METRIC + name: each.title for name, each in outcome.experiment.metrics.items()}
    told = {names.TAG_CONVERGED: str(gate.converged_).lower()}
    told[names.TAG_BINS_SAID] = "; ".join(outcome.mixture.bins.describe())[:MOST_SAID]
    if outcome.recalled:
        told[names.TAG_RECALLED] = " ".join(outcome.recalled)
    run.log_tags(told | {names.TAG_PREDICTIONS_DIGEST: digest} | titles)


def external_metrics(outcome: Outcome) -> dict[str, float]:
    """Return what the run says of stars of other libraries, under the names that it is logged by."""
    return {
        names.external_metric(name, quantity): value
        for name, each in outcome.external.items()
        for quantity, value in each.metrics().items()
    }


def noisier_metrics(outcome: Outcome) -> dict[str, float]:
    """Return how often intervals hold the label, and flags warn, with more noise than anything was trained on."""
    found = outcome.noisier_coverage.metrics()
    renamed = {
        names.METRIC_COVERAGE: names.METRIC_COVERAGE_NOISIER,
        names.METRIC_WIDTH: names.METRIC_WIDTH_NOISIER,
        names.METRIC_FLAGGED: names.METRIC_FLAGGED_NOISIER,
    }
    return {new: found[old] for old, new in renamed.items() if old in found}


def tables(outcome: Outcome) -> dict[str, Any]:
    """Return the tables of a run by name."""
    results = outcome.results
    external = {f"{names.EXTERNAL}{name}": each for name, each in outcome.external.items()}
    return {
        "scores": results.scores.reset_index(),
        "bins": results.bins,
        "bootstrap": results.intervals,
        "worst_stars": results.worst_stars,
        "experts": outcome.mixture.experts.describe(),
        "coverage": outcome.coverage.table,
        "coverage_noisier": outcome.noisier_coverage.table,
        "interval_widths": outcome.coverage.widths,
        **{name: each.scores for name, each in external.items()},
        **{f"{name}_stars": each.to_frame() for name, each in external.items()},
    }


def describe(outcome: Outcome) -> str:
    """Sum a run up in a few lines of Markdown."""
    results = outcome.results
    soft = results.pooled.r2("soft")
    percent = f"{100 * results.settings.confidence:g} %"
    gate = outcome.mixture.gate
    unfinished = "" if gate.converged_ else f", of a gate that has {tagged(Code.NOT_CONVERGED, 'NOT converged')},"
    lines = [
        f"R² = {_with_interval(soft, '')}{unfinished} on {results.n_stars:,} covered test stars{_outside(results)}."
    ]
    for delta in (results.delta, results.delta_vs_global):
        if delta is not None:
            mark = _mark(delta, results.predictions.label)
            lines.append(f"{results.gate} - {delta.reference}: {_with_interval(delta.interval, '+')}{mark}.")
    lines += [_describe_external(each) for each in outcome.external.values()]
    few = [f"{row['name']} ({row['n_stars']})" for row in results.bins.to_dict("records") if row["n_stars"] < FEW_STARS]
    if few:
        lines.append(f"{tagged(Code.FEW_STARS, f'Fewer than {FEW_STARS} test stars')}: {', '.join(few)}.")
    lines.append(f"The gate ended after {gate.n_epochs_} epochs. Intervals: paired bootstrap, {percent}.")
    if results.n_stars < LEAST_STARS:
        lines.append(tagged(Code.FEW_STARS, f"Fewer than {LEAST_STARS} stars have no interval."))
    return "\n\n".join(lines)


def _outside(results: Results) -> str:
    """Say, after the number of covered stars, how many are not, and what would cover them."""
    covered = results.predictions.covered
    if covered.all():
        return ""
    return f"; {1 - covered.mean():.0%} of {len(covered):,} lie outside the bins, bins=quantiles covers all"


def _mark(delta: Delta, label: Label) -> str:
    """Say that a difference is not to be trusted, and beside it what no few stars carry."""
    mark = delta.carriers.mark
    if not mark:
        return ""
    mae = label.amount(f"{delta.mae:+.4f}")
    return f", {tagged(Code.NOT_TRUSTED, mark)}; the mean absolute error differs by {mae}"


def _describe_external(external: ExternalResults) -> str:
    """Say in a line how the run's gate does on stars of another library."""
    found = external.metrics()
    r2 = Interval(*(found.get(name, math.nan) for name in ("r2", "r2_ci_low", "r2_ci_high")))
    ceiling = f" Their labels allow R² {found['r2_ceiling']:.3f}." if "r2_ceiling" in found else ""
    outside, amount = int(found["outside_n_stars"]), external.predictions.label.amount
    bias, scatter = (
        amount(f"{found.get(name, math.nan):{sign}.2f}") for name, sign in (("bias", "+"), ("scatter", ""))
    )
    return (
        f"{external.title}: R² = {_with_interval(r2, '')} on {int(found['n_stars'])} stars within the training range; "
        f"bias {bias}, scatter {scatter}; {outside} "
        f"stars lie outside.{ceiling}"
    )


def _with_interval(interval: Interval, sign: str) -> str:
    value, low, high = (f"{number:{sign}.4f}" for number in interval)
    return f"{value} [{low}, {high}]" if math.isfinite(interval.low) else value
