"""What tells runs apart beside gate, train size, noise and seed, named by the parameters that differ."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from moe_exp.evaluation.comparison.runs import RunRecord

FACTOR_KEYS = frozenset({"gate", "seed", "data.seed", "data.n_train", "data.noise_level"})
"""Parameters that are attributes of a record, and no part of its design."""

MISSING = "(none)"


class Labels(NamedTuple):
    """How a run is listed."""

    gate: str
    """the gate, with those of its own options that differ between runs of it: ``"mlp"``, ``"mlp hidden=128"``"""
    design: str
    """other parameters that differ between the runs, ``"training=published"``; empty when none does"""


def label_runs(records: Sequence[RunRecord]) -> dict[str, Labels]:
    """Return the labels of each run by its id.

    Whether the experts are clipped counts as the parameter ``experts.clip``. Options of a gate are held against the
    other runs of that gate alone; all other parameters against all runs.
    """
    designs = {record.run_id: _design(record) for record in records}
    of_gate = {record.run_id: _gate_options(record) for record in records}
    differing = _differing_keys(list(designs.values()))
    labels = {}
    for record in records:
        siblings = [of_gate[other.run_id] for other in records if other.gate == record.gate]
        options = _describe(of_gate[record.run_id], _differing_keys(siblings))
        gate = f"{record.gate} {options}" if options else record.gate
        labels[record.run_id] = Labels(gate, _describe(designs[record.run_id], differing))
    return labels


def _design(record: RunRecord) -> dict[str, str]:
    values = dict(record.design) | {"experts.clip": str(record.clip)}
    return {key: value for key, value in values.items() if key not in FACTOR_KEYS and not key.startswith("gate.")}


def _gate_options(record: RunRecord) -> dict[str, str]:
    return {key.removeprefix("gate."): value for key, value in record.design.items() if key.startswith("gate.")}


def _differing_keys(designs: Sequence[Mapping[str, str]]) -> list[str]:
    keys = sorted({key for design in designs for key in design})
    return [key for key in keys if len({design.get(key, MISSING) for design in designs}) > 1]


def _describe(values: Mapping[str, str], keys: Sequence[str]) -> str:
    return ", ".join(f"{key}={values.get(key, MISSING)}" for key in keys)
