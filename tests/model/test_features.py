import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import erf
from sklearn.base import clone

from moe_exp.errors import InputError
from moe_exp.model.features import MAX_DEPTH, GateFeatures, Window
from moe_exp.spectra.medium import convert

WAVELENGTH = np.linspace(7100.2, 8849.8, 4096)
LINE = Window(name="Ca II 8542", line=[8530.0, 8555.0], side_bands=[[8474.0, 8484.0], [8563.0, 8577.0]])
OTHER = Window(name="Na I 8190", line=[8180.0, 8200.0], side_bands=[[8140.0, 8175.0], [8208.5, 8218.0]])


def fitted(features, wavelength=WAVELENGTH, seed=0):
    rng = np.random.default_rng(seed)
    components = np.linalg.qr(rng.normal(size=(len(wavelength), 5)))[0].T
    return features.fit(wavelength, rng.normal(1, 0.1, len(wavelength)), components, medium="air")


def spectra(n_stars, n_pixels=4096, seed=0):
    return np.random.default_rng(seed).normal(1, 0.3, size=(n_stars, n_pixels)).astype(np.float32)


def test_a_gaussian_line_has_its_depth_and_its_analytic_equivalent_width():
    depth, width, continuum = 0.6, 2.0, 7.0
    flux = continuum * (1 - depth * np.exp(-0.5 * ((WAVELENGTH - 8542.0) / width) ** 2))
    measured = fitted(GateFeatures(windows=[LINE], n_components=0)).transform(flux[None])[0]
    area = depth * width * np.sqrt(np.pi / 2) * (erf(13 / width / np.sqrt(2)) + erf(12 / width / np.sqrt(2)))
    assert measured[0] == pytest.approx(depth, rel=5e-3)
    assert measured[1] == pytest.approx(area, rel=1e-6)


def test_a_line_does_not_depend_on_the_scale_of_the_flux():
    features = fitted(GateFeatures(windows=[LINE, OTHER], n_components=0))
    flux = spectra(5).astype(float)
    np.testing.assert_allclose(features.transform(flux), features.transform(1e-17 * flux), rtol=1e-12)


def test_the_continuum_percentile_is_that_of_all_side_band_pixels():
    flux = np.ones(len(WAVELENGTH))
    side = np.concatenate([np.flatnonzero((a <= WAVELENGTH) & (b >= WAVELENGTH)) for a, b in LINE.side_bands])
    flux[side] = np.linspace(1, 3, len(side))
    for percentile, continuum in ((0, 1), (50, 2), (100, 3)):
        features = fitted(GateFeatures(windows=[LINE], n_components=0, continuum_percentile=percentile))
        assert features.transform(flux[None])[0, 0] == pytest.approx(1 - 1 / continuum)


def test_components_are_projections_of_the_centred_flux():
    features = fitted(GateFeatures(n_components=3))
    flux = features.mean_ + np.array([[2.0, -1.0, 0.5], [0.0, 0.0, 0.0]]) @ features.components_
    np.testing.assert_allclose(features.transform(flux), [[2, -1, 0.5], [0, 0, 0]], atol=1e-12)


def test_names_order_and_sums():
    features = fitted(GateFeatures(windows=[LINE, OTHER], sums={"both": [LINE.name, OTHER.name]}, n_components=2))
    expected = ("depth Ca II 8542", "EW Ca II 8542", "depth Na I 8190", "EW Na I 8190", "EW both", "PC 1", "PC 2")
    assert features.names_ == expected
    measured = features.transform(spectra(10))
    assert measured.shape == (10, 7)
    assert measured.dtype == np.float64
    np.testing.assert_allclose(measured[:, 4], measured[:, 1] + measured[:, 3])


