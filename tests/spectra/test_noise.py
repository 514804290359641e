import numpy as np
import pytest

from moe_exp.errors import InputError
from moe_exp.spectra.noise import GaussianNoise, add_noise, digest_noise
from tests.conftest import make_stars


def noise(flux, error, index, level=1.0, seed=0, stage="noise"):
    return add_noise(flux, error, noise_level=level, seed=seed, stage=stage, star_index=index) - flux


def test_a_star_has_its_own_draw_whatever_the_block():
    flux, error, _ = make_stars(300)
    index = np.arange(300)
    whole = noise(flux, error, index)
    some = np.array([0, 7, 128, 299])
    np.testing.assert_array_equal(noise(flux[some], error[some], index[some]), whole[some])


def test_noise_levels_scale_one_draw():
    flux, error, _ = make_stars(20)
    flux = np.zeros_like(flux)
    one, half = (noise(flux, error, np.arange(20), level) for level in (1.0, 0.5))
    np.testing.assert_array_equal(half, one / 2)


def test_no_noise_leaves_the_flux():
    flux, error, _ = make_stars(5)
    assert not noise(flux, error, np.arange(5), 0.0).any()


def test_noise_is_standard_normal_in_units_of_the_error():
    flux, error, _ = make_stars(2000)
    scaled = noise(np.zeros_like(flux), error, np.arange(2000)) / error
    assert abs(scaled.mean()) < 5 / np.sqrt(scaled.size)
    assert abs(scaled.std() - 1) < 5 / np.sqrt(2 * scaled.size)


def test_seed_stage_and_star_each_change_the_draw():
    flux, error, _ = make_stars(2)
    index = np.arange(2)
    draws = [
        noise(flux, error, index)[0],
        noise(flux, error, index, seed=1)[0],
        noise(flux, error, index, stage="noise data.test_path")[0],
        noise(flux, error, index + 1)[0],
    ]
    correlation = np.corrcoef(draws)
    assert np.abs(correlation[np.triu_indices(4, 1)]).max() < 0.6


def test_the_digest_follows_the_draws():
    stars = np.arange(5)
    same = digest_noise(seed=1, stage="noise", star_index=stars)
    assert digest_noise(seed=1, stage="noise", star_index=stars) == same
    others = {"seed": {"seed": 2}, "stage": {"stage": "other"}, "stars": {"star_index": stars + 1}}
    for change in others.values():
        assert digest_noise(**{"seed": 1, "stage": "noise", "star_index": stars} | change) != same


@pytest.mark.parametrize("asked_for", [(0.4, 0.1), (-0.3, 0.2), (0.5, 0.0)])
def test_neighbours_share_what_is_asked_for_and_the_ends_nothing(asked_for):
    n_stars, n_pixels = 3000, 30
    flux, error = np.zeros((n_stars, n_pixels), np.float32), np.ones((n_stars, n_pixels), np.float32)
    error[:, 10:] = 3
    draw = {"noise_level": 0.5, "seed": 0, "stage": "noise", "noise": GaussianNoise(correlation=[*asked_for])}
    found = add_noise(flux, error, star_index=np.arange(n_stars), **draw)
    covariance = found.T @ found / n_stars
    expected = sum(
        np.diag(np.full(n_pixels - abs(lag), value), lag)
        for lag, value in zip((-2, -1, 0, 1, 2), (*asked_for[::-1], 1.0, *asked_for), strict=True)
    )
    np.testing.assert_allclose(covariance / np.outer(error[0], error[0]) / 0.25, expected, atol=5 / np.sqrt(n_stars))
    alone = add_noise(flux[:1], error[:1], star_index=np.array([7]), **draw)
    np.testing.assert_array_equal(alone[0], found[7])


def test_noise_without_correlation_is_that_of_each_pixel_and_impossible_correlations_are_refused():
    flux, error, _ = make_stars(5)
    for none in (0, 0.0, [0.0, 0.0]):
        noise = GaussianNoise(correlation=none)
        noise.check()
        draw = {"noise_level": 1.0, "seed": 0, "stage": "noise", "star_index": np.arange(5)}
        np.testing.assert_array_equal(add_noise(flux, error, noise=noise, **draw), add_noise(flux, error, **draw))
    for wrong in (0.6, [0.0, 0.6], [0.5, -0.5], [0.1, 0.1, 0.1], "0.3", float("nan")):
        with pytest.raises(InputError, match="noise.correlation="):
            GaussianNoise(correlation=wrong).check()
