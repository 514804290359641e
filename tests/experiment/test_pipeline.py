import os
import re
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest

from moe_exp.errors import InputError
from moe_exp.experiment.checks import check
from moe_exp.experiment.pipeline import run
from moe_exp.figures import all_figures, logg_against_catalogue
from moe_exp.model.gates import Training
from moe_exp.progress import Stages
from moe_exp.runs.recording import describe, external_metrics, tables
from moe_exp.spectra.files import ERROR, FLUX, LABELS
from moe_exp.spectra.simulated_files import write_stars as write_simulated
from moe_exp.spectra.simulator import simulate
from moe_exp.spectra.writer import write_spectra
from tests.conftest import make_stars, write_stars

MADE_UP = (
    "data=hdf5",
    "data.n_train=800",
    "data.n_val=200",
    "data.n_test=200",
    "features=pca",
    "evaluation.n_resamples=200",
    "training.max_epochs=20",
)


@pytest.fixture
def run_made_up(configure, many_stars):
    def run_with(*overrides):
        return run(configure(*MADE_UP, f"data.path={many_stars}", *overrides), Stages())

    return run_with


def test_a_run_scores_every_model_on_the_covered_test_stars(run_made_up):
    results = run_made_up().results
    assert set(results.scores.index) == {"soft", "hard", "oracle", "classify", "global_ridge"}
    assert results.n_stars == results.predictions.covered.sum() == results.bins["n_stars"].sum()
    assert 0.5 < results.metrics()["test/r2"] <= 1


def test_the_same_configuration_gives_the_same_numbers(run_made_up):
    one, two = run_made_up(), run_made_up()
    assert one.results.metrics() == two.results.metrics()
    assert one.results.predictions.to_frame().equals(two.results.predictions.to_frame())


def test_the_classify_gate_is_its_own_reference(run_made_up):
    results = run_made_up("gate=classify").results
    predictions = results.predictions.clipped
    np.testing.assert_array_equal(predictions["soft"], predictions["classify"])
    assert "test/delta_r2" not in results.metrics()
    assert "test/delta_r2_vs_global" in results.metrics()


def test_runs_that_differ_in_the_gate_share_stars_experts_and_references(run_made_up):
    linear, mlp = run_made_up("gate=linear"), run_made_up("gate=mlp")
    assert linear.dataset.test.digest == mlp.dataset.test.digest
    for name in ("oracle", "classify", "global_ridge"):
        one, other = (each.results.predictions.clipped[name] for each in (linear, mlp))
        np.testing.assert_array_equal(one, other)


def test_training_seed_leaves_the_data_alone(run_made_up):
    one, two = run_made_up("seed=0"), run_made_up("seed=1")
    assert one.dataset.digest == two.dataset.digest
    assert one.results.metrics()["test/r2"] != two.results.metrics()["test/r2"]


def test_uncovered_stars_get_the_global_ridge(configure, tmp_path):
    path = write_stars(tmp_path / "wide.h5", 1500, random_order=True)
    narrow = ("bins.m_h_edges=[-1.8,-1.0,-0.2,0.3]", f"data.path={path}", "data.n_train=1000")
    predictions = run(configure(*MADE_UP, *narrow), Stages()).results.predictions
    outside = ~predictions.covered
    assert 0 < outside.sum() < len(outside)
    np.testing.assert_array_equal(predictions.clipped["soft"][outside], predictions.clipped["global_ridge"][outside])


def test_clipping_limits_predictions_to_the_training_range(run_made_up):
    outcome = run_made_up("data.noise_level=1.0")
    low, high = outcome.mixture.experts.label_range
    for prediction in outcome.results.predictions.clipped.values():
        assert low <= prediction.min() <= prediction.max() <= high


@pytest.mark.parametrize("clip", ["true", "false"])
def test_the_fitted_mixture_predicts_spectra_as_a_file_has_them(configure, tmp_path, clip):
    path = write_stars(tmp_path / "other_unit.h5", 1200, random_order=True)
    with h5py.File(path, "a") as file:
        for name in (FLUX, ERROR):
            file[name][...] *= 4e-3
    outcome = run(configure(*MADE_UP, f"data.path={path}", f"experts.clip={clip}"), Stages())
    stars, predictions = outcome.dataset.test, outcome.results.predictions
    noisy = stars.noisy_flux(np.arange(len(stars))) * np.float32(stars.flux_unit)
    predicted, covered = outcome.mixture.predict(noisy), predictions.covered
    np.testing.assert_allclose(predicted[covered], predictions.configured["soft"][covered], rtol=0, atol=1e-5)


