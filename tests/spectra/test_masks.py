import numpy as np
import pytest

from moe_exp.spectra.masks import Masks, blank, find_masked
from moe_exp.spectra.star_reader import to_error


@pytest.fixture
def spectra():
    return np.ones((3, 8), np.float32), np.ones((3, 8), np.float32)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_flux_that_is_not_finite_is_masked(spectra, value):
    flux, error = spectra
    flux[1, 2] = value
    assert np.argwhere(find_masked(flux, error)).tolist() == [[1, 2]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, -1.0])
def test_an_error_that_is_none_is_masked(spectra, value):
    flux, error = spectra
    error[1, 2] = value
    assert np.argwhere(find_masked(flux, error)).tolist() == [[1, 2]]


def test_flags_that_are_not_0_are_masked(spectra):
    flags = np.zeros((3, 8), np.float32)
    flags[0, 0], flags[1, 7], flags[2, 2], flags[2, 3] = 1, 2**31, -1, np.nan
    assert np.argwhere(find_masked(*spectra, flags)).tolist() == [[0, 0], [1, 7], [2, 2], [2, 3]]


def test_sentinels_are_masked_where_flux_is_just_them(spectra):
    flux, error = spectra
    flux[0, :5] = [-999, -998.9, -1000, 0, -999.9]
    assert not find_masked(flux, error).any()
    assert np.argwhere(find_masked(flux, error, sentinels=(-999.0,))).tolist() == [[0, 0]]
    assert np.argwhere(find_masked(flux, error, sentinels=(0.0, -999.9))).tolist() == [[0, 3], [0, 4]]


def test_what_is_masked_is_one_nan_whatever_it_was(spectra):
    flux, error = spectra
    flux[0, 1], flux[2, 2], error[1, 3] = np.inf, -np.nan, 0
    blank(flux, error, find_masked(flux, error))
    for values in spectra:
        assert {values[place].tobytes() for place in ((0, 1), (2, 2), (1, 3))} == {np.float32(np.nan).tobytes()}
        assert np.isnan(values).sum() == 3


def test_inverse_variances_of_nothing_are_infinite_errors():
    ivar = np.array([4, 0, -1, np.nan, np.inf], np.float32)
    np.testing.assert_array_equal(to_error(ivar), np.array([0.5, np.inf, np.inf, np.inf, 0], np.float32))


@pytest.fixture
def masked():
    rng = np.random.default_rng(0)
    return (rng.random((40, 21)) < 0.1) & (rng.random((40, 1)) < 0.6)


@pytest.fixture(params=[(0, 40), (0, 1, 17, 40)], ids=["whole", "in parts"])
def masks(request, masked):
    return Masks.join(
        Masks.of(masked[low:high], low) for low, high in zip(request.param, request.param[1:], strict=False)
    )


@pytest.mark.parametrize("rows", [np.arange(40), np.array([0, 3, 17, 39]), np.arange(0)])
def test_kept_bits_answer_as_the_whole_array_does(masked, masks, rows):
    among = np.random.default_rng(1).random(21) < 0.5
    np.testing.assert_array_equal(masks.hold(rows), masked[rows].any(axis=1))
    np.testing.assert_array_equal(masks.count_pixels(rows, among), masked[rows][:, among].sum(axis=1))
    np.testing.assert_array_equal(masks.count_stars(rows), masked[rows].sum(axis=0))
    for row in rows[masked[rows].any(axis=1)]:
        assert masks.first_pixel(row) == np.argmax(masked[row])


def test_stars_of_a_later_file_are_counted_on(masked, masks):
    joined = Masks.join([masks, masks.shift(40)])
    np.testing.assert_array_equal(joined.hold(np.arange(80)), np.tile(masked.any(axis=1), 2))


def test_stars_without_masked_pixels_take_no_room():
    assert Masks.of(np.zeros((1000, 4096), bool)).bits.nbytes == 0
