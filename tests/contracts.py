"""What every part of a run promises, as checks that any implementation can be put through.

In a test of one's own: ``check_features(MyFeatures(), open_stars(tmp_path))``. A gate goes through `check_gate` of
``tests/model/test_gates.py``. `docs/extending.md` has the contracts in words.
"""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure
from sklearn.base import clone
from torch import nn

from moe_exp.cache.codec import decode, encode
from moe_exp.evaluation.metrics import Metric
from moe_exp.evaluation.results import Results
from moe_exp.figures.base import RunFigure
from moe_exp.model.baselines import Baseline
from moe_exp.model.bins_base import Bins
from moe_exp.model.experts import RidgeExperts
from moe_exp.model.features_base import Features
from moe_exp.model.gates.softmax import mixed_squared_error
from moe_exp.model.gates.training import GateStars, Training
from moe_exp.model.learned import read_learned, write_learned
from moe_exp.progress import Stages
from moe_exp.spectra.dataset import Dataset, Stars
from moe_exp.spectra.noise import Noise, add_noise
from moe_exp.spectra.preprocessing import Preprocessing
from moe_exp.spectra.sources import Hdf5Data
from moe_exp.spectra.sources_base import Data
from tests.conftest import make_stars, write_stars

CLOSE = {"rtol": 1e-6, "atol": 1e-6}
"""Libraries may add in another order for another number of stars."""