@pytest.mark.parametrize("unit", [1.28, 1.6, 1e-17, 3e5])
def test_results_do_not_depend_on_the_unit_of_flux(run_made_up, configure, tmp_path, unit):
    path = write_stars(tmp_path / "unit.h5", 1200, random_order=True)
    with h5py.File(path, "a") as file:
        for name in (FLUX, ERROR):
            values = file[name][:].astype(float) * unit
            del file[name]
            file[name] = values
    noisy = ("data.noise_level=0.5", "gate=classify")
    plain = run_made_up(*noisy)
    other = run(configure(*MADE_UP, *noisy, f"data.path={path}"), Stages())
    assert other.dataset.train.flux_unit == pytest.approx(unit * plain.dataset.train.flux_unit, rel=1e-6)
    for model, predicted in plain.results.predictions.unclipped.items():
        found = other.results.predictions.unclipped[model]
        np.testing.assert_allclose(found, predicted, rtol=0, atol=3e-5)  # float32 rounds other units otherwise


@pytest.fixture(scope="module")
def visits(tmp_path_factory):
    """Give a file of 1,200 made-up stars, each seen twice, in random order; their ids are texts."""
    path = tmp_path_factory.mktemp("visits") / "visits.h5"
    flux, error, labels = make_stars(1200)
    rng = np.random.default_rng(5)
    star = rng.permutation(np.repeat(np.arange(1200), 2))
    seen = flux[star] + error[star] * 0.1 * rng.standard_normal((2400, flux.shape[1]), dtype=np.float32)
    wavelength = np.linspace(8480, 8680, flux.shape[1])
    with write_spectra(path, wavelength=wavelength, medium="air", n_stars=2400, random_order=True) as writer:
        writer.add(seen, error[star], labels.iloc[star])
    table = pd.read_hdf(path).assign(HD=[f"HD {each}" for each in star])
    table.to_hdf(path, key=LABELS, format="table", mode="a")
    return path


def test_visits_of_a_star_stay_together_from_split_to_interval(configure, visits, tmp_path, monkeypatch):
    trained = []

    def watch(self, network, loss, stars, rng, train=Training.train):
        trained.append(stars.star.numpy())
        return train(self, network, loss, stars, rng)

    monkeypatch.setattr(Training, "train", watch)
    sizes = ("data.n_train=1600", "data.n_val=400", "data.n_test=400")
    outcome = run(configure(*MADE_UP, f"data.path={visits}", *sizes, "data.star_id=HD"), Stages())
    data, results = outcome.dataset, outcome.results
    ids = [set(stars.star_ids) for stars in (data.train, data.gate, data.test)]
    assert [len(each) for each in ids] == [800, 200, 200]
    assert len(set.union(*ids)) == 1200
    assert results.n_stars == results.predictions.covered.sum() / 2
    assert len(trained) >= 3
    assert all((np.bincount(star) == 2).all() for star in trained)
    results.predictions.write(tmp_path / "predictions.parquet")
    stored = pd.read_parquet(tmp_path / "predictions.parquet")["star_id"]
    np.testing.assert_array_equal(stored, data.test.star_ids)
    rows = run(configure(*MADE_UP, f"data.path={visits}", *sizes), Stages()).results
    widths = [np.ptp(each.pooled.r2("soft")[1:]) for each in (results, rows)]
    assert widths[0] > 1.2 * widths[1]


def test_visits_of_a_star_lie_in_one_fold(configure, visits):
    experiment = configure(*MADE_UP, f"data.path={visits}", "data.star_id=HD")
    train = experiment.data.open(experiment.cache_dir, Stages()).train
    bin_index = np.arange(len(train)) % 3 - 1
    folds = experiment.experts._assign_folds(bin_index, train.star, 2, 0)
    assert len(set(zip(train.star, folds, strict=True))) == len(set(train.star))
    assert set(folds) == set(range(experiment.experts.n_folds))


def test_fewer_than_ten_test_stars_have_scores_without_intervals(configure, many_stars):
    few = run(configure(*MADE_UP, f"data.path={many_stars}", "data.n_test=7"), Stages())
    metrics = few.results.metrics()
    assert np.isfinite(metrics["test/r2"])
    assert not [name for name in metrics if "_ci_" in name]
    assert "[" not in describe(few)
    assert "Fewer than 10 stars have no interval." in describe(few)
    assert "delta_r2_distribution" not in all_figures(few.results)


