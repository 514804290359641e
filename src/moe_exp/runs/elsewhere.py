"""A model of others as a run: predictions that were made elsewhere stand beside those of a run's own gate."""

import hashlib
import re
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from moe_exp import names
from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.evaluation import scores
from moe_exp.evaluation.bootstrap import R2Bootstrap, bootstrap_r2
from moe_exp.evaluation.elsewhere import match_stars, read_table
from moe_exp.evaluation.predictions import MODELS, Predictions, digest_file
from moe_exp.evaluation.tables import delta_columns, interval_columns
from moe_exp.prediction.mixture import Mixture
from moe_exp.runs.finished import read_record
from moe_exp.tracking import LoggedRun, Tracking, closing, fetched_artifact, fetched_model, find_runs, get_run, open_run

ELSEWHERE = "elsewhere"
"""What a gate is said to be trained for, and on which device, where nobody here knows."""

NAME = re.compile(r"[A-Za-z][\w.+-]*")

SAME_CONDITION = (names.TAG_TEST_DIGEST, names.TAG_TRAIN_DIGEST, names.TAG_NOISE_DRAW)
"""Tags of runs of which any one can stand for the others."""

DIGESTS = (*SAME_CONDITION, names.TAG_GATE_DIGEST, names.TAG_N_TRAIN, names.TAG_DATA_DIGEST)
"""Tags that say which stars were used."""


def import_predictions(
    tracking: Tracking, path: Path, name: str, *, data_run: str | None = None, test_digest: str | None = None
) -> str:
    """Log a table of predictions of a run's test stars as a run of its own, and return its id.

    It takes its condition from that run (stars, noise, train size, seed), and its predictions are clipped as that run's
    are. Its name stands where that of a gate does.

    Parameters
    ----------
    tracking : Tracking
    path : path
        Of the table; see `read_table`.
    name : str
        What the model is called.
    data_run : str, optional
        Id of the run, or how it begins; not needed where all runs of the store have one condition.
    test_digest : str, optional
        Of the test stars, as that run tells it: needed for a table without labels, since the stars of another data seed
        have the same numbers.

    Raises
    ------
    InputError
        If the table does not hold the run's test stars once each, or the name is taken; nothing is logged then.
    """
    table = read_table(path)
    source = get_run(tracking, data_run) if data_run else _only_condition(tracking)
    record = read_record(partial(fetched_artifact, tracking), source)
    label = record.predictions.label
    if test_digest is None and label.column not in table:
        raise InputError(
            Code.IMPORT_STARS,
            f"{path} has no column {label.column}, and the stars of every data seed have the same numbers: add it, or "
            f"give --test-digest, the tag {names.TAG_TEST_DIGEST} of the run whose spectra were used.",
        )
    if test_digest not in (None, record.test_digest):
        raise InputError(
            Code.IMPORT_STARS, f"--test-digest {test_digest}: the test stars of {record} have {record.test_digest}."
        )
    _check_name(tracking, name, record.predictions)
    table = match_stars(table, record.predictions.stars, path, label)
    with fetched_model(tracking, source) as folder:
        limits = Mixture.load(folder).fitted.experts.label_range
    predictions = make_predictions(table, record.predictions, name, limits)
    tags = {tag: source.tags[tag] for tag in DIGESTS if tag in source.tags}
    tags |= {names.TAG_GATE: name, names.TAG_TRAINED_FOR: ELSEWHERE, names.TAG_DEVICE: ELSEWHERE}
    tags |= {names.TAG_IDENTITY: _identify(path, name, source), names.TAG_DATA_RUN: source.run_id}
    run = open_run(tracking, run_name=_rename(source, name), parameters=_parameters(source, name), tags=tags)
    with closing(run) as tracked:
        with tracked.artifacts() as folder:
            digest = predictions.write(folder / names.PREDICTIONS_FILE)
            shutil.copy(path, folder / f"{names.TABLE_FROM_ELSEWHERE}{path.suffix.lower()}")
        tracked.log_metrics(measure(predictions, record.predictions, source.parameters) | _coverage(table, predictions))
        tracked.log_tags({names.TAG_PREDICTIONS_DIGEST: digest})
        tracked.describe(f"Predictions that were made elsewhere, of the test stars of run {source.run_id}.")
    return run.run_id


