import re

import numpy as np
import pytest
from sklearn.base import clone

from moe_exp.errors import InputError
from moe_exp.model.bins import LabelGrid, QuantileBins

NOBODY = np.empty(0)


def test_label_grid_numbers_bins_row_by_row():
    grid = LabelGrid().fit(NOBODY, NOBODY)
    teff = np.repeat([4000.0, 5000.0, 5900.0], 3)
    m_h = np.tile([-1.5, -0.5, 0.2], 3)
    assert grid.assign(teff, m_h).tolist() == list(range(9))
    assert grid.n_bins == 9
    assert grid.names_[0] == "Cool Metal-poor"
    assert grid.names_[5] == "Mid Metal-rich"
    assert grid.names_[8] == "Hot Metal-rich"


def test_intervals_are_half_open_and_the_last_one_is_closed():
    grid = LabelGrid().fit(NOBODY, NOBODY)
    below, above = np.nextafter(4500.0, 0), np.nextafter(6000.0, 9e9)
    assert grid.assign(np.array([3750.0, below, 4500.0, 6000.0, above]), np.full(5, -1.0)).tolist() == [1, 1, 4, 7, -1]
    m_h = np.array([-2.0, 0.0, 0.5, 0.5000001, -2.0000001])
    assert grid.assign(np.full(5, 4000.0), m_h).tolist() == [0, 2, 2, -1, -1]


def test_a_star_outside_either_label_is_uncovered():
    grid = LabelGrid().fit(NOBODY, NOBODY)
    teff, m_h = np.array([3000.0, 5000.0, np.nan, 5000.0]), np.array([-0.5, 0.7, -0.5, np.nan])
    assert grid.assign(teff, m_h).tolist() == [-1, -1, -1, -1]


def test_uneven_grid_counts_columns_not_rows():
    grid = LabelGrid(teff_edges=[0, 1, 2, 3], m_h_edges=[0, 1, 2], teff_names=[], m_h_names=[]).fit(NOBODY, NOBODY)
    assert grid.assign(np.array([0.5, 1.5, 2.5]), np.array([1.5, 0.5, 1.5])).tolist() == [1, 2, 5]
    assert grid.names_[5] == "Teff 3 [M/H] 2"


def test_quantile_bins_hold_equal_shares_and_cover_everything():
    rng = np.random.default_rng(0)
    teff, m_h = rng.normal(5000, 400, 900), rng.normal(-0.5, 0.4, 900)
    bins = QuantileBins().fit(teff, m_h)
    bin_index = bins.assign(teff, m_h)
    assert np.bincount(bin_index // 3).tolist() == [300, 300, 300]
    assert np.bincount(bin_index % 3).tolist() == [300, 300, 300]
    assert np.all(bins.assign(np.array([0.0, 1e9]), np.array([-99.0, 99.0])) == [0, 8])


def test_more_training_stars_do_not_move_quantile_edges():
    rng = np.random.default_rng(1)
    teff, m_h = rng.uniform(3750, 6000, 5000), rng.uniform(-2, 0.5, 5000)
    few, many = QuantileBins(n_stars=500).fit(teff[:600], m_h[:600]), QuantileBins(n_stars=500).fit(teff, m_h)
    np.testing.assert_array_equal(few.teff_edges_, many.teff_edges_)
    np.testing.assert_array_equal(few.m_h_edges_, many.m_h_edges_)


@pytest.mark.parametrize(
    ("bins", "message"),
    [
        (LabelGrid(teff_edges=[4000.0, 4000.0]), "bins.teff_edges must be finite and increase"),
        (LabelGrid(m_h_edges=[0.0]), "bins.m_h_edges has 1 value(s)"),
        (LabelGrid(m_h_edges=[-1.0, 0.0, 1.0]), "bins.m_h_names has 3 name(s) for 2 interval(s)"),
        (LabelGrid(teff_names=["Cool", "Cool", "Hot"]), "bins.teff_names names two intervals alike"),
        (QuantileBins(n_teff=0), "bins.n_teff is 0"),
        (QuantileBins(n_stars=0), "bins.n_stars is 0"),
        (QuantileBins(teff_names=["one"]), "bins.teff_names has 1 name(s) for 3 interval(s)"),
    ],
)
def test_wrong_options_are_refused_by_name(bins, message):
    with pytest.raises(InputError, match=re.escape(message)):
        bins.check()
    with pytest.raises(InputError, match=re.escape(message)):
        bins.fit(np.arange(10.0), np.arange(10.0))


def test_quantiles_that_coincide_are_refused():
    with pytest.raises(InputError, match=re.escape("bins.n_teff=3: quantiles of Teff coincide (5000, 5000)")):
        QuantileBins().fit(np.full(10, 5000.0), np.arange(10.0))


def test_bins_follow_the_estimator_contract():
    bins = QuantileBins(n_teff=4, n_m_h=2).fit(np.arange(10.0), np.arange(10.0))
    copy = clone(bins)
    assert copy.get_params() == bins.get_params()
    assert not hasattr(copy, "names_")
    assert bins.n_bins == len(bins.names_) == 8