def test_files_of_the_simulator_give_the_numbers_of_simulated_data(configure, tmp_path):
    smoke = ("experiment=smoke", "training.max_epochs=5")
    experiment = configure(*smoke)
    simulated = run(experiment, Stages()).results
    n_stars, simulator = 1600, experiment.data.simulator
    path = tmp_path / "mine.h5"
    with write_spectra(
        path, wavelength=simulator.wavelength, medium="air", n_stars=n_stars, random_order=True
    ) as writer:
        write_simulated(writer, simulate(simulator, seed=0, first=0, last=n_stars), lambda n: None)
    files = ("experts.n_alphas=5", "evaluation.n_resamples=1000", "training.max_epochs=5")
    sizes = ("data.n_train=1000", "data.n_val=300", "data.n_test=300")
    fresh = f"cache_dir={tmp_path}/cache"
    own = run(configure("data=hdf5", f"data.path={path}", *files, *sizes, fresh), Stages()).results
    assert own.metrics() == simulated.metrics()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.n_train=60"], "bins have fewer than 10 training stars"),
        (["features=lines_and_pca"], "Na I 8190 (8180-8200 Å)"),
        (["data.n_train=5000"], "but the files hold 1,200"),
        (["gate.hidden=0"], "gate.hidden is 0"),
        (["evaluation.n_resamples=0"], "evaluation.n_resamples=0"),
        (["device=tpu"], "device=tpu: choose auto, cpu or cuda"),
        (["data.path=/nowhere/*.h5"], "no file matches '/nowhere/*.h5'"),
    ],
)
def test_bad_input_ends_in_one_message(run_made_up, overrides, message):
    with pytest.raises(InputError, match=re.escape(message)):
        run_made_up(*overrides)


def test_windows_are_checked_before_any_star_is_made(configure):
    with pytest.raises(InputError, match="H beta"):
        check(configure("features=miles"))


