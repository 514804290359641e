import numpy as np
import pytest

from moe_exp.errors import InputError
from moe_exp.spectra.masks import Masks
from moe_exp.spectra.used_pixels import MOST, NEIGHBOURS, UsedPixels, average_spectra, choose_pixels, fill

N_PIXELS = 200
TEMPLATE = 1 + 0.5 * np.cos(np.linspace(0, 9, N_PIXELS))
GAPS = [slice(0, 3), slice(50, 51), slice(60, 140), slice(196, 200)]


@pytest.mark.parametrize("gaps", [*([gap] for gap in GAPS), GAPS])
def test_a_star_that_is_the_template_is_filled_as_if_nothing_was_masked(gaps):
    whole = (3.7 * TEMPLATE).astype(np.float32)
    star = whole.copy()
    for gap in gaps:
        star[gap] = np.nan
    fill(star, TEMPLATE)
    np.testing.assert_allclose(star, whole, rtol=1e-6)


def test_each_gap_takes_the_scale_of_its_own_neighbours():
    slope = np.where(np.arange(N_PIXELS) < 100, 2.0, 5.0)
    star = (slope * TEMPLATE).astype(np.float32)
    for pixel in (30, 31, 99 - NEIGHBOURS, 100 + NEIGHBOURS, 160):
        star[pixel] = np.nan
    fill(star, TEMPLATE)
    np.testing.assert_allclose(star, slope * TEMPLATE, rtol=1e-6)


@pytest.mark.parametrize("n_known", [1, 2, 2 * NEIGHBOURS - 1])
def test_few_known_pixels_scale_all_others(n_known):
    star = np.full(N_PIXELS, np.nan, np.float32)
    star[80 : 80 + n_known] = 2 * TEMPLATE[80 : 80 + n_known]
    fill(star, TEMPLATE)
    np.testing.assert_allclose(star, 2 * TEMPLATE, rtol=1e-6)


def test_the_scale_is_that_of_least_squares():
    rng = np.random.default_rng(0)
    star = (TEMPLATE + rng.normal(0, 0.3, N_PIXELS)).astype(np.float32)
    near = [*range(70 - NEIGHBOURS, 70), *range(71, 71 + NEIGHBOURS)]
    [scale], *_ = np.linalg.lstsq(TEMPLATE[near, None], star[near].astype(float))
    star[70] = np.nan
    fill(star, TEMPLATE)
    assert star[70] == pytest.approx(scale * TEMPLATE[70], rel=1e-6)


def test_where_the_template_says_nothing_nothing_is_filled_in():
    star, template = np.ones(40, np.float32), np.zeros(40)
    star[5] = np.nan
    fill(star, template)
    assert star[5] == 0


def test_the_mean_is_the_shape_of_the_stars_whoever_has_masked_what():
    rng = np.random.default_rng(0)
    levels = rng.lognormal(0, 1, 300)
    flux = levels[:, None] * TEMPLATE
    flux[rng.random(flux.shape) < 0.3] = np.nan
    bright = levels > 2
    flux[bright, 20:40] = np.nan
    np.testing.assert_allclose(average_spectra(flux, levels), TEMPLATE, rtol=1e-12)


def masks_by_pixel(*counts, n_stars=10):
    """Return masks of stars of which as many as given have each pixel masked."""
    return Masks.of(np.arange(n_stars)[:, None] < np.array(counts))


def test_pixels_that_most_stars_have_masked_are_left_out():
    assert MOST == 0.5
    pixels = choose_pixels(masks_by_pixel(0, 5, 6, 10, 1), np.arange(10))
    assert pixels.tolist() == [True, True, False, False, True]
    assert choose_pixels(masks_by_pixel(0, 5, 6, 10, 1), np.arange(6, 10)).tolist() == [True, True, True, False, True]


def test_stars_without_any_known_pixel_have_no_say_in_what_is_left_out():
    masks = Masks.of(np.array([[True] * 4] * 6 + [[True, False, False, False]] * 4))
    assert choose_pixels(masks, np.arange(10)).tolist() == [False, True, True, True]
    assert choose_pixels(masks, np.arange(6)).all()


def test_when_most_stars_have_all_but_one_masked_the_flags_may_be_the_wrong_way_round():
    with pytest.raises(InputError, match=r"3 of 4 pixels .* see that they are not the other way round"):
        choose_pixels(masks_by_pixel(0, 6, 6, 10), np.arange(10))


def test_what_is_used_is_free_of_nan_and_otherwise_as_it_was():
    rng = np.random.default_rng(0)
    pixels = rng.random(N_PIXELS) > 0.1
    flux = rng.normal(1, 0.1, (20, N_PIXELS)).astype(np.float32)
    masked = (rng.random(flux.shape) < 0.05) & (np.arange(20)[:, None] % 2 == 0)
    spoiled = np.where(masked, np.float32(np.nan), flux)
    used = UsedPixels(pixels, TEMPLATE[pixels]).apply(spoiled, masked.any(axis=1))
    np.testing.assert_array_equal(used[~masked[:, pixels]], flux[:, pixels][~masked[:, pixels]])
    assert np.isfinite(used).all()
