"""The same numbers, bit for bit, with any number of cores."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from moe_exp.experiment import pipeline
from moe_exp.model.ridge import fold_sums, solutions
from moe_exp.model.ridge.estimator import CrossValidatedRidge


class FoundError(Exception):
    pass


def test_a_run_forms_each_product_by_one_thread(configure, monkeypatch):
    def look(_: str) -> None:
        raise FoundError({library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"})

    monkeypatch.setattr(pipeline, "choose_device", look)
    with threadpool_limits(2, user_api="blas"), pytest.raises(FoundError) as found:
        pipeline.run(configure())
    assert found.value.args == ({1},)


@pytest.mark.parametrize("n_stars", [30, 300])  # fewer and more than pixels: from the stars, and from sums over them
def test_a_ridge_is_the_same_on_any_number_of_cores(monkeypatch, n_stars):
    rng = np.random.default_rng(0)
    X = rng.normal(1, 0.1, (n_stars, 60)).astype(np.float32)
    y = X[:, :5].sum(axis=1) + rng.normal(0, 0.01, n_stars)
    fitted = []
    for n_cores in (1, 2, 7):
        for module in (fold_sums, solutions):
            monkeypatch.setattr(module, "usable_cores", lambda n_cores=n_cores: n_cores)
        fitted.append(CrossValidatedRidge(alphas=np.geomspace(1e-3, 1e3, 5)).fit(X, y))
    for other in fitted[1:]:
        np.testing.assert_array_equal(fitted[0].coef_, other.coef_)
        np.testing.assert_array_equal(fitted[0].cv_scores_, other.cv_scores_)