class Exchange(Stages):
    """Put the bytes of another file in the place of one, with its size and time of change, when a stage begins."""

    def __init__(self, before, path, other):
        super().__init__()
        self.before, self.path, self.other = before, path, other

    def stage(self, name, *arguments, **options):
        if name == self.before:
            stat = self.path.stat()
            self.path.write_bytes(self.other.read_bytes())
            assert self.path.stat().st_size == stat.st_size
            os.utime(self.path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        return super().stage(name, *arguments, **options)


@pytest.mark.parametrize(("before", "kept"), [("experts", []), ("features", ["experts"])])
def test_a_file_that_is_exchanged_during_a_run_ends_it_and_leaves_nothing_wrong(configure, tmp_path, before, kept):
    path, other = (write_stars(tmp_path / f"{seed}.h5", 1200, random_order=True, seed=seed) for seed in (0, 1))
    shutil.copy(path, tmp_path / "copy.h5")
    experiment = configure(*MADE_UP, f"data.path={path}", f"cache_dir={tmp_path}/cache")
    with pytest.raises(InputError, match=rf"{path}: \d+ of \d+ stars just read are not those that were checked"):
        run(experiment, Exchange(before, path, other))
    assert [entry.parent.name for entry in (tmp_path / "cache" / "stages").rglob("*.kept")] == kept
    shutil.copy(tmp_path / "copy.h5", path)
    again = run(experiment, Stages()).results
    fresh = configure(*MADE_UP, f"data.path={path}", f"cache_dir={tmp_path}/fresh")
    assert again.metrics() == run(fresh, Stages()).results.metrics()


def test_a_label_without_variation_is_refused(configure, tmp_path):
    path = write_stars(tmp_path / "flat.h5", 1200, random_order=True, logg=3.0)
    with pytest.raises(InputError, match=r"data.n_val: 200 of 200 stars lie in a bin, with 1 value\(s\) of log_g"):
        run(configure(*MADE_UP, f"data.path={path}"), Stages())


def test_gate_stars_too_few_to_calibrate_are_refused_before_anything_is_fitted(configure, many_stars, tmp_path):
    experiment = configure(*MADE_UP, f"data.path={many_stars}", "data.n_val=5", f"cache_dir={tmp_path}/cache")
    message = r"data.n_val: \d of 5 stars lie in a bin; .* holds out 0 of the gate's \d covered stars"
    with pytest.raises(InputError, match=message):
        run(experiment, Stages())
    assert not list((tmp_path / "cache" / "stages").rglob("*.kept"))


@pytest.mark.parametrize("options", [("continuum", "scale=80.0"), ("resolution", "fwhm=12.0", "native_fwhm=8.0")])
def test_every_split_and_every_later_spectrum_is_preprocessed_alike(run_made_up, options):
    chosen, *values = options
    plain = run_made_up()
    outcome = run_made_up(f"preprocessing={chosen}", *(f"preprocessing.{value}" for value in values))
    transform = outcome.experiment.preprocessing.prepare(outcome.dataset.wavelength)
    few = np.array([0, 3, 150])
    for split in ("train", "gate", "test"):
        noisy = getattr(plain.dataset, split).noisy_flux(few)
        np.testing.assert_array_equal(getattr(outcome.dataset, split).noisy_flux(few), transform(noisy))
    observed = plain.dataset.test.noisy_flux(np.arange(200)) * np.float32(plain.dataset.test.flux_unit)
    covered = outcome.results.predictions.covered
    predicted = outcome.mixture.predict(observed)[covered]
    np.testing.assert_allclose(predicted, outcome.results.predictions.configured["soft"][covered], rtol=0, atol=1e-4)
    assert outcome.dataset.test.digest == plain.dataset.test.digest
    assert outcome.dataset.test.noise_draw == plain.dataset.test.noise_draw
    assert outcome.results.metrics()["test/r2"] != plain.results.metrics()["test/r2"]


def test_spectra_that_a_preprocessing_would_sharpen_are_refused_before_any_is_made(configure):
    with pytest.raises(InputError, match=r"preprocessing.fwhm=1 Å is sharper than the spectra in 512 of 512 pixels"):
        check(configure("experiment=smoke", "preprocessing=resolution", "preprocessing.fwhm=1.0"))


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Give a file of other made-up stars, on the grid of the first."""
    return write_stars(tmp_path_factory.mktemp("external") / "others.h5", 300, seed=7)


EXTERNAL = "external=[stelib]", "externals.stelib.other_logg=null"


def test_external_stars_are_predicted_by_all_models_and_change_nothing_else(run_made_up, others):
    options = ("baseline=lightgbm", "baseline.n_trees=5", "bins.m_h_edges=[-1.8,-1.0,-0.2,0.3]")
    plain = run_made_up(*options)
    outcome = run_made_up(*options, *EXTERNAL, f"externals.stelib.path={others}")
    assert outcome.results.metrics() == plain.results.metrics()
    assert not plain.external
    external = outcome.external["stelib"]
    flux, labels = external_flux(others), external.predictions.stars
    unit = np.float32(outcome.mixture.flux_unit)
    covered = external.predictions.covered
    assert 0 < covered.sum() < 300
    soft = outcome.mixture.predict(flux * unit)
    np.testing.assert_allclose(external.predictions.clipped["soft"][covered], soft[covered], rtol=0, atol=1e-4)
    ridge = outcome.mixture.experts.predict(flux).global_ridge
    for model in ("soft", "oracle", "global_ridge"):
        np.testing.assert_allclose(external.predictions.unclipped[model][~covered], ridge[~covered], atol=1e-4)
    assert set(external.scores["model"]) == set(external.predictions.models) > {"lightgbm", "classify", "hard"}
    train = outcome.dataset.train.labels
    inside = [labels[name].between(train[name].min(), train[name].max()) for name in ("teff", "logg", "m_h")]
    np.testing.assert_array_equal(external.within, covered & np.all(inside, axis=0))
    assert {"external_stelib", "external_stelib_stars"} <= set(tables(outcome))
    assert external_metrics(outcome)["external_stelib/r2"] == external.metrics()["r2"]
    assert f"stars within the training range; bias {external.metrics()['bias']:+.2f} dex" in describe(outcome)
    logg_against_catalogue(external)


def external_flux(path):
    with h5py.File(path) as file:
        flux = file[FLUX][()]
    return flux / np.median(flux, axis=1, keepdims=True)


def test_external_stars_are_preprocessed_at_their_own_resolution(run_made_up, others):
    options = ("preprocessing=resolution", "preprocessing.fwhm=12.0", "preprocessing.native_fwhm=8.0")
    scores = [
        run_made_up(*options, *EXTERNAL, f"externals.stelib.path={others}", f"externals.stelib.fwhm={fwhm}")
        .external["stelib"]
        .metrics()["rmse"]
        for fwhm in (8.0, 12.0)
    ]
    assert scores[0] != scores[1]
