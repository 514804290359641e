"""Whole runs on stars with bad pixels, beside the same stars without."""

import shutil

import h5py
import numpy as np
import pytest

from moe_exp.errors import InputError
from moe_exp.experiment.pipeline import run
from moe_exp.progress import Stages
from moe_exp.runs.recording import mask_tags
from moe_exp.spectra.files import ERROR, FLUX

SMALL = (
    "data=hdf5",
    "features=pca",
    "gate=linear",
    "experts.n_alphas=5",
    "evaluation.n_resamples=100",
    "training.max_epochs=5",
    "data.n_train=800",
    "data.n_val=200",
    "data.n_test=200",
)
WINDOW = "features.windows=[{name: line, line: [8570.0, 8590.0], side_bands: [[8500.0, 8520.0]]}]"


@pytest.fixture
def run_masked(configure, many_stars, tmp_path):
    """Run on a copy of the stars in which flux or error are set to a value where an array says so."""

    def run_copy(masked, dataset=FLUX, value=np.nan, *overrides, stages=None):
        path = shutil.copy(many_stars, tmp_path / "many.h5")
        with h5py.File(path, "a") as file:
            file[dataset][...] = np.where(masked, value, file[dataset][()])
        return run(configure(*SMALL, f"data.path={path}", *overrides), stages)

    return run_copy


@pytest.fixture
def shape(many_stars):
    with h5py.File(many_stars) as file:
        return file[FLUX].shape


def test_stars_with_some_masked_pixels_are_predicted_nearly_as_well_and_alike_whatever_marks_them(run_masked, shape):
    masked = np.random.default_rng(3).random(shape) < 0.03
    clean, ours, theirs = (
        run_masked(np.zeros(shape, bool)),
        run_masked(masked),
        run_masked(masked, ERROR, np.inf),
    )
    r2 = [each.results.metrics()["test/r2"] for each in (clean, ours)]
    assert r2[0] > 0.9
    assert r2[1] == pytest.approx(r2[0], abs=0.01)
    assert r2[1] != r2[0]
    np.testing.assert_array_equal(ours.predictions, theirs.predictions)
    tags = mask_tags(ours.dataset)
    assert tags["data.filled_pixels.test"] == str(masked[ours.dataset.test.rows].sum())
    assert tags["data.pixels_left_out"] == tags["data.stars_left_out.train"] == "0"
    assert set(mask_tags(clean.dataset).values()) == {"0"}


def test_no_model_sees_pixels_that_most_training_stars_have_masked(run_masked, shape):
    masked = np.zeros(shape, bool)
    masked[:, 24:36] = True
    masked[::7] = False
    outcomes = [run_masked(masked), run_masked(masked | (np.arange(shape[1]) // 12 == 2), FLUX, np.inf)]
    r2 = {each.results.metrics()["test/r2"] for each in outcomes}
    assert len(r2) == 1
    mixture = outcomes[0].mixture
    assert mixture.features.n_pixels_ == mixture.experts.global_ridge.coef_.shape[-1] == shape[1] - 12


def test_a_window_in_pixels_that_are_left_out_is_refused_before_anything_is_fitted(run_masked, shape):
    masked = np.zeros(shape, bool)
    masked[:, 24:36] = True
    stages = Stages()
    with pytest.raises(InputError, match=r"misses 1 range\(s\) of features.windows: line"):
        run_masked(masked, FLUX, np.nan, WINDOW, stages=stages)
    assert set(stages.seconds) == {"inspect"}
