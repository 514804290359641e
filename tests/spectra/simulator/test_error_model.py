import re

import numpy as np
import pytest

from moe_exp.errors import InputError
from moe_exp.spectra.simulator import Simulator, flux_error
from moe_exp.spectra.simulator.error_model import sky_spectrum


@pytest.mark.parametrize(("mag", "snr"), [(20.5, 15.3), (21.5, 7.0), (22.0, 4.6), (22.5, 3.0)])
def test_signal_to_noise_of_the_published_magnitudes(mag, snr):
    s = Simulator()
    flux = np.ones((1, s.n_pixels), dtype=np.float32)
    assert np.median(flux / flux_error(s, s.wavelength, flux, np.array([mag]))) == pytest.approx(snr, abs=0.05)


def test_error_is_the_root_of_the_electrons():
    s = Simulator()
    flux = np.linspace(0.3, 1.3, s.n_pixels)[None]
    star = s.star_electrons * 10 ** (-0.4 * (21.0 - 22.0))
    variance = star * flux + sky_spectrum(s, s.wavelength) + s.read_variance
    error = flux_error(s, s.wavelength, flux, np.array([21.0]))
    np.testing.assert_allclose(error, np.sqrt(variance) / star, rtol=1e-6)
    assert error.dtype == np.float32


def test_sky_has_the_median_asked_for_and_bright_oh_lines():
    s = Simulator()
    sky = sky_spectrum(s, s.wavelength)
    assert np.median(sky) == pytest.approx(s.sky_electrons)
    assert sky[np.argmin(np.abs(s.wavelength - 8399.2))] > 4 * s.sky_electrons


def test_signal_to_noise_does_not_depend_on_the_normalisation():
    median, mag = Simulator(), Simulator(flux_norm="mag")
    flux = np.full((1, median.n_pixels), 1.1)
    bright = flux * 10 ** (-0.4 * (20.7 - 21.5))
    magnitude = np.array([20.7])
    ratio = flux / flux_error(median, median.wavelength, flux, magnitude)
    np.testing.assert_allclose(bright / flux_error(mag, mag.wavelength, bright, magnitude), ratio, rtol=1e-5)


def test_impossible_sky_is_refused():
    s = Simulator(resolution=500.0, sky_electrons=1.0, oh_scale=50.0)
    with pytest.raises(InputError, match=re.escape("data.simulator.oh_scale=50")):
        sky_spectrum(s, s.wavelength)
