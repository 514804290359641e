"""What tells runs apart beside gate, train size, noise and seed, named by the parameters that differ."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import NamedTuple

from moe_exp.comparison.records import RunRecord
from moe_exp.model.gates import ClassifyGate

REFERENCE = {option.name: str(option.default) for option in fields(ClassifyGate)}
"""Options of the classify gate that every run has as its reference."""

MISSING = "(none)"


class Labels(NamedTuple):
    """How a run is listed."""

    gate: str
    """the gate, with those of its own options that differ between runs of it: ``"mlp"``, ``"mlp hidden=128"``; of the
    classify gate with those that differ from the reference which every run has"""
    baseline: str
    """likewise what follows the baseline's name: ``""``, ``" n_trees=100"``"""
    design: str
    """other parameters that differ between the runs, ``"training=published"``; empty when none does"""


def label_runs(records: Sequence[RunRecord]) -> dict[str, Labels]:
    """Return the labels of each run by its id.

    Whether the experts are clipped counts as the parameter ``experts.clip``. Options of a gate are held against the
    other runs of that gate alone, those of a baseline against the other runs with it; all other parameters against all
    runs.
    """
    designs = {record.run_id: _design(record) for record in records}
    differing = _differing_keys(list(designs.values()))
    chosen = {record.run_id: record.gate for record in records}
    gates = _describe_options(records, "gate", chosen, {"classify": REFERENCE})
    chosen = {record.run_id: record.design.get("baseline", "") for record in records}
    baselines = _describe_options(records, "baseline", chosen)
    return {
        record.run_id: Labels(
            gate=record.gate + gates[record.run_id],
            baseline=baselines[record.run_id],
            design=_describe(designs[record.run_id], differing),
        )
        for record in records
    }


def _design(record: RunRecord) -> dict[str, str]:
    values = dict(record.design) | {"experts.clip": str(record.clip)}
    groups = ("gate", "baseline")
    return {key: value for key, value in values.items() if key.split(".")[0] not in groups}


def _describe_options(
    records: Sequence[RunRecord],
    group: str,
    chosen: Mapping[str, str],
    defaults: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, str]:
    """Return for each run those options of a group that differ between the runs with the same choice.

    Options of a choice that has defaults are held against these instead.
    """
    options = {
        record.run_id: {
            key.removeprefix(f"{group}."): value for key, value in record.design.items() if key.startswith(f"{group}.")
        }
        for record in records
    }
    described = {}
    for run_id, values in options.items():
        known = (defaults or {}).get(chosen[run_id])
        siblings = [options[other] for other in options if chosen[other] == chosen[run_id]]
        differing = _differing_keys(siblings) if known is None else [k for k in values if values[k] != known.get(k)]
        found = _describe(values, sorted(differing))
        described[run_id] = f" {found}" if found else ""
    return described


def _differing_keys(designs: Sequence[Mapping[str, str]]) -> list[str]:
    keys = sorted({key for design in designs for key in design})
    return [key for key in keys if len({design.get(key, MISSING) for design in designs}) > 1]


def _describe(values: Mapping[str, str], keys: Sequence[str]) -> str:
    return ", ".join(f"{key}={values.get(key, MISSING)}" for key in keys)
