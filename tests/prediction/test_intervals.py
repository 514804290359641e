"""Intervals that hold for stars that nobody saw, whatever the scatter of their errors."""

import numpy as np
import pytest

from moe_exp.prediction.evidence import Evidence
from moe_exp.prediction.intervals import (
    CONTENT,
    LEAST_STARS,
    LEVELS,
    ONE_SIGMA,
    Intervals,
    at_level,
    cross_fit_difficulty,
)


def draw(n_stars: int, seed: int) -> tuple[Evidence, np.ndarray]:
    """Return evidence of stars in three bins, and errors whose scatter noise and bin decide, with heavy tails."""
    rng = np.random.default_rng(seed)
    likely = rng.integers(3, size=n_stars)
    weights = np.full((n_stars, 3), 0.05)
    weights[np.arange(n_stars), likely] = 0.9
    noise = np.exp(rng.normal(size=n_stars))
    evidence = Evidence(
        predicted=rng.uniform(1, 5, n_stars),
        weights=weights,
        scatter=rng.uniform(0.01, 1, n_stars),
        disagreement=rng.normal(size=(n_stars, 4)),
        features=rng.normal(size=(n_stars, 4)),
        noise=noise,
        misfit=rng.uniform(1, 2, n_stars),
    )
    return evidence, 0.1 * (1 + likely) * noise * rng.standard_t(5, size=n_stars)


def calibrate(evidence: Evidence, error: np.ndarray, covered: np.ndarray) -> Intervals:
    difficulty = cross_fit_difficulty(evidence, error, np.arange(len(error)) % 2)
    return Intervals.fit(evidence, error, difficulty, covered=covered)


def fit(n_stars: int, seed: int = 0) -> Intervals:
    return calibrate(*draw(n_stars, seed), np.ones(n_stars, bool))


def half_widths(intervals: Intervals, evidence: Evidence) -> np.ndarray:
    return intervals.half_widths(evidence, intervals.difficulty.predict(evidence))


def test_intervals_hold_their_content_pooled_and_in_each_bin():
    intervals = fit(6000)
    evidence, error = draw(20_000, seed=1)
    inside = np.abs(error)[:, None] <= half_widths(intervals, evidence)
    np.testing.assert_allclose(inside.mean(axis=0), LEVELS, atol=0.015)
    for index in range(3):
        members = evidence.likely_bin == index
        assert at_level(inside[members].mean(axis=0)[None], CONTENT)[0] == pytest.approx(CONTENT, abs=0.015)


def test_intervals_are_wide_where_errors_are():
    widths = at_level(half_widths(fit(6000), evidence := draw(2000, seed=1)[0]), CONTENT)
    noisy = evidence.noise > np.median(evidence.noise)
    assert np.median(widths[noisy]) > 2.5 * np.median(widths[~noisy])
    assert np.corrcoef(np.log(widths), np.log(evidence.noise))[0, 1] > 0.8


def test_difficulty_of_a_calibration_star_knows_nothing_of_its_own_error(monkeypatch):
    seen = []
    from moe_exp.prediction.intervals import Difficulty

    whole = Difficulty.fit.__func__

    def spy(cls, evidence, error):
        seen.append(set(error))
        return whole(cls, evidence, error)

    monkeypatch.setattr(Difficulty, "fit", classmethod(spy))
    evidence, error = draw(400, seed=3)
    calibrate(evidence, error, np.ones(400, bool))
    first, second, final = seen
    assert first == set(error[1::2])
    assert second == set(error[::2])
    assert final == set(error)


def test_quantiles_count_the_new_star_and_few_stars_promise_nothing():
    few = fit(15)
    assert np.isinf(at_level(few.quantiles, CONTENT)).all()
    assert np.isfinite(at_level(few.quantiles, ONE_SIGMA)).all()
    intervals = fit(3 * LEAST_STARS)
    evidence = draw(3 * LEAST_STARS, seed=0)[0]
    small = [index for index in range(3) if (evidence.likely_bin == index).sum() < LEAST_STARS]
    assert small
    assert len({tuple(intervals.quantiles[index]) for index in range(3)}) == 3 - len(small) + 1


def test_nothing_is_promised_beyond_the_difficulty_that_was_seen():
    intervals = fit(3000)
    evidence = draw(200, seed=4)[0]
    widths = at_level(half_widths(intervals, evidence._replace(noise=evidence.noise * 1e6)), CONTENT)
    reached = intervals.difficulty.limits[1]
    assert (widths <= at_level(intervals.quantiles, CONTENT).max() * np.exp(reached) * (1 + 1e-9)).all()


def test_stars_outside_every_bin_have_no_part_in_the_quantiles():
    evidence, error = draw(900, seed=5)
    covered = np.arange(900) < 250
    wild = np.where(covered, error, 100 * error)
    intervals = calibrate(evidence, wild, covered)
    assert len({tuple(row) for row in intervals.quantiles}) == 1
    inside = np.abs(wild)[:, None] <= half_widths(intervals, evidence)
    assert at_level(inside[covered].mean(axis=0)[None], CONTENT)[0] == pytest.approx(CONTENT, abs=0.03)
    assert at_level(inside[~covered].mean(axis=0)[None], CONTENT)[0] < 0.8
