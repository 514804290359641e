import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from moe_exp.evaluation import scores

RNG = np.random.default_rng(0)
Y = RNG.uniform(1, 5, size=200)
PREDICTED = Y + 0.3 * RNG.normal(size=200) + 0.05


def test_scores_equal_scikit_learn() -> None:
    assert scores.r2(Y, PREDICTED) == pytest.approx(r2_score(Y, PREDICTED), abs=1e-12)
    assert scores.rmse(Y, PREDICTED) == pytest.approx(root_mean_squared_error(Y, PREDICTED), abs=1e-12)
    assert scores.mae(Y, PREDICTED) == pytest.approx(mean_absolute_error(Y, PREDICTED), abs=1e-12)


def test_known_values() -> None:
    y = np.array([1.0, 2.0, 3.0])
    assert scores.r2(y, y) == 1
    assert scores.r2(y, np.full(3, 2.0)) == 0
    assert scores.bias(y, y + 0.25) == pytest.approx(0.25)
    assert scores.rmse(y, y + [0, 3, 4]) == pytest.approx(np.sqrt(25 / 3))


@pytest.mark.parametrize("y", [[], [2.0], [2.0, 2.0, 2.0], [0.1, 0.1, 0.1]])
def test_r2_of_labels_without_variation_is_nan(y: list[float]) -> None:
    assert np.isnan(scores.r2(np.array(y), np.zeros(len(y))))


def test_squared_error_splits_into_variance_and_bias() -> None:
    spread = np.var(PREDICTED - Y)
    assert scores.rmse(Y, PREDICTED) ** 2 == pytest.approx(spread + scores.bias(Y, PREDICTED) ** 2)


def test_oracle_gain_fraction() -> None:
    assert scores.oracle_gain_fraction(r2=0.9, r2_global=0.8, r2_oracle=0.9) == 1
    assert scores.oracle_gain_fraction(r2=0.8, r2_global=0.8, r2_oracle=0.9) == 0
    assert np.isnan(scores.oracle_gain_fraction(r2=0.8, r2_global=0.9, r2_oracle=0.9))


def test_worst_stars_are_found_in_order_with_their_share() -> None:
    predicted = Y.copy()
    predicted[[7, 30, 90]] += [3.0, -4.0, 0.0]
    worst = scores.worst_stars(Y, predicted, 2)
    assert worst.position.tolist() == [30, 7]
    np.testing.assert_allclose(worst.error_share, [16 / 25, 9 / 25])
    assert np.isnan(scores.worst_stars(Y, Y, 2).error_share).all()


def test_shares_of_all_stars_sum_to_one() -> None:
    assert scores.worst_stars(Y, PREDICTED, len(Y)).error_share.sum() == pytest.approx(1)


def test_accuracy() -> None:
    weights = np.array([[0.6, 0.4], [0.3, 0.7], [0.9, 0.1], [0.2, 0.8]])
    assert scores.accuracy(np.array([0, 1, 1, 1]), weights) == 0.75


def test_arrays_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"equal length, not \(200,\) and \(199,\)"):
        scores.r2(Y, PREDICTED[:-1])
