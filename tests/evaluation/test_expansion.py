import numpy as np
import pytest
from scipy import stats

from moe_exp.evaluation.bootstrap import bootstrap_r2, percentile_interval
from moe_exp.evaluation.expansion import degrees_of_freedom, expand, expanded_quantiles

NORMAL = stats.norm.ppf((np.arange(4000) + 0.5) / 4000)


def test_normal_draws_become_those_of_students_t() -> None:
    interval = percentile_interval(0.3, 0.3 + 0.02 * expand(NORMAL, 9), 0.95)
    assert (interval.low, interval.high) == pytest.approx(stats.t.interval(0.95, 9, 0.3, 0.02), abs=1e-4)


def test_the_order_the_median_and_nan_stay() -> None:
    draws = np.append(np.random.default_rng(0).gamma(2, size=1001), np.nan)
    moved = expand(draws, 5)
    assert np.array_equal(np.argsort(moved), np.argsort(draws))
    assert np.nanmedian(moved) == np.nanmedian(draws)
    assert np.isnan(moved[-1])
    assert np.all(np.abs(moved - np.nanmedian(draws))[:-1] >= np.abs(draws - np.nanmedian(draws))[:-1])
    assert expand(draws, np.inf) is draws


@pytest.mark.parametrize("degrees", [0.8, 7, np.inf])
@pytest.mark.parametrize("n_draws", [1, 2, 100, 1001])
def test_quantiles_are_those_of_all_draws_expanded(n_draws: int, degrees: float) -> None:
    draws = np.random.default_rng(n_draws).gamma(2, size=n_draws)
    shares = np.array([0, 0.025, 0.3, 0.5, 0.975, 1])
    for each in (draws, np.round(draws), np.append(np.nan, draws)):  # also equal ones, and some without a value
        expected = np.nanquantile(expand(each, degrees), shares)
        assert expanded_quantiles(each, degrees, shares).tolist() == expected.tolist()


def test_degrees_of_freedom_are_those_of_a_normal_sample_and_few_for_a_heavy_tail() -> None:
    rng = np.random.default_rng(0)
    assert degrees_of_freedom(rng.standard_normal(100_000)) == pytest.approx(100_000, rel=0.03)
    assert degrees_of_freedom(np.append(np.zeros(99), 1.0)) == pytest.approx(2 / 0.99)
    assert degrees_of_freedom(np.zeros(10)) == np.inf


def test_intervals_hold_more_often_where_few_stars_carry_them() -> None:
    """Squared errors of Student's t: what percentile intervals lack is made up for."""
    held = []
    for repetition in range(300):
        rng = np.random.default_rng([6, repetition])
        y, error = rng.normal(0, 1, 40), 0.3 * rng.standard_t(5, 40)
        found = bootstrap_r2(y, {"model": y + error}, n_resamples=400, seed=repetition)
        truth = 1 - 0.09 * 5 / 3
        plain = percentile_interval(0, found.draws[:, 0], 0.95)
        held.append([low <= truth <= high for _, low, high in (plain, found.r2("model"))])
    plain_share, share = np.mean(held, axis=0)
    assert plain_share < 0.92
    assert share > plain_share + 0.015
