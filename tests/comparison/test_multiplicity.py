import numpy as np
import pytest
from scipy import stats

from moe_exp.comparison.multiplicity import TAIL_DRAWS, holm, two_sided_p, verdict
from moe_exp.evaluation.bootstrap import percentile_interval
from moe_exp.evaluation.resamples import draw_r2


def test_holm_by_hand() -> None:
    # sorted 0.01, 0.02, 0.03, 0.04: times 4, 3, 2, 1 gives 0.04, 0.06, 0.06, 0.04, which then may not decrease
    np.testing.assert_allclose(holm(np.array([0.04, 0.01, 0.03, 0.02])), [0.06, 0.04, 0.06, 0.06])
    np.testing.assert_allclose(holm(np.array([0.6, 0.001, 0.7])), [1, 0.003, 1])
    np.testing.assert_allclose(holm(np.array([0.01, np.nan, 0.04])), [0.02, np.nan, 0.04])
    assert holm(np.array([])).size == 0


def test_holm_rejects_what_its_steps_reject() -> None:
    p = np.random.default_rng(0).uniform(size=30) ** 4
    level, rejected = 0.05, np.zeros(30, bool)
    for place, test in enumerate(np.argsort(p)):
        if p[test] > level / (30 - place):
            break
        rejected[test] = True
    assert 0 < rejected.sum() < 30
    np.testing.assert_array_equal(holm(p) <= level, rejected)


def test_p_is_twice_the_share_beyond_zero() -> None:
    draws = np.append(np.full(970, 0.1), np.full(29, -0.1))
    assert two_sided_p(draws) == 2 * 30 / 1000
    assert two_sided_p(-draws) == 2 * 30 / 1000
    assert two_sided_p(np.zeros(50)) == 1
    assert np.isnan(two_sided_p(np.full(5, np.nan)))


def test_p_is_below_the_level_where_the_interval_excludes_zero() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        draws = rng.normal(rng.normal(2, 0.1), 1, 999)
        interval = percentile_interval(0, draws, 0.95)
        p = two_sided_p(draws)
        assert abs(p - 0.05) < 0.005 or (p < 0.05) == (interval.low > 0)


@pytest.mark.parametrize("degrees_of_freedom", [np.inf, 4])
def test_tails_beyond_the_draws_follow_their_distribution(degrees_of_freedom: float) -> None:
    quantiles = stats.t.ppf((np.arange(10_000) + 0.5) / 10_000, degrees_of_freedom)
    for distance in (2.0, 3.0, 3.5, 5.0, 8.0):
        p = two_sided_p(distance + quantiles, degrees_of_freedom=degrees_of_freedom)
        expected = 2 * stats.t.sf(distance, degrees_of_freedom)
        assert np.log(p) == pytest.approx(np.log(expected), rel=0.05)


def test_p_never_rises_with_the_distance_from_zero() -> None:
    draws = np.random.default_rng(3).standard_normal(1000)
    p = [two_sided_p(distance + draws) for distance in np.linspace(0.5, 6, 200)]
    assert np.all(np.diff(p) <= 0)
    assert sum(np.min(draws + d) < 0 for d in np.linspace(0.5, 6, 200)) > TAIL_DRAWS


def test_false_differences_among_equal_gates_stay_rare() -> None:
    n_stars, n_gates, n_false = 250, 4, 0
    for repetition in range(400):
        rng = np.random.default_rng([2, repetition])
        y = rng.uniform(1, 5, n_stars)
        error = 0.2 * rng.standard_normal((n_stars, 1)) + 0.15 * rng.standard_normal((n_stars, n_gates))
        draws = draw_r2(y, y[:, None] + error, np.arange(n_stars), n_resamples=1000, seed=repetition, stage="bootstrap")
        p = [two_sided_p(draws[:, a] - draws[:, b]) for a in range(n_gates) for b in range(a)]
        n_false += holm(np.array(p)).min() < 0.05
    assert n_false / 400 <= 0.06


def test_verdicts() -> None:
    assert verdict(0.1, 0.049, 0.95, 100, trusted=True) == "higher"
    assert verdict(-0.1, 0.049, 0.95, 100, trusted=True) == "lower"
    assert verdict(0.1, 0.051, 0.95, 100, trusted=True) == "no difference shown"
    assert verdict(np.nan, np.nan, 0.95, 100, trusted=True) == "not tested"
    assert (
        verdict(0.1, np.nan, 0.95, 9, trusted=False)
        == verdict(np.nan, np.nan, 0.95, 1, trusted=True)
        == "too few stars"
    )
