import numpy as np
import pytest

from moe_exp.spectra.pixels import known_share, pixel_edges, pixel_widths

LINEAR, LOGARITHMIC = np.linspace(7100, 8850, 4096), np.geomspace(7100, 8850, 4096)
LONE = np.r_[3300:3330, 3331:3370]
GAPS = [slice(3300, 3370), slice(0, 40), slice(4000, 4096), slice(3372, 3373), slice(1, 9), slice(4087, 4095), LONE]


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("wavelength", [LINEAR, LOGARITHMIC])
def test_pixels_beside_a_gap_do_not_stand_for_it(wavelength, gap):
    left = np.delete(np.arange(4096), gap)
    np.testing.assert_allclose(pixel_widths(wavelength[left]), np.gradient(wavelength)[left], rtol=3e-3)
    np.testing.assert_array_equal(pixel_widths(wavelength), np.gradient(wavelength))


@pytest.mark.parametrize("gap", GAPS)
def test_pixels_and_gaps_divide_the_range(gap):
    whole, _ = pixel_edges(LINEAR)
    left = np.delete(np.arange(4096), gap)
    edges, is_pixel = pixel_edges(LINEAR[left])
    pixel = LINEAR[1] - LINEAR[0]
    assert is_pixel.sum() == len(left)
    np.testing.assert_allclose(edges[:-1][is_pixel], whole[left], atol=1e-3 * pixel)
    np.testing.assert_allclose(edges[1:][is_pixel], whole[left + 1], atol=1e-3 * pixel)
    assert (np.diff(edges)[~is_pixel] > 0.9 * pixel).all()


def test_where_wider_pixels_begin_nothing_is_missing():
    two_arms = np.r_[np.arange(6500.0, 6510.0, 0.4), np.arange(6510.25, 6530.0, 0.9)]
    edges, is_pixel = pixel_edges(two_arms)
    assert is_pixel.all()
    np.testing.assert_allclose(edges[1:-1], (two_arms[1:] + two_arms[:-1]) / 2)


def test_what_is_known_of_a_pixel_is_its_share_in_known_ones():
    grid = np.delete(np.arange(100.0), slice(40, 50))
    to = np.arange(34.25, 60.0)
    share = np.ones(26)
    share[5:16] = 0.75, *np.zeros(9), 0.25
    np.testing.assert_allclose(known_share(grid, to), share)
    share[:2] = 0.75, 0.25
    np.testing.assert_allclose(known_share(grid, to, grid != 35), share)
