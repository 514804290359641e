import numpy as np
import pytest
from astropy import units
from scipy.special import ndtr
from specutils import Spectrum
from specutils.manipulation import FluxConservingResampler

from moe_exp.spectra.pixels import pixel_edges
from moe_exp.spectra.resampling import find_covered, resample

COARSE = np.linspace(8400.0, 8700.0, 301)


def mean_over_pixels(wavelength, sigma=3.0):
    """Return two Gaussian lines on a slope, (2, n_pixels), integrated over every pixel."""
    edges, is_pixel = pixel_edges(wavelength)
    width = np.diff(edges)
    area = np.diff(ndtr((edges - 8542.1) / sigma)) / width
    slope = np.diff((edges - 8000) ** 2 / 2e3) / width
    return np.stack([slope - 4 * area, 1 + 4 * area])[:, is_pixel]


def test_the_pixels_of_the_same_grid_stay_as_they_are():
    flux = np.random.default_rng(0).normal(1, 0.1, (3, 301))
    np.testing.assert_allclose(resample(flux, COARSE, COARSE), flux, rtol=1e-12)


@pytest.mark.parametrize("wavelength", [COARSE, 8400 + 300 * np.linspace(0, 1, 401) ** 1.3])
@pytest.mark.parametrize("n_pixels", [401, 700, 97])
def test_a_smooth_spectrum_is_what_it_would_have_been_on_the_other_grid(wavelength, n_pixels):
    to = np.geomspace(8402.0, 8698.0, n_pixels)
    resampled = resample(mean_over_pixels(wavelength), wavelength, to)
    np.testing.assert_allclose(resampled, mean_over_pixels(to), atol=1e-3)


def test_flux_between_edges_of_both_grids_is_conserved_whatever_it_is():
    flux = np.random.default_rng(1).normal(1, 0.5, (4, 301))
    to = np.linspace(8399.5, 8700.5, 754 * 2 + 1)
    to = (to[1:] + to[:-1]) / 2
    total = np.sum(resample(flux, COARSE, to) * np.diff(pixel_edges(to)[0]), axis=1)
    np.testing.assert_allclose(total, flux.sum(axis=1), rtol=1e-10)


def test_whole_pixels_put_together_agree_with_specutils():
    flux = np.random.default_rng(2).normal(1, 0.3, (2, 300))
    wavelength = np.arange(8400.5, 8700.0)
    to = np.arange(8410.0, 8690.0, 4.0)
    for star, ours in zip(flux, resample(flux, wavelength, to), strict=True):
        spectrum = Spectrum(flux=star * units.Jy, spectral_axis=wavelength * units.AA)
        np.testing.assert_allclose(ours, FluxConservingResampler()(spectrum, to * units.AA).flux.value, rtol=1e-9)


BESIDE_THE_LINE = np.delete(np.arange(301), np.r_[120:138, 160:161, 250:260])


def test_pixels_beside_a_gap_of_the_new_grid_are_as_narrow_as_the_others():
    fine, whole = np.linspace(8398.0, 8702.0, 1217), mean_over_pixels(COARSE)
    resampled = resample(mean_over_pixels(fine), fine, COARSE[BESIDE_THE_LINE])
    np.testing.assert_allclose(resampled, whole[:, BESIDE_THE_LINE], atol=1e-3)


def test_pixels_beside_a_gap_of_the_old_grid_keep_their_own_flux():
    old = COARSE[BESIDE_THE_LINE]
    to = np.linspace(8401.3, 8698.7, 400)
    resampled = resample(mean_over_pixels(COARSE)[:, BESIDE_THE_LINE], old, to)
    covered = find_covered(old, to)
    assert 20 < np.sum(~covered) < 50
    np.testing.assert_allclose(resampled[:, covered], mean_over_pixels(to)[:, covered], atol=0.02)


def test_a_grid_that_reaches_beyond_is_refused():
    assert not find_covered(COARSE, np.linspace(8399.0, 8600.0, 50))[0]
    assert find_covered(COARSE, np.linspace(8401.0, 8699.0, 300)).all()
    with pytest.raises(ValueError, match="8398 to 8602 Å are not within 8399.5 to 8700.5 Å"):
        resample(np.ones((1, 301)), COARSE, np.linspace(8400.0, 8600.0, 51))
