"""Intervals that hold for stars that nobody saw, whatever the scatter of their errors."""

import numpy as np
import pytest

from moe_exp.prediction.evidence import Evidence
from moe_exp.prediction.intervals import CONTENT, LEAST_STARS, LEVELS, ONE_SIGMA, Intervals, at_level


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
        features=rng.normal(size=(n_stars, 4)),
        noise=noise,
        misfit=rng.uniform(1, 2, n_stars),
    )
    return evidence, 0.1 * (1 + likely) * noise * rng.standard_t(5, size=n_stars)


def fit(n_stars: int, seed: int = 0) -> Intervals:
    evidence, error = draw(n_stars, seed)
    return Intervals.fit(evidence, error, covered=np.ones(n_stars, bool), fold=np.arange(n_stars) % 2)


def test_intervals_hold_their_content_pooled_and_in_each_bin():
    intervals = fit(6000)
    evidence, error = draw(20_000, seed=1)
    inside = np.abs(error)[:, None] <= intervals.half_widths(evidence)
    np.testing.assert_allclose(inside.mean(axis=0), LEVELS, atol=0.015)
    for index in range(3):
        members = evidence.likely_bin == index
        assert at_level(inside[members].mean(axis=0)[None], CONTENT)[0] == pytest.approx(CONTENT, abs=0.015)


def test_intervals_are_wide_where_errors_are():
    widths = at_level(fit(6000).half_widths(evidence := draw(2000, seed=1)[0]), CONTENT)
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
    Intervals.fit(evidence, error, covered=np.ones(400, bool), fold=np.arange(400) % 2)
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
    widths = at_level(intervals.half_widths(evidence._replace(noise=evidence.noise * 1e6)), CONTENT)
    reached = intervals.difficulty.limits[1]
    assert (widths <= at_level(intervals.quantiles, CONTENT).max() * np.exp(reached) * (1 + 1e-9)).all()


def test_stars_outside_every_bin_have_no_part_in_the_quantiles():
    evidence, error = draw(900, seed=5)
    covered = np.arange(900) < 250
    wild = np.where(covered, error, 100 * error)
    fold = np.arange(900) % 2
    scores = Intervals.fit(evidence, wild, covered=covered, fold=fold).quantiles
    assert len({tuple(row) for row in scores}) == 1
    inside = np.abs(wild)[:, None] <= Intervals.fit(evidence, wild, covered=covered, fold=fold).half_widths(evidence)
    assert at_level(inside[covered].mean(axis=0)[None], CONTENT)[0] == pytest.approx(CONTENT, abs=0.03)
    assert at_level(inside[~covered].mean(axis=0)[None], CONTENT)[0] < 0.8
