"""Flags are set by what they are for, and by little else."""

import numpy as np
import pytest

from moe_exp.prediction.flags import RARE, REASONS, UNCERTAIN_SHARES, WORSE, Flag, Limits, explain
from tests.prediction.test_intervals import draw


@pytest.fixture(scope="module")
def limits() -> Limits:
    """Find limits on stars of which those with a large first feature lie outside every bin."""
    evidence, error = draw(4000, seed=0)
    covered = evidence.features[:, 0] < 1.2
    return Limits.fit(evidence, error, np.abs(error), covered=covered)


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


def test_as_many_are_uncertain_as_make_flagged_stars_three_times_worse():
    """Errors whose scatter the difficulty tells, from star to star by a factor of 25."""
    evidence, everyone = draw(4000, seed=0)[0], np.ones(4000, bool)
    rng = np.random.default_rng(1)
    difficulty = 10 ** rng.uniform(-1.4, 0, 4000)
    limits = Limits.fit(evidence, difficulty * rng.standard_normal(4000), difficulty, covered=everyone)
    new = 10 ** rng.uniform(-1.4, 0, 20_000)
    error, flagged = new * rng.standard_normal(20_000), new > limits.difficulty
    rms = [np.sqrt(np.mean(error[each] ** 2)) for each in (flagged, ~flagged)]
    assert rms[0] / rms[1] == pytest.approx(WORSE, rel=0.05)
    alike = Limits.fit(evidence, rng.standard_normal(4000), difficulty, covered=everyone)
    assert np.mean(difficulty > alike.difficulty) == pytest.approx(UNCERTAIN_SHARES[0], abs=0.001)


def test_where_no_star_lies_outside_none_is_said_to():
    evidence, error = draw(400, seed=0)
    limits = Limits.fit(evidence, error, np.abs(error), covered=np.ones(400, bool))
    assert share(flag(limits, evidence), Flag.OUTSIDE_BINS) == 0


def test_every_bit_has_a_reason_and_reasons_are_joined():
    assert set(REASONS) == set(Flag)
    said = explain(np.array([0, Flag.NOISE.value, Flag.NOISE.value | Flag.MASKED.value]))
    assert said[0] == ""
    assert said[1] == REASONS[Flag.NOISE]
    assert said[2] == f"{REASONS[Flag.NOISE]}; {REASONS[Flag.MASKED]}"
