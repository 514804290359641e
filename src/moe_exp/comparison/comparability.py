"""Whether runs may stand side by side at all: the same stars, the same noise draw, and no contradiction."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from moe_exp.codes import Code
from moe_exp.comparison.records import RunRecord, sort_records
from moe_exp.errors import InputError
from moe_exp.evaluation.predictions import MODELS, Predictions

SAME_REFERENCES = 1e-2
"""Clipped predictions of one reference that differ by more [dex] come from other experts, stars or noise."""

SAME_GATE = 0.2
"""Root mean square [dex] by which one gate's clipped predictions may differ between two devices.

The last bits of the experts differ there, and a gate's training may then take another path, as with another `seed`:
pairs of eight seeds of the mlp gate differ by 0.06 to 0.12 dex (32,000 training stars, noise level 0.2), and by up to
0.004 in R².
"""


SPREAD_OF_LOGG = 1.15
"""Standard deviation [dex] of the labels that these limits were measured on."""


def label_scale(predictions: Predictions) -> float:
    """Return how much larger limits in dex have to be for the label that is predicted, whatever its unit."""
    return float(np.std(predictions.y)) / SPREAD_OF_LOGG


class NotComparableError(InputError):
    """Runs of which some stand on other stars, noise or bins than the others."""


def check_comparable(records: Iterable[RunRecord]) -> None:
    """Refuse runs that would be compared unfairly.

    Within one data seed all runs must have the same test stars in the same order, with the same noise draw, labels and
    bins; runs of one `n_train` the same training stars, and of one number of gate stars the same gate stars. Two runs
    of one configuration must agree in every prediction; those of two devices within `SAME_REFERENCES` and `SAME_GATE`.

    Raises
    ------
    NotComparableError
        Naming what differs and the runs on each side.
    """
    by_data_seed = defaultdict(list)
    for record in sort_records(records):
        by_data_seed[record.data_seed].append(record)
    if not by_data_seed:
        raise InputError(Code.NO_FINISHED_RUN, "There is no run to compare.")
    differences = [
        f"data.seed={data_seed}: {difference}"
        for data_seed, members in by_data_seed.items()
        for difference in [*_differences(members), *_contradictions(members)]
    ]
    if differences:
        raise NotComparableError(Code.NOT_COMPARABLE, "These runs cannot be compared. " + " ".join(differences))


def _differences(records: Sequence[RunRecord]) -> Iterable[str]:
    """Yield what differs between runs of one data seed; of the stars only the first thing, as the rest follows."""
    for label, digest in STAR_CHECKS:
        groups = _group(records, digest)
        if len(groups) > 1:
            yield f"the {label} differ: {_sides(groups)}. Compare runs of the same test set."
            break
    else:
        groups = _group(records, _bins_digest)
        if len(groups) > 1:
            yield f"the bins differ, so that other stars are covered: {_sides(groups)}. Use the same bins."
    yield from _differing_training(records)
    groups = _group(records, lambda record: record.noise_draw)
    if len(groups) > 1:
        yield f"the noise draws differ: {_sides(groups)}. Compare runs whose test stars carry the same noise."


def _differing_training(records: Sequence[RunRecord]) -> Iterable[str]:
    """Yield runs that took as many stars for training, but other ones."""
    for n_train, members in _group(records, lambda record: record.n_train).items():
        groups = _group(members, lambda record: f"digest {record.train_digest}")
        if len(groups) > 1:
            yield f"the training stars at n_train={n_train} differ: {_sides(groups)}. Train on the same stars."
    for n_val, members in _group(records, lambda record: record.design.get("data.n_val")).items():
        groups = _group(members, lambda record: f"digest {record.gate_digest}")
        if len(groups) > 1:
            yield f"the gate's stars at data.n_val={n_val} differ: {_sides(groups)}. Train gates on the same stars."


def _contradictions(records: Sequence[RunRecord]) -> Iterable[str]:
    """Yield runs of one configuration that nevertheless predict differently."""
    for members in _group(records, lambda record: record.configuration).values():
        if not all(_agree(members[0], other) for other in members[1:]):
            names = ", ".join(map(str, members))
            yield f"{names} have one configuration, but different predictions. Keep one of them."


def _agree(one: RunRecord, other: RunRecord) -> bool:
    """Whether two runs of one configuration predict the same, as far as what they were made on lets them."""
    if one.made_on == other.made_on or not (one.predictions.has_gate and other.predictions.has_gate):
        return _predictions_digest(one) == _predictions_digest(other)
    scale = label_scale(one.predictions)
    gaps = {model: one.predictions.clipped[model] - other.predictions.clipped[model] for model in MODELS}
    mixed = [gaps[model] for model in ("soft", "classify")]
    references = [gaps[model] for model in ("oracle", "global_ridge")]
    return bool(
        max(np.abs(gap).max() for gap in references) <= SAME_REFERENCES * scale
        and max(np.sqrt(np.mean(gap**2)) for gap in mixed) <= SAME_GATE * scale
    )


def _group(records: Sequence[RunRecord], key: Callable[[RunRecord], object]) -> dict[object, list[RunRecord]]:
    groups: dict[object, list[RunRecord]] = defaultdict(list)
    for record in records:
        groups[key(record)].append(record)
    return groups


def _sides(groups: Mapping[object, list[RunRecord]]) -> str:
    return "; ".join(f"{value}: {', '.join(map(str, members))}" for value, members in groups.items())


def _digest(*values: object) -> str:
    digest = hashlib.sha256()
    for value in values:
        digest.update(np.ascontiguousarray(value).tobytes() if isinstance(value, np.ndarray) else repr(value).encode())
    return digest.hexdigest()[:8]


def _star_digest(column: str) -> Callable[[RunRecord], str]:
    def digest(record: RunRecord) -> str:
        values: pd.Series = record.predictions.stars[column]
        return _digest(values.to_numpy(float))

    return digest


def _bins_digest(record: RunRecord) -> str:
    return _digest(record.predictions.bin_names, record.predictions.bin_index)


def _predictions_digest(record: RunRecord) -> str:
    predictions = record.predictions
    return _digest(
        *(values[model] for values in (predictions.clipped, predictions.unclipped) for model in predictions.own_models)
    )


STAR_CHECKS: tuple[tuple[str, Callable[[RunRecord], object]], ...] = (
    ("labels that are predicted", lambda record: f"data.label={record.predictions.label.option}"),
    ("test stars", lambda record: f"digest {record.test_digest}"),
    ("test stars or their order", _star_digest("star_index")),
    ("labels", lambda record: _digest(record.predictions.y)),
)
"""What must be equal of the test stars, first to last."""
