import numpy as np
import pandas as pd
from scipy.stats import beta, kstest

from moe_exp.spectra.simulator import LABELS, Simulator, draw_labels


def test_a_star_depends_on_seed_and_index_alone():
    many = draw_labels(Simulator(), seed=5, first=0, last=40)
    few = draw_labels(Simulator(), seed=5, first=17, last=23)
    pd.testing.assert_frame_equal(many.loc[17:22], few)
    assert tuple(many.columns) == LABELS
    assert not np.allclose(many, draw_labels(Simulator(), seed=6, first=0, last=40))


def test_share_of_covered_metallicities():
    s = Simulator()
    low, high = s.m_h
    scaled = beta(s.mh_beta, s.mh_beta, loc=low, scale=high - low)
    assert round(scaled.cdf(0.5) - scaled.cdf(-2.0), 3) == 0.816


def test_labels_follow_their_distributions():
    s = Simulator(rv_max=200.0)
    labels = draw_labels(s, seed=1, first=0, last=2000)
    for name in ("teff", "logg", "a_m", "c_m", "mag"):
        low, high = getattr(s, name)
        assert kstest(labels[name], "uniform", args=(low, high - low)).pvalue > 1e-3
    assert kstest(labels["rv"], "uniform", args=(-200, 400)).pvalue > 1e-3
    assert kstest((labels["m_h"] + 2.5) / 3.25, "beta", args=(1.2, 1.2)).pvalue > 1e-3
    assert labels.corr().where(~np.eye(len(LABELS), dtype=bool)).abs().max().max() < 0.1
