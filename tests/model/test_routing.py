import re

import numpy as np
import pytest

from moe_exp.errors import InputError
from moe_exp.model.routing import clip_predictions, fall_back, route_hard, route_oracle, route_soft


@pytest.fixture
def predictions():
    return np.random.default_rng(0).normal(3, 1, size=(50, 9))


def test_equal_weights_give_the_mean(predictions):
    np.testing.assert_allclose(route_soft(np.full((50, 9), 1 / 9), predictions), predictions.mean(axis=1))


def test_one_hot_weights_give_hard_and_oracle_routing(predictions):
    bin_index = np.random.default_rng(1).integers(9, size=50)
    one_hot = np.eye(9)[bin_index]
    oracle = route_oracle(bin_index, predictions)
    np.testing.assert_array_equal(route_soft(one_hot, predictions), oracle)
    np.testing.assert_array_equal(route_hard(one_hot, predictions), oracle)
    np.testing.assert_array_equal(oracle, [row[k] for row, k in zip(predictions, bin_index, strict=True)])


def test_experts_that_agree_are_not_changed_by_any_weights():
    weights = np.random.default_rng(2).dirichlet(np.ones(9), size=20)
    np.testing.assert_allclose(route_soft(weights, np.full((20, 9), 4.2)), 4.2, rtol=1e-14)


def test_hard_routing_takes_the_largest_weight(predictions):
    weights = np.tile([0.1, 0.5, 0.4, 0, 0, 0, 0, 0, 0], (50, 1))
    np.testing.assert_array_equal(route_hard(weights, predictions), predictions[:, 1])


def test_uncovered_stars_have_no_oracle_and_fall_back(predictions):
    bin_index = np.arange(50) % 10 - 1
    oracle = route_oracle(bin_index, predictions)
    np.testing.assert_array_equal(np.isnan(oracle), bin_index < 0)
    result = fall_back(oracle, bin_index >= 0, np.full(50, 9.0))
    assert np.all(result[bin_index < 0] == 9)
    np.testing.assert_array_equal(result[bin_index >= 0], oracle[bin_index >= 0])


def test_fall_back_refuses_a_bin_index_in_place_of_covered(predictions):
    with pytest.raises(ValueError, match="bool"):
        fall_back(predictions[:, 0], np.arange(50), predictions[:, 1])


def test_clipping_limits_and_leaves_its_argument_alone():
    predictions = np.array([[-17.0, 3.0], [0.99, 9.0]])
    assert clip_predictions(predictions, 1, 5).tolist() == [[1, 3], [1, 5]]
    assert predictions[0, 0] == -17
    with pytest.raises(InputError, match=re.escape("[5, 1]")):
        clip_predictions(predictions, 5, 1)


def test_shapes_that_differ_are_refused(predictions):
    with pytest.raises(ValueError, match="one shape"):
        route_soft(np.ones(9), predictions)
    with pytest.raises(ValueError, match="one shape"):
        route_hard(np.ones((50, 8)), predictions)
    with pytest.raises(ValueError, match="one shape"):
        fall_back(np.ones(3), np.ones(4, dtype=bool), np.ones(3))
    with pytest.raises(ValueError, match="49 stars"):
        route_oracle(np.zeros(49, dtype=int), predictions)
