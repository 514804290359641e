import pickle
import re

import numpy as np
import pytest

from moe_exp.errors import InputError
from moe_exp.spectra.preprocessing import Continuum, NativeWidth, NoPreprocessing, Resolution, ResolutionAndContinuum
from moe_exp.spectra.preprocessing.resolution import FWHM_OF_SIGMA

WAVELENGTH = np.linspace(8400.0, 8700.0, 1501)
PIXEL = 0.2


def line(fwhm, centre=8550.0):
    """Return a line of unit area [Å]."""
    sigma = fwhm / FWHM_OF_SIGMA
    return 1 - np.exp(-0.5 * ((WAVELENGTH - centre) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))


def convolve(flux, **options):
    return Resolution(**options).prepare(WAVELENGTH)(np.atleast_2d(flux).astype(np.float32))


def test_a_line_of_the_native_width_becomes_one_of_the_width_asked_for():
    widened = convolve(line(1.5), fwhm=4.0, native_fwhm=1.5)[0]
    np.testing.assert_allclose(widened, line(np.hypot(4.0, PIXEL * FWHM_OF_SIGMA / np.sqrt(12))), atol=1e-5)
    assert np.abs(widened - line(4.4)).max() > 0.01


def test_a_resolving_power_is_a_width_that_grows_with_wavelength():
    blue, red = 8420.0, 8680.0
    flux = 1 - sum(1 - line(centre / 2000, centre) for centre in (blue, red))
    both = 1 - sum(1 - line(6.0, centre) for centre in (blue, red))
    np.testing.assert_allclose(convolve(flux, fwhm=6.0, native_resolution=2000.0)[0], both, atol=2e-4)


def test_a_constant_stays_and_equivalent_widths_are_kept():
    np.testing.assert_allclose(convolve(np.full(1501, 2.5), fwhm=5.0, native_fwhm=1.0), 2.5, rtol=1e-6)
    widened = convolve(line(1.5), fwhm=5.0, native_fwhm=1.5)
    assert PIXEL * np.sum(1 - widened, dtype=float) == pytest.approx(1, abs=1e-4)


def test_beyond_a_gap_a_line_is_what_it_would_be_without_one():
    left = np.delete(np.arange(1501), np.r_[700:735])
    flux = line(1.5).astype(np.float32)
    gapped = Resolution(fwhm=4.0, native_fwhm=1.5).prepare(WAVELENGTH[left])(flux[None, left])[0]
    whole = convolve(flux, fwhm=4.0, native_fwhm=1.5)[0, left]
    np.testing.assert_allclose(gapped[717:], whole[717:], atol=1e-4)
    np.testing.assert_allclose(gapped, whole, atol=0.03)


def test_the_width_that_is_there_already_changes_nothing():
    flux = np.random.default_rng(0).normal(1, 0.1, (3, 1501)).astype(np.float32)
    np.testing.assert_allclose(convolve(flux, fwhm=3.0, native_fwhm=3.0), flux, rtol=1e-6)


def test_a_star_does_not_depend_on_the_others_to_the_last_bit():
    flux = np.random.default_rng(1).normal(1, 0.1, (40, 1501))
    together = convolve(flux, fwhm=4.0, native_resolution=5000.0)
    np.testing.assert_array_equal(convolve(flux[17:18], fwhm=4.0, native_resolution=5000.0), together[17:18])


def test_stars_of_another_instrument_are_brought_to_the_same_width():
    ours = Resolution(fwhm=4.0, native_resolution=5000.0)
    theirs = ours.seen_by(NativeWidth(fwhm=2.5)).prepare(WAVELENGTH)(line(2.5)[None].astype(np.float32))
    fine = ours.prepare(WAVELENGTH)(line(8550 / 5000)[None].astype(np.float32))
    np.testing.assert_allclose(theirs, fine, atol=2e-4)
    assert ours.seen_by(None) is ours
    for other in (NoPreprocessing(), Continuum()):
        assert other.seen_by(NativeWidth(fwhm=2.5)) == other
    both = ResolutionAndContinuum(resolution=ours).seen_by(NativeWidth(fwhm=2.5))
    assert both.resolution.native == NativeWidth(fwhm=2.5)


def test_both_steps_are_one_after_the_other():
    steps = Resolution(fwhm=4.0, native_fwhm=1.5), Continuum(scale=80.0)
    both = ResolutionAndContinuum(resolution=steps[0], continuum=steps[1]).prepare(WAVELENGTH)
    flux = (line(1.5)[None] * np.linspace(1, 2, 1501)).astype(np.float32)
    np.testing.assert_array_equal(both(flux), steps[1].prepare(WAVELENGTH)(steps[0].prepare(WAVELENGTH)(flux)))


@pytest.mark.parametrize(
    "preprocessing",
    [
        NoPreprocessing(),
        Continuum(),
        Continuum(method="running"),
        Resolution(native_fwhm=1.0),
        ResolutionAndContinuum(resolution=Resolution(native_fwhm=1.0)),
    ],
)
def test_what_was_prepared_can_be_kept_with_a_model(preprocessing):
    flux = np.random.default_rng(2).normal(1, 0.1, (3, 1501)).astype(np.float32)
    transform = preprocessing.prepare(WAVELENGTH)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(transform))(flux), transform(flux))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "preprocessing.native_fwhm=None and preprocessing.native_resolution=None: give one of them"),
        ({"native_fwhm": 1.0, "native_resolution": 5000.0}, "give one of them"),
        ({"native_fwhm": -1.0}, "give one of them"),
        ({"native_fwhm": 1.0, "fwhm": 0.0}, "preprocessing.fwhm=0.0: it must be a width"),
        (
            {"native_fwhm": 3.5},
            "preprocessing.fwhm=3 Å is sharper than the spectra in 1501 of 1501 pixels, whose lines are 3.5 to 3.5 Å",
        ),
        ({"native_resolution": 2850.0}, "sharper than the spectra in 750 of 1501 pixels"),
    ],
)
def test_widths_that_cannot_be_are_refused(options, message):
    with pytest.raises(InputError, match=re.escape(message)):
        Resolution(**options).check(WAVELENGTH)
