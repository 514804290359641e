import re

import numpy as np
import pytest

from moe_exp.errors import InputError
from moe_exp.spectra.preprocessing import Continuum
from moe_exp.spectra.preprocessing.continuum import _sum_pixels

WAVELENGTH = np.linspace(7100.0, 8850.0, 1751)
METHODS = ("spline", "running")
X = (WAVELENGTH - 8000) / 900


def smooth_levels():
    return np.stack([1 + 0.3 * X, 3 - 0.5 * X + 0.4 * X**2, np.exp(0.5 * X)])


def lines(depth, width=8.0):
    """Return what three strong lines and many weak ones leave of a continuum."""
    strong = sum(depth * np.exp(-0.5 * ((WAVELENGTH - centre) / width) ** 2) for centre in (7600, 8200, 8542))
    weak = sum(0.03 * np.exp(-0.5 * ((WAVELENGTH - centre) / 1.5) ** 2) for centre in range(7110, 8850, 37))
    return 1 - strong - weak


def divide(flux, **options):
    return Continuum(**options).prepare(WAVELENGTH)(flux.astype(np.float32))


@pytest.mark.parametrize(("method", "tolerance"), [("spline", 1e-5), ("running", 0.01)])
def test_a_smooth_spectrum_becomes_one(method, tolerance):
    np.testing.assert_allclose(divide(smooth_levels(), method=method), 1, atol=tolerance)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_left_of_lines_is_what_they_leave_of_a_continuum(method):
    np.testing.assert_allclose(
        divide(smooth_levels() * lines(0.6), method=method), np.tile(lines(0.6), (3, 1)), atol=0.01
    )


@pytest.mark.parametrize("method", METHODS)
def test_the_depth_of_strong_lines_moves_no_continuum(method):
    beside = np.abs(WAVELENGTH[:, None] - [7600, 8200, 8542]).min(axis=1) > 60
    shallow, deep = (divide(lines(depth)[None], method=method)[0, beside] for depth in (0.4, 0.9))
    np.testing.assert_allclose(deep, shallow, atol=0.004)
    unclipped = [divide(lines(depth)[None], method=method, n_iterations=0)[0, beside] for depth in (0.4, 0.9)]
    assert np.abs(unclipped[1] - unclipped[0]).max() > 0.02


@pytest.mark.parametrize("method", METHODS)
def test_a_cosmic_ray_moves_no_continuum(method):
    struck = lines(0.5)[None].copy()
    struck[0, 900:903] = 50.0
    beside = np.r_[0:890, 913:1751]
    clean = divide(lines(0.5)[None], method=method)[0, beside]
    np.testing.assert_allclose(divide(struck, method=method)[0, beside], clean, atol=0.01)
    assert np.abs(divide(struck, method=method, high_reject=1e9)[0, beside] - clean).max() > 0.1


@pytest.mark.parametrize("method", METHODS)
def test_neither_slope_nor_unit_of_the_flux_is_left(method):
    flux = np.tile(lines(0.5), (3, 1))
    np.testing.assert_allclose(divide(flux * smooth_levels(), method=method), divide(flux, method=method), atol=0.01)
    np.testing.assert_array_equal(divide(2.0**-57 * flux, method=method), divide(flux, method=method))


@pytest.mark.parametrize("method", METHODS)
def test_a_star_does_not_depend_on_the_others_to_the_last_bit(method):
    rng = np.random.default_rng(3)
    flux = lines(0.5) * rng.uniform(0.5, 2, (70, 1)) + 0.1 * rng.standard_normal((70, len(WAVELENGTH)))
    together = divide(flux, method=method)
    np.testing.assert_array_equal(divide(flux[37:38], method=method), together[37:38])
    np.testing.assert_array_equal(divide(flux[5:60], method=method), together[5:60])
    alone, all_pixels = (np.ascontiguousarray(rows.T) for rows in (flux[37:38], flux))
    np.testing.assert_array_equal(_sum_pixels(alone), _sum_pixels(all_pixels)[37:38])


LEFT = np.delete(np.arange(len(WAVELENGTH)), np.r_[480:520, 700:701, 1250:1290, 1291:1296])


@pytest.mark.parametrize("method", METHODS)
def test_pixels_that_are_left_out_move_no_continuum(method):
    flux = (smooth_levels() * lines(0.6)).astype(np.float32)
    gapped = Continuum(method=method).prepare(WAVELENGTH[LEFT])(flux[:, LEFT])
    np.testing.assert_allclose(gapped, divide(flux, method=method)[:, LEFT], atol=0.01)


@pytest.mark.parametrize("method", METHODS)
def test_a_continuum_bridges_a_gap_far_wider_than_its_scale(method):
    left = np.r_[0:200, 700:702, 1300:1751]
    levels = smooth_levels()[: 1 if method == "running" else 3, left].astype(np.float32)
    divided = Continuum(method=method, scale=60.0).prepare(WAVELENGTH[left])(levels)
    np.testing.assert_allclose(divided, 1, atol=0.01)


@pytest.mark.parametrize("method", METHODS)
def test_noise_without_a_continuum_stays_finite(method):
    noise = np.random.default_rng(0).standard_normal((4, len(WAVELENGTH)))
    divided = divide(np.concatenate([noise, np.zeros_like(noise), -np.ones_like(noise)])[:-8], method=method)
    assert np.isfinite(divided).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "guess"}, "preprocessing.method=guess: choose spline or running"),
        ({"scale": 5.0}, "preprocessing.scale=5 Å holds fewer than 8 pixels, which are up to 1 Å wide"),
        ({"scale": float("nan")}, "preprocessing.scale=nan"),
        ({"low_reject": 0.0}, "preprocessing.low_reject=0.0"),
        ({"n_iterations": -1}, "preprocessing.n_iterations=-1"),
    ],
)
def test_options_that_give_no_smooth_curve_are_refused(options, message):
    with pytest.raises(InputError, match=re.escape(message)):
        Continuum(**options).check(WAVELENGTH)
