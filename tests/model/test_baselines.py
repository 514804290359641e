import re

import numpy as np
import pytest

from moe_exp.errors import InputError
from moe_exp.evaluation.scores import r2
from moe_exp.model.baselines import LightGbm, _Rows, predict_stars
from moe_exp.progress import Stages
from moe_exp.spectra.sources import Hdf5Data


@pytest.fixture
def dataset(many_stars, tmp_path):
    data = Hdf5Data(path=str(many_stars), n_train=800, n_val=200, n_test=200, noise_level=0.05)
    return data.open(tmp_path, Stages())


def fit_predict(dataset, **options):
    grown = []
    model = LightGbm(**{"n_trees": 40, "learning_rate": 0.2} | options)
    predict = model.fit(dataset.train, seed=0, advance=grown.append)
    assert sum(grown) == model.n_steps
    return predict_stars(predict, dataset.test)


def test_trees_learn_and_repeat_themselves(dataset):
    predicted = fit_predict(dataset)
    assert r2(dataset.test.labels["logg"].to_numpy(float), predicted) > 0.5
    np.testing.assert_array_equal(fit_predict(dataset), predicted)


def test_rows_are_handed_out_as_asked_for(dataset):
    rows, flux = _Rows(dataset.train), dataset.train.noisy_flux(np.arange(800)).astype(float)
    np.testing.assert_array_equal(rows[7], flux[7])
    np.testing.assert_array_equal(rows[[30, 2, 400]], flux[[30, 2, 400]])
    np.testing.assert_array_equal(rows[10:20], flux[10:20])


@pytest.mark.parametrize("option", ["n_trees", "n_leaves", "max_bin", "learning_rate"])
def test_options_that_grow_nothing_are_refused(option):
    with pytest.raises(InputError, match=re.escape(f"baseline.{option}=0")):
        LightGbm(**{option: 0})