@pytest.mark.parametrize("n_pixels", [512, 4096, 4222, 10_001])
def test_features_of_a_star_do_not_depend_on_its_block(n_pixels):
    wavelength = np.linspace(7100, 8850, n_pixels)
    features = fitted(GateFeatures(windows=[LINE, OTHER]), wavelength)
    flux = spectra(150, n_pixels)
    whole = features.transform(flux)
    for size in (1, 2, 7, 64, 149):
        parts = [features.transform(flux[first : first + size]) for first in range(0, 150, size)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
    np.testing.assert_array_equal(features.transform(np.asfortranarray(flux)), whole)
    np.testing.assert_array_equal(features.transform(flux[::-1])[::-1], whole)


def test_negative_flux_and_vanishing_continuum_stay_bounded():
    flux = np.random.default_rng(3).normal(0, 1, size=(2000, len(WAVELENGTH))).astype(np.float32)
    flux[0] = 0
    flux[1] = np.where((WAVELENGTH > 8530) & (WAVELENGTH < 8555), 0.5, -1)
    flux[2] = 1e-45
    flux[3] = np.where((WAVELENGTH > 8530) & (WAVELENGTH < 8555), 3e38, 1e-45)
    features = fitted(GateFeatures(windows=[LINE, OTHER], n_components=0))
    measured = features.transform(flux)
    assert np.all(np.isfinite(measured))
    assert np.all(np.abs(measured[:, 0]) <= MAX_DEPTH)
    assert np.all(np.abs(measured[:, 1]) <= MAX_DEPTH * 26)
    assert np.all(measured[:3] == 0)
    assert measured[3, 0] == -MAX_DEPTH


def test_windows_beyond_the_grid_are_all_named():
    features = GateFeatures(windows=[LINE, OTHER])
    message = (
        "The wavelength grid, 3600.0 to 7400.0 Å, misses 6 range(s) of features.windows: Ca II 8542 (8530-8555 Å), "
        "Ca II 8542 (8474-8484 Å), Ca II 8542 (8563-8577 Å), Na I 8190 (8180-8200 Å)"
    )
    with pytest.raises(InputError, match=re.escape(message)):
        features.check_wavelength(np.linspace(3600, 7400, 4222), medium="air")
    features.check_wavelength(WAVELENGTH, medium="air")


def test_a_band_between_two_pixels_is_refused():
    narrow = replace(LINE, side_bands=[[8000.01, 8000.02]])
    with pytest.raises(InputError, match=re.escape("Ca II 8542 (8000.01-8000.02 Å)")):
        GateFeatures(windows=[narrow]).check_wavelength(np.arange(7000.0, 9000.0), medium="air")


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (GateFeatures(n_components=-1), "features.n_components is -1"),
        (GateFeatures(n_components=0), "the gate would see nothing"),
        (GateFeatures(continuum_percentile=101), "features.continuum_percentile is 101"),
        (GateFeatures(windows=[LINE, LINE]), "names that differ"),
        (GateFeatures(windows=[Window(name="a", line=[1, 2])]), "a has no side_bands"),
        (GateFeatures(windows=[Window(name="a", line=[2, 1], side_bands=[[1, 2]])]), "a has [2, 1] where"),
        (GateFeatures(windows=[Window(name="a", line=[1, 2], side_bands=[[1, "x"]])]), "a has [1, 'x'] where"),
        (GateFeatures(windows=[LINE], sums={"s": ["K I"]}), "features.sums: s adds K I"),
        (GateFeatures(windows=[LINE], sums={LINE.name: [LINE.name]}), "is also the name of a window"),
    ],
)
def test_wrong_options_are_refused_by_name(features, message):
    with pytest.raises(InputError, match=re.escape(message)):
        features.check()


def test_too_few_components_are_refused():
    with pytest.raises(InputError, match=re.escape("features.n_components is 6, but there are only 5")):
        fitted(GateFeatures(n_components=6))


def test_another_number_of_pixels_is_refused():
    with pytest.raises(ValueError, match="fitted for 4096 pixels"):
        fitted(GateFeatures()).transform(spectra(2, 100))


def test_features_follow_the_estimator_contract_and_leave_their_arguments_alone():
    features = fitted(GateFeatures(windows=[LINE], n_components=2))
    flux = spectra(3)
    before = flux.copy()
    features.transform(flux)
    np.testing.assert_array_equal(flux, before)
    assert clone(features).get_params() == features.get_params()
    assert not hasattr(clone(features), "names_")


def test_windows_follow_the_medium_of_the_grid():
    vacuum = convert(WAVELENGTH, medium="air", to="vacuum")
    features = GateFeatures(windows=[LINE, OTHER], n_components=0)
    flux = np.random.default_rng(5).normal(1, 0.1, size=(20, len(WAVELENGTH)))
    none = np.ones(len(WAVELENGTH)), np.empty((0, len(WAVELENGTH)))
    in_air = clone(features).fit(WAVELENGTH, *none, medium="air").transform(flux)
    np.testing.assert_allclose(clone(features).fit(vacuum, *none, medium="vacuum").transform(flux), in_air, rtol=1e-8)
    assert not np.allclose(clone(features).fit(vacuum, *none, medium="air").transform(flux), in_air, rtol=1e-3)


def test_windows_on_a_grid_of_unknown_medium_are_refused():
    with pytest.raises(InputError, match="say data.medium=air or data.medium=vacuum"):
        GateFeatures(windows=[LINE]).check_wavelength(WAVELENGTH, medium=None)
    GateFeatures().check_wavelength(WAVELENGTH, medium=None)
