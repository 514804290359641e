import numpy as np
import pytest
from sklearn.metrics import r2_score

from moe_exp.comparison.influence import leave_one_out


def test_closed_form_equals_leaving_each_star_out() -> None:
    rng = np.random.default_rng(0)
    y, model, reference = rng.uniform(1, 5, 40) + 0.3 * rng.standard_normal((3, 40))
    found = leave_one_out(y, (y - model) ** 2, (y - reference) ** 2, np.arange(40))
    total = r2_score(y, model) - r2_score(y, reference)
    for star in range(40):
        kept = np.arange(40) != star
        expected = r2_score(y[kept], model[kept]) - r2_score(y[kept], reference[kept])
        assert found.without[star] == pytest.approx(expected, abs=1e-12)
        assert found.influence[star] == pytest.approx(total - expected, abs=1e-12)


def test_a_star_is_left_out_with_all_of_its_visits() -> None:
    rng = np.random.default_rng(1)
    star = np.repeat(np.arange(8), [1, 4, 2, 3, 1, 5, 2, 2])
    y, model, reference = rng.uniform(1, 5, 20) + 0.3 * rng.standard_normal((3, 20))
    found = leave_one_out(y, (y - model) ** 2, (y - reference) ** 2, star)
    for number in range(8):
        kept = star != number
        expected = r2_score(y[kept], model[kept]) - r2_score(y[kept], reference[kept])
        assert found.without[number] == pytest.approx(expected, abs=1e-12)


def test_the_largest_of_either_sign_come_first() -> None:
    y = np.linspace(1, 5, 50)
    error, reference = np.full(50, 0.01), np.full(50, 0.01)
    error[7], reference[30], error[12] = 3.0, 9.0, 1.0
    found = leave_one_out(y, error, reference, np.arange(50))
    assert found.largest(3).tolist() == [30, 7, 12]
    assert found.influence[30] > 0 > found.influence[7]


def test_a_star_without_which_labels_do_not_vary_has_no_influence_to_state() -> None:
    found = leave_one_out(np.array([1.0, 1.0, 2.0]), np.ones(3), np.zeros(3), np.arange(3))
    assert np.isnan(found.influence[2])
    assert np.isfinite(found.influence[:2]).all()
    assert 2 not in found.largest(2)
