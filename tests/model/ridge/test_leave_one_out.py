"""The Ridge of few columns against scikit-learn's, which goes another way."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeCV

from moe_exp.model.ridge.leave_one_out import LeaveOneOutRidge

ALPHAS = np.logspace(-1, 5, 7)


@pytest.mark.parametrize(
    ("n_rows", "n_columns", "noise"), [(300, 40, 0.1), (300, 40, 30.0), (60, 59, 3.0), (30, 50, 1.0)]
)
def test_penalty_coefficients_and_predictions_are_those_of_scikit_learn(n_rows, n_columns, noise):
    rng = np.random.default_rng(n_rows + n_columns)
    X = rng.normal(3, 1, (n_rows, n_columns)) * np.logspace(-1, 1, n_columns)
    y = X @ rng.normal(size=n_columns) + noise * rng.normal(size=n_rows) - 7
    ours, theirs = LeaveOneOutRidge.fit(X, y, ALPHAS), RidgeCV(ALPHAS, gcv_mode="svd").fit(X, y)
    assert ours.alpha == theirs.alpha_
    np.testing.assert_allclose(ours.coef, theirs.coef_, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9)


def test_a_column_that_never_varies_has_no_weight():
    X = np.column_stack([np.arange(20.0), np.full(20, 5.0)])
    found = LeaveOneOutRidge.fit(X, 2 * X[:, 0] + 1, np.array([1e-6]))
    np.testing.assert_allclose(found.coef, [2, 0], atol=1e-6)
