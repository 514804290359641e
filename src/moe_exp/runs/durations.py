"""How long runs took on the machine that made them: what more of their kind would take."""

from collections.abc import Sequence
from typing import NamedTuple

from moe_exp import names
from moe_exp.tracking import LoggedRun

MADE_ONCE = ("simulate", "inspect")
"""Stages that serve all runs of one data seed; a run that found their result logs no time for the first."""

SIZES = ("data.n_train", "data.n_val", "data.n_test")


class Durations(NamedTuple):
    """Seconds, means over what the runs hold."""

    training_seed: float
    """of all runs of one training seed, spectra on disk"""
    data_seed: float
    """of all runs of one data seed, their spectra included where a run made them"""
    star: float
    """of making one star's spectrum; zero where no run made any"""


def measure_durations(runs: Sequence[LoggedRun]) -> Durations:
    """Measure what some finished runs took."""
    made, trained, rates = 0.0, 0.0, []
    for run in runs:
        stages = {names.stage_of(metric): seconds for metric, seconds in run.metrics.items()}
        once = sum(stages.get(stage, 0.0) for stage in MADE_ONCE)
        made += once
        trained += sum(seconds for stage, seconds in stages.items() if stage) - once
        if "simulate" in stages:
            rates.append(stages["simulate"] / sum(float(run.parameters[size]) for size in SIZES))
    data_seeds = {run.parameters[names.PARAMETERS["data_seed"]] for run in runs}
    seeds = {(run.parameters[names.PARAMETERS["data_seed"]], run.parameters[names.PARAMETERS["seed"]]) for run in runs}
    star = sum(rates) / len(rates) if rates else 0.0
    return Durations(trained / len(seeds), (made + trained) / len(data_seeds), star)
