"""What is refused before it costs time: options that cannot work, and splits without stars to work on."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.evaluation.tables import SCORES
from moe_exp.experiment.config import Experiment
from moe_exp.model.bins_base import Bins
from moe_exp.model.mixture import N_FOLDS, calibration_folds
from moe_exp.spectra.dataset import Stars


def check(experiment: Experiment) -> None:
    """Refuse options that cannot work, before any star is made or read.

    Raises
    ------
    InputError
        Naming the option.
    """
    experiment.bins.check()
    experiment.data.check(experiment.cache_dir)
    experiment.noise.check()
    grid = experiment.data.read_grid()
    experiment.preprocessing.check(grid.wavelength)
    for name, stars in experiment.externals.items():
        stars.check(f"externals.{name}", grid, experiment.preprocessing)
    experiment.features.check_wavelength(grid.wavelength, medium=grid.medium)
    experiment.experts.check(grid.wavelength.size)
    replace(experiment.gate, training=experiment.training).check()
    experiment.evaluation.check()
    if not experiment.cache_limit_gb >= 0:
        raise InputError(Code.OUT_OF_RANGE, f"cache_limit_gb={experiment.cache_limit_gb}: give 0 or more, or inf.")
    taken = sorted(set(SCORES) & set(experiment.metrics))
    if taken:
        raise InputError(
            Code.METRIC_NAME_TAKEN, f"metrics.{taken[0]}: every run has a metric of this name; name the file otherwise."
        )
    for hypothesis in experiment.hypotheses.values():
        hypothesis.check()


def check_covered(bins: Bins, splits: Mapping[str, Stars]) -> None:
    """Refuse splits, by the option that sets their size, with too few stars in the bins to train or score on.

    Raises
    ------
    InputError
        Saying how many there are.
    """
    for option, stars in splits.items():
        target = stars.target[bins.assign_stars(stars.labels) >= 0]
        n_values = len(np.unique(target))
        if n_values < 2:
            raise InputError(
                Code.TOO_FEW_COVERED,
                f"{option}: {len(target)} of {len(stars)} stars lie in a bin, with {n_values} value(s) of "
                f"{stars.label.option}; at least two of each are needed. Use more stars or wider bins.",
            )


def check_folds(experiment: Experiment, bins: Bins, stars: Stars) -> None:
    """Refuse gate stars too few for the gates that calibrate error bars, which are trained on a part of them each.

    Raises
    ------
    InputError
        Saying how many there are, and how many such a gate would get.
    """
    covered = bins.assign_stars(stars.labels) >= 0
    fold = calibration_folds(stars, seed=experiment.seed)
    gate = replace(experiment.gate, training=experiment.training)
    least = min(int(np.sum(covered & (fold != number))) for number in range(N_FOLDS))
    try:
        gate.check_count(least)
    except InputError as error:
        raise InputError(
            error.code,
            f"data.n_val: {covered.sum()} of {len(stars)} stars lie in a bin; error bars come from {N_FOLDS} gates, "
            f"each trained without a part of them, on {least} in one case: {error.message}",
        ) from error
