"""Paschen lines against tables of their strengths and widths, and their confluence with the continuum."""

import numpy as np
import pytest
import torch

from moe_exp.spectra.simulator.continuum import KRAMERS, PASCHEN_EDGE, gaunt
from moe_exp.spectra.simulator.hydrogen import (
    CLASSICAL_CROSS_SECTION,
    LOG_DENSITIES,
    STATISTICAL_WEIGHT,
    line_profile,
    occupation_probability,
    oscillator_strength,
    paschen_opacity,
    splined_opacity,
    stark_scale,
    wavelength,
)
from moe_exp.spectra.simulator.temperature import b_splines

GRID = np.linspace(8000.0, 8880.0, 4000)


def test_oscillator_strengths_of_the_paschen_series():
    """Wiese, Smith & Glennon (1966), NSRDS-NBS 4."""
    published = [0.8421, 0.1506, 0.05584, 0.02768]
    np.testing.assert_allclose(oscillator_strength(np.arange(4.0, 8.0)), published, rtol=2e-3)


def test_gaunt_factor_at_the_threshold_of_the_third_level():
    """Karzas & Latter (1961), ApJS 6, 167."""
    assert gaunt(3, 1.0) == pytest.approx(0.907, abs=0.003)


def test_lines_lie_where_they_are_observed():
    np.testing.assert_allclose(wavelength(np.array([12.0, 14.0])), [8750.47, 8598.39], atol=0.06)


@pytest.mark.parametrize(
    ("n", "density", "published"),
    [
        (12.0, 1e13, [0.1695, 0.0964, 0.005672, 1.733e-4]),
        (12.0, 1e14, [0.03675, 0.03567, 0.02384, 2.182e-3]),
        (14.0, 1e13, [0.1262, 0.09282, 0.009252, 2.670e-4]),
        (14.0, 1e14, [0.02697, 0.02661, 0.02148, 3.399e-3]),
    ],
)
def test_profiles_are_near_those_of_the_unified_theory(n, density, published):
    """Lemke (1997, A&AS 122, 285) at 5000 K, in 1/Å, at 0.5, 2, 8 and 30 Å from the line."""
    doppler = wavelength(n) * 9.08e5 / 2.998e10
    profile = line_profile(np.array([0.5, 2.0, 8.0, 30.0]), scale=stark_scale(n, density), doppler=doppler)
    np.testing.assert_allclose(profile, published, rtol=0.15)


def test_profiles_have_unit_area():
    offset = np.arange(-1500.0, 1500.0, 0.05)
    for scale in (0.1, 1.0, 5.0):
        assert line_profile(offset, scale=scale, doppler=0.3).sum() * 0.05 == pytest.approx(1, abs=0.002)


def test_levels_dissolve_with_density_and_with_their_size():
    levels = np.array([3.0, 10.0, 15.0, 20.0, 30.0])
    thin, dense = (occupation_probability(levels, density) for density in (1e12, 1e14))
    assert thin[0] == pytest.approx(1, abs=1e-4)
    assert (np.diff(thin) < 0).all()
    assert (dense < thin).all()
    # Inglis & Teller (1939): the last line seen is n = 10^((23.26 - log n_e) / 7.5), here 17.2.
    assert occupation_probability(np.array([17.2]), 1e14) == pytest.approx(0.35, abs=0.2)


@pytest.mark.parametrize("density", [1e12, 1e13, 1e14])
def test_lines_run_into_the_continuum_without_a_step(density):
    """Just above the series limit, dissolved levels absorb as much as the continuum does just below it."""
    beyond = paschen_opacity(np.array([PASCHEN_EDGE + 0.5]), density)
    continuum = STATISTICAL_WEIGHT * KRAMERS * PASCHEN_EDGE**3 / 27 * gaunt(3, 1.0) / CLASSICAL_CROSS_SECTION
    assert beyond / continuum == pytest.approx(1, abs=0.01)


def test_splines_represent_the_opacity_between_their_centres():
    coefficients = splined_opacity(GRID)
    for density in (11.9, 12.3, 13.1, 13.9, 14.6, 14.9):
        splines = b_splines(torch.tensor(density, dtype=torch.float64), torch.tensor(LOG_DENSITIES)).numpy()
        exact = paschen_opacity(GRID, 10**density)
        assert np.abs(splines @ coefficients - exact).max() < 0.05 * exact.max()
        assert (splines @ coefficients).min() > 0
