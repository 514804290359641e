"""Flags are set by what they are for, and by little else."""

import numpy as np
import pytest

from moe_exp.prediction.flags import RARE, REASONS, Flag, Limits, explain
from moe_exp.prediction.intervals import Intervals
from tests.prediction.test_intervals import draw


@pytest.fixture(scope="module")
def limits() -> Limits:
    """Find limits on stars of which those with a large first feature lie outside every bin."""
    evidence, error = draw(4000, seed=0)
    covered = evidence.features[:, 0] < 1.2
    intervals = Intervals.fit(evidence, error, covered=covered, fold=np.arange(4000) % 2)
    return Limits.fit(evidence, covered, intervals)


def flag(limits: Limits, evidence, masked: float = 0.0) -> np.ndarray:
    return limits.flag(evidence, np.ones(len(evidence.predicted)), np.full(len(evidence.predicted), masked))


def share(flags: np.ndarray, flag: Flag) -> float:
    return float(np.mean(flags & flag.value > 0))


def test_stars_like_the_gates_own_are_seldom_flagged(limits):
    evidence = draw(4000, seed=1)[0]
    inside = evidence.take(np.flatnonzero(evidence.features[:, 0] < 1))
    flags = flag(limits, inside)
    for each in (Flag.NOISE, Flag.UNLIKE_TRAINING, Flag.OUTSIDE_BINS):
        assert share(flags, each) < 5 * RARE
    assert share(flags, Flag.MASKED) == 0


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"noise": 1e3}, Flag.NOISE),
        ({"noise": 1e-4}, Flag.NOISE),
        ({"misfit": 10.0}, Flag.UNLIKE_TRAINING),
        ({"features": np.array([0, 8.0, 0, 0])}, Flag.UNLIKE_TRAINING),
        ({"features": np.array([3.0, 0, 0, 0])}, Flag.OUTSIDE_BINS),
    ],
)
def test_a_flag_is_set_by_what_it_is_for(limits, changed, expected):
    evidence = draw(50, seed=2)[0]
    shape = {name: getattr(evidence, name).shape for name in changed}
    strange = evidence._replace(**{name: np.broadcast_to(value, shape[name]) for name, value in changed.items()})
    assert share(flag(limits, strange), expected) > 0.9


def test_masked_and_difficult_stars_are_flagged(limits):
    evidence = draw(50, seed=2)[0]
    assert share(flag(limits, evidence, masked=0.3), Flag.MASKED) == 1
    hard = limits.flag(evidence, np.full(50, 2 * limits.difficulty), np.zeros(50))
    assert share(hard, Flag.UNCERTAIN) == 1
    assert share(flag(limits, evidence), Flag.UNCERTAIN) in (0, 1)


def test_where_no_star_lies_outside_none_is_said_to():
    evidence, error = draw(400, seed=0)
    everyone = np.ones(400, bool)
    limits = Limits.fit(evidence, everyone, Intervals.fit(evidence, error, covered=everyone, fold=np.arange(400) % 2))
    assert share(flag(limits, evidence), Flag.OUTSIDE_BINS) == 0


def test_every_bit_has_a_reason_and_reasons_are_joined():
    assert set(REASONS) == set(Flag)
    said = explain(np.array([0, Flag.NOISE.value, Flag.NOISE.value | Flag.MASKED.value]))
    assert said[0] == ""
    assert said[1] == REASONS[Flag.NOISE]
    assert said[2] == f"{REASONS[Flag.NOISE]}; {REASONS[Flag.MASKED]}"