def open_stars(folder: Path, n_stars: int = 300) -> Dataset:
    """Return made-up stars of 60 pixels: half of them for the experts, a quarter each for the gate and the test."""
    path = write_stars(folder / "contract.h5", n_stars, random_order=True)
    data = Hdf5Data(path=str(path), n_train=n_stars // 2, n_val=n_stars // 4, n_test=n_stars // 4)
    return data.open(folder, Stages())


def check_options(part: object) -> None:
    """Options are plain values: they become parameters, and key what runs share."""
    assert json.dumps(asdict(part))  # type: ignore[call-overload]


def check_data(data: Data, folder: Path) -> None:
    """Three splits without a common star, on one grid, the same each time."""
    check_options(data)
    data.check(folder)
    dataset, again = (data.open(folder, Stages()) for _ in range(2))
    assert dataset.digest == again.digest
    np.testing.assert_array_equal(data.read_grid().wavelength, dataset.wavelength)
    assert np.all(np.diff(dataset.wavelength) > 0)
    splits = [dataset.train, dataset.gate, dataset.test]
    assert len({*np.concatenate([stars.checksums for stars in splits]).tolist()}) == sum(map(len, splits))
    for stars in splits:
        assert np.isfinite(stars.labels[["teff", "logg", "m_h"]].to_numpy(float)).all()
        assert np.isfinite(stars.noisy_flux(np.arange(min(3, len(stars))))).all()
    assert all(isinstance(text, str) for text in data.fingerprint())


def check_noise(noise: Noise) -> None:
    """A star has its own draw, whatever stars stand beside it, and every level scales the same one."""
    check_options(noise)
    noise.check()
    flux, error, _ = make_stars(300)
    before = flux.copy(), error.copy()

    def draw(rows: np.ndarray, level: float = 1.0) -> np.ndarray:
        options = {"noise_level": level, "seed": 1, "stage": "noise", "star_index": rows, "noise": noise}
        return add_noise(flux[rows], error[rows], **options) - flux[rows]  # type: ignore[arg-type]

    rows = np.arange(300)
    drawn = draw(rows)
    assert drawn.dtype == np.float32
    assert np.isfinite(drawn).all()
    assert np.ptp(drawn, axis=1).min() > 0
    some = np.array([0, 130, 299])
    np.testing.assert_array_equal(draw(some), drawn[some])
    np.testing.assert_allclose(draw(rows, 0.5), drawn / 2, atol=1e-6)
    np.testing.assert_array_equal(draw(rows, 0.0), 0)
    assert abs(np.corrcoef(drawn[0], drawn[1])[0, 1]) < 0.9
    np.testing.assert_array_equal((flux, error), before)


def check_preprocessing(preprocessing: Preprocessing, wavelength: np.ndarray, flux: np.ndarray) -> None:
    """Star by star: the same shape and type, nothing changed in place."""
    check_options(preprocessing)
    preprocessing.check(wavelength)
    transform, before = preprocessing.prepare(wavelength), flux.copy()
    done = transform(flux)
    assert (done.shape, done.dtype) == (flux.shape, flux.dtype)
    assert np.isfinite(done).all()
    np.testing.assert_array_equal(flux, before)
    np.testing.assert_array_equal(transform(flux[3:5]), done[3:5])


def check_bins(bins: Bins) -> None:
    """Every star by its own labels; what was learnt can be kept, and is all that counts."""
    check_options(bins)
    bins.check()
    _, _, labels = make_stars(500)
    teff, m_h = labels["teff"].to_numpy(), labels["m_h"].to_numpy()
    assert bins.fit(teff, m_h) is bins
    index = bins.assign(teff, m_h)
    assert index.dtype.kind == "i"
    assert index.min() >= -1
    assert index.max() < len(bins.names_) == len(set(bins.names_)) == len(bins.describe())
    assert len(np.unique(index[index >= 0])) > 1
    np.testing.assert_array_equal(bins.assign(teff[::-1], m_h[::-1])[::-1], index)
    np.testing.assert_array_equal(bins.assign(teff[7:8], m_h[7:8]), index[7:8])
    np.testing.assert_array_equal(bins.assign_stars(labels), index)
    copied = clone(bins)
    write_learned(copied, read_learned(bins))
    np.testing.assert_array_equal(copied.assign(teff, m_h), index)


def check_features(features: Features, dataset: Dataset) -> None:
    """One row a star, finite, the same bits whatever stars stand beside it; the components come last."""
    check_options(features)
    flux = dataset.train.noisy_flux(np.arange(100))
    mean = flux.mean(axis=0)
    components = np.linalg.svd(flux - mean, full_matrices=False)[2][: max(1, features.n_components)]
    features.check_wavelength(dataset.wavelength, medium=dataset.medium)
    assert features.fit(dataset.wavelength, mean, components, medium=dataset.medium) is features
    measured = features.transform(flux)
    assert measured.shape == (100, len(features.names_))
    assert len(set(features.names_)) == len(features.names_)
    assert measured.dtype == np.float64
    assert np.isfinite(measured).all()
    np.testing.assert_array_equal(features.transform(flux[70:73]), measured[70:73])
    projected = (flux - mean) @ components[: features.n_components].T
    np.testing.assert_allclose(measured[:, measured.shape[1] - features.n_components :], projected, atol=1e-4)


def check_experts(experts: RidgeExperts, stars: Stars) -> None:
    """An expert for each bin that predicts star by star, and that runs can share and models keep."""
    check_options(experts)
    experts.check(stars.noisy_flux(np.arange(1)).shape[1])
    bin_index = (np.arange(len(stars)) % 2).astype(int)
    names = ("even", "odd")
    experts.check_counts(bin_index, stars.star, names)

    def fit():  # noqa: ANN202
        return experts.fit(stars, bin_index, names, n_components=2, seed=3, device="cpu", advance=lambda n: None)

    fitted, again = fit(), fit()
    flux = stars.noisy_flux(np.arange(20))
    predicted = fitted.predict(flux).experts
    assert predicted.shape == (20, 2)
    assert np.isfinite(predicted).all()
    np.testing.assert_array_equal(again.predict(flux).experts, predicted)
    assert np.all(np.corrcoef(predicted.T, stars.labels["logg"].to_numpy()[:20])[-1, :-1] > 0.3)
    np.testing.assert_allclose(fitted.predict(flux[4:6]).experts, predicted[4:6], **CLOSE)
    np.testing.assert_array_equal(decode(encode(fitted)).predict(flux).experts, predicted)
    assert list(fitted.describe()["expert"]) == ["even", "odd", "global_ridge"]
    for column, regressor in enumerate(fitted.regressors):
        copied = type(regressor)()
        write_learned(copied, read_learned(regressor))
        np.testing.assert_array_equal(copied.predict(flux), predicted[:, column])


def check_baseline(baseline: Baseline, dataset: Dataset) -> None:
    """A name, and predictions of stars one by one that repeat themselves."""
    check_options(baseline)
    assert baseline.name.isidentifier()
    steps: list[int] = []
    predict, again = (baseline.fit(dataset.train, seed=3, advance=steps.append) for _ in range(2))
    assert sum(steps) == 2 * baseline.n_steps
    flux = dataset.test.noisy_flux(np.arange(20))
    predicted = predict(flux)
    assert predicted.shape == (20,)
    assert np.isfinite(predicted).all()
    np.testing.assert_array_equal(again(flux), predicted)
    np.testing.assert_allclose(predict(flux[4:6]), predicted[4:6], **CLOSE)


def check_training(training: Training) -> None:
    """A network that is better on its own hold-out than before, and a record of the way."""
    check_options(training)
    training.check()
    rng = np.random.default_rng(0)
    X, label = rng.normal(size=(200, 2)), rng.normal(size=200)
    arrays = (X, label, np.column_stack([label, label + 1]), np.zeros(200))
    stars = GateStars(
        *(torch.from_numpy(each.astype(np.float32)) for each in arrays[:3]), torch.zeros(200).long(), torch.arange(200)
    )

    def train() -> tuple[nn.Module, pd.DataFrame, bool]:
        torch.manual_seed(0)
        network = nn.Linear(2, 2)
        record = training.train(network, mixed_squared_error, stars, np.random.default_rng(1))
        return network, record.curve, record.converged

    (network, curve, converged), (other, _, _) = train(), train()
    assert list(curve.columns) == ["epoch", "train_loss", "holdout_loss"]
    assert isinstance(converged, bool)
    assert not network.training
    assert torch.equal(network.weight, other.weight)
    torch.manual_seed(0)
    before = mixed_squared_error(nn.Linear(2, 2)(stars.X), stars)
    assert mixed_squared_error(network(stars.X), stars) < before


def check_metric(metric: Metric) -> None:
    """One number, which does not depend on the order of the stars."""
    check_options(metric)
    assert metric.title
    rng = np.random.default_rng(0)
    y, error = rng.uniform(1, 5, 50), rng.normal(0, 0.5, 50)
    value = metric.measure(y, y + error)
    assert isinstance(value, float)
    assert np.isfinite(value)
    np.testing.assert_allclose(metric.measure(y[::-1], (y + error)[::-1]), value, **CLOSE)


def check_figure(figure: RunFigure, results: Results) -> None:
    """A figure of its own each time, with labels on every axis."""
    check_options(figure)
    drawn, again = figure.draw(results), figure.draw(results)
    assert isinstance(drawn, Figure)
    assert drawn is not again
    assert all(axes.get_xlabel() for axes in drawn.axes)