def _only_condition(tracking: Tracking) -> LoggedRun:
    """Return a run whose test stars, training stars and noise all finished runs of the store share."""
    runs = [run for run in find_runs(tracking) if names.TAG_TEST_DIGEST in run.tags and names.TAG_MODEL in run.tags]
    conditions: dict[tuple[str | None, ...], LoggedRun] = {}
    for run in runs:
        own = [run.parameters.get(names.PARAMETERS[name]) for name in ("noise_level", "seed")]
        conditions.setdefault((*(run.tags.get(tag) for tag in SAME_CONDITION), *own), run)
    if len(conditions) != 1:
        there = "; ".join(f"{run.name} ({run.run_id})" for run in conditions.values())
        raise InputError(
            Code.IMPORT_STARS,
            f"Experiment {tracking.experiment!r} has runs of {len(conditions)} conditions (stars, noise, seed), one of "
            f"each: {there or 'none'}. Name the run whose test stars the table holds with --data-run.",
        )
    [source] = conditions.values()
    return source


def _check_name(tracking: Tracking, name: str, predictions: Predictions) -> None:
    """Refuse a name that is no word, or that of a model which was trained here."""
    if not NAME.fullmatch(name):
        raise InputError(
            Code.IMPORT_NAME, f"--name {name!r}: a name is one word of letters, digits and . _ + -, as in SpecViT."
        )
    own = (run for run in find_runs(tracking) if run.tags.get(names.TAG_TRAINED_FOR) != ELSEWHERE)
    taken = {*MODELS, *predictions.models, *(run.tags.get(names.TAG_GATE, "") for run in own)}
    if name in taken:
        raise InputError(
            Code.IMPORT_NAME, f"--name {name}: a model of that name was trained here; choose another name."
        )


def make_predictions(table: pd.DataFrame, beside: Predictions, name: str, limits: tuple[float, float]) -> Predictions:
    """Return the predictions of a table, in the order of the test stars, as those of a model without a gate.

    Parameters
    ----------
    table : DataFrame
        As `match_stars` leaves it.
    beside : Predictions
        Of the run whose test stars they are.
    name : str
    limits : (float, float)
        Range of the training labels.
    """
    predicted, nothing = table["prediction"].to_numpy(float), np.zeros((len(table), 0))
    return Predictions(
        stars=beside.stars,
        bin_names=beside.bin_names,
        gate=name,
        clip=beside.clip,
        clipped={"soft": np.clip(predicted, *limits)},
        unclipped={"soft": predicted},
        gate_weights=nothing,
        classify_weights=nothing,
        has_gate=False,
        label=beside.label,
    )


def measure(predictions: Predictions, beside: Predictions, parameters: Mapping[str, str]) -> dict[str, float]:
    """Return what a run logs of its gate that needs none: R², its differences from that run's references, errors."""
    members = predictions.covered
    y, own = predictions.y[members], predictions.configured["soft"][members]
    found: R2Bootstrap = bootstrap_r2(
        y,
        {"soft": own, **{model: beside.configured[model][members] for model in ("classify", "global_ridge")}},
        star=predictions.star[members],
        n_resamples=int(parameters[names.PARAMETERS["n_resamples"]]),
        confidence=float(parameters[names.PARAMETERS["confidence"]]),
        seed=int(parameters[names.PARAMETERS["seed"]]),
        limited=predictions.clip,
    )
    values = interval_columns("r2", found.r2("soft")) | delta_columns("delta_r2", found.delta("soft", "classify"))
    values |= delta_columns("delta_r2_vs_global", found.delta("soft", "global_ridge"))
    values |= {"rmse": scores.rmse(y, own), "mae": scores.mae(y, own), "n_stars": found.n_stars}
    return {names.METRICS_TEST + key: value for key, value in values.items()}


def _coverage(table: pd.DataFrame, predictions: Predictions) -> dict[str, float]:
    """Return how often normal intervals of the table's sigma hold the label; nothing without one."""
    if "sigma" not in table:
        return {}
    members = predictions.covered
    error = np.abs(table["prediction"].to_numpy(float) - predictions.y)[members]
    sigma = table["sigma"].to_numpy(float)[members]
    contents = {names.METRIC_COVERAGE: 0.95, names.METRIC_COVERAGE_68: 0.68}
    return {name: float(np.mean(error <= stats.norm.ppf((1 + each) / 2) * sigma)) for name, each in contents.items()}


def _parameters(source: LoggedRun, name: str) -> dict[str, str]:
    """Return the parameters of a run, with the name in the place of its gate."""
    left_out = ("gate.", "hypotheses.", "externals.")
    kept = {key: value for key, value in source.parameters.items() if not key.startswith(left_out)}
    return kept | {names.PARAMETERS["gate"]: name}


def _rename(source: LoggedRun, name: str) -> str:
    return " ".join([name, *source.name.split()[1:]])


def _identify(path: Path, name: str, source: LoggedRun) -> str:
    text = "\n".join([digest_file(path), name, source.tags.get(names.TAG_IDENTITY, source.run_id)])
    return hashlib.sha256(text.encode()).hexdigest()
