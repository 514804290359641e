"""Spectra of other grids, media and velocities come to the model as its own do."""

import numpy as np
import pytest
from astropy import units
from specutils import Spectrum, SpectrumList

from moe_exp.errors import InputError
from moe_exp.prediction.adapting import adapt, resample_known
from moe_exp.prediction.flags import Flag
from moe_exp.prediction.readers.block import Block
from moe_exp.prediction.velocities import KMS, measure_velocity
from moe_exp.spectra.medium import convert
from moe_exp.spectra.preprocessing import NativeWidth
from tests.conftest import make_stars

GRID = np.linspace(8480, 8680, 60)
FINE = np.linspace(8440, 8720, 560)


def on(wavelength, number=20):
    """Return noiseless stars of the made-up kind on another grid within theirs, and beyond it."""
    flux = make_stars(number)[0]
    return np.array([np.interp(wavelength, GRID, each) for each in flux])


def test_another_grid_medium_and_velocity_give_nearly_the_same_log_g(model):
    own = model.predict(on(GRID))
    vacuum = convert(FINE, medium="air", to="vacuum")
    moved = vacuum * (1 + 400 / KMS)
    found = model.predict(7 * on(FINE), wavelength=moved, medium="vacuum", velocity=400.0)
    level = np.median(on(GRID), axis=1)
    same_level = model.predict(on(GRID) / level[:, None] * model.fitted.flux_unit)
    off = np.abs(found["log_g"] - same_level["log_g"]).median()
    assert off < 0.15
    assert np.corrcoef(found["log_g"], own["log_g"])[0, 1] > 0.9
    assert (found["velocity"] == 400).all()
    wrong = model.predict(7 * on(FINE), wavelength=moved, medium="vacuum", velocity=-500.0)
    assert np.abs(wrong["log_g"] - same_level["log_g"]).median() > 1.5 * off


def test_velocities_are_measured_unless_they_are_given_or_the_grid_is_the_models(model):
    assert (model.predict(on(GRID))["velocity_error"] == 0).all()
    shifted = GRID * 1.0001
    found = model.predict(on(shifted), wavelength=shifted, medium="air")
    assert not (found["velocity_error"] == 0).any()
    assert (model.predict(on(shifted), wavelength=shifted, medium="air", velocity=3.0)["velocity"] == 3).all()


def test_a_star_at_rest_on_the_models_grid_is_taken_as_it_is_whatever_moves_beside_it(model):
    flux, velocity = on(GRID, 4), np.array([0.0, 40.0, 0.0, np.nan])
    block = Block(list("abcd"), GRID, None, flux, velocity)
    found, alone = adapt(block, model.fitted, medium="air", velocity=None), [0, 2]
    np.testing.assert_array_equal(found.flux[alone], flux[alone])
    assert found.covered[alone].tolist() == [1, 1]
    assert found.velocity[:3].tolist() == [0, 40, 0]
    assert np.isnan(found.flux[1]).any()  # at its ends, which are moved


def test_spectra_of_specutils_are_predicted_in_their_order(model):
    spectra = [Spectrum(flux=each * units.one, spectral_axis=FINE * units.AA) for each in on(FINE, 3)]
    table = model.predict_spectra(SpectrumList(spectra), medium="air", velocity=0.0)
    expected = model.predict(on(FINE, 3), wavelength=FINE, medium="air", velocity=0.0)
    np.testing.assert_allclose(table["log_g"], expected["log_g"], atol=1e-3)
    assert model.predict_spectra(spectra[1], medium="air", velocity=0.0)["log_g"][0] == table["log_g"][1]


def test_a_spectrum_that_covers_a_part_is_flagged_and_one_that_covers_little_is_not_predicted(model):
    part = model.predict(on(FINE[60:500]), wavelength=FINE[60:500], medium="air", velocity=0.0)
    assert (part["flag"] & Flag.WAVELENGTH.value == 0).all()
    part = model.predict(on(FINE[:440]), wavelength=FINE[:440], medium="air", velocity=0.0)
    assert (part["flag"] & Flag.WAVELENGTH.value > 0).all()
    assert part["masked"].between(0.05, 0.3).all()
    assert part["log_g"].notna().all()
    little = model.predict(on(FINE[:200]), wavelength=FINE[:200], medium="air", velocity=0.0)
    assert (little["flag"] == Flag.UNUSABLE.value).all()
    assert little[["log_g", *little.filter(like="weight ")]].isna().all(axis=None)
    assert (little["bin"] == "").all()


def test_a_medium_that_nothing_tells_and_an_instrument_that_the_model_cannot_follow_are_refused(model):
    with pytest.raises(InputError, match="nothing tells whether its wavelengths are in air or in vacuum"):
        model.predict(np.ones((2, 560)), wavelength=FINE, velocity=0.0)
    with pytest.raises(InputError, match="train it with preprocessing=resolution"):
        model.seen_by(NativeWidth(resolution=2000))


def test_lines_of_stars_that_move_do_not_tell_the_medium(model):
    """At 82 km/s lines in air lie where those of vacuum do."""
    shifted, flux = FINE * (1 + 82 / KMS), [lines(FINE)]
    for velocity in (82.0, None):
        with pytest.raises(InputError, match="say --medium"):
            model.predict(flux, wavelength=shifted, velocity=velocity)
    assert len(model.predict(flux, wavelength=FINE, velocity=0.0)) == 1


def test_a_velocity_on_the_models_own_grid_needs_no_medium(model):
    assert model.predict(on(GRID), velocity=30.0)["log_g"].notna().all()


def lines(wavelength):
    """Return a spectrum with three lines on a slope."""
    centres = np.array([8498.0, 8542.1, 8662.1])
    depth = np.exp(-0.5 * ((wavelength[:, None] - centres) / 2) ** 2).sum(axis=1)
    return (1 + (wavelength - 8500) / 1000) * (1 - 0.5 * depth)


@pytest.mark.parametrize("velocity", [-310.0, -4.0, 0.0, 123.0])
def test_a_velocity_is_measured_with_an_error_that_holds(velocity):
    x = np.linspace(8400, 8750, 1500)
    rng = np.random.default_rng(0)
    found = []
    for _ in range(20):
        flux = 3 * lines(x / (1 + velocity / KMS)) + 0.1 * rng.standard_normal(len(x))
        flux[40:60] = np.nan
        found.append(measure_velocity(x, flux, x, lines(x)))
    values, errors = np.array(found).T
    assert np.abs(values.mean() - velocity) < 2
    assert 0.5 < np.std(values) / errors.mean() < 2


def test_a_velocity_without_pixels_is_unknown():
    x = np.linspace(8400, 8750, 1500)
    assert np.isnan(measure_velocity(x, np.full(1500, np.nan), x, lines(x))).all()


def test_flux_is_conserved_and_pixels_that_are_half_unknown_stay_unknown():
    x, to = np.linspace(8400, 8750, 1401), np.linspace(8450, 8700, 251)
    flux = lines(x)
    flux[(x > 8519.5) & (x < 8522.5)] = np.nan
    found, reached = resample_known(flux, x, to)
    assert reached.all()
    assert list(to[1:-1][np.isnan(found[1:-1])]) == [8520, 8521, 8522]
    good = np.isfinite(found)
    np.testing.assert_allclose(found[good], lines(to)[good], rtol=0.01)
    _, reached = resample_known(flux, x, np.linspace(8700, 8800, 101))
    assert reached.sum() == 50


def test_pixels_beside_a_gap_of_the_model_get_their_own_flux():
    x, to = np.linspace(8390.0, 8710.0, 1281), np.linspace(8400.0, 8700.0, 301)
    flux = 1 - 0.6 * np.exp(-0.5 * ((x - 8537.0) / 3) ** 2)
    left = np.delete(np.arange(301), np.r_[120:136])
    whole, _ = resample_known(flux, x, to)
    found, reached = resample_known(flux, x, to[left])
    np.testing.assert_allclose(found, whole[left], atol=1e-6)
    assert reached.all()
    known, _ = resample_known(flux[np.r_[0:400, 500:1281]], x[np.r_[0:400, 500:1281]], to)
    np.testing.assert_array_equal(np.isnan(known), np.isin(np.arange(301), np.r_[0, 90:115, 300]))


def test_a_velocity_beyond_what_is_tried_is_not_found_and_flagged(model):
    x = np.linspace(8300, 8850, 1500)
    far = measure_velocity(x, lines(x / (1 + 900 / KMS)), x, lines(x))
    assert np.isnan(far.value)
    unknown = model.predict(on(FINE[::6]), wavelength=FINE[::6], medium="air")
    assert unknown["velocity"].isna().all()
    assert (unknown["flag"] & Flag.VELOCITY.value).all()
