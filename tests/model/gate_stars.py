"""Stars as a gate meets them, without spectra: nine experts that are good in their own bin and worse away from it."""

from typing import NamedTuple

import numpy as np


class Stars(NamedTuple):
    X: np.ndarray
    y: np.ndarray
    expert_predictions: np.ndarray
    bin_index: np.ndarray

    def fit(self, gate, seed=0, star=None):
        kwargs = {"expert_predictions": self.expert_predictions, "bin_index": self.bin_index, "star": star}
        return gate.fit(self.X, self.y, **kwargs, seed=seed)

    def mixed_squared_error(self, gate_weights):
        return np.mean((np.sum(gate_weights * self.expert_predictions, axis=1) - self.y) ** 2)


def draw_stars(n_stars, seed=0, n_features=13):
    """Draw stars whose features follow Teff, [M/H] and log g, with experts that now and then extrapolate wildly."""
    rng = np.random.default_rng(seed)
    teff, m_h, logg = rng.uniform(-1, 1, n_stars), rng.uniform(-1, 1, n_stars), rng.uniform(1, 5, n_stars)
    bin_index = 3 * _third(teff) + _third(m_h)
    g = (logg - 3) / 1.15
    hidden = np.column_stack([teff, m_h, g, teff**2, teff * m_h, m_h**2, teff * g, m_h * g, g**2])
    fixed = np.random.default_rng(99)
    loadings = fixed.normal(size=(9, n_features)) * np.array([2, 1.5, 1, 0.5, 0.5, 0.5, 0.4, 0.4, 0.3])[:, None]
    X = hidden @ loadings + 0.5 * rng.normal(size=(n_stars, n_features))
    errors = np.column_stack([_expert_error(k, teff, m_h, g, fixed, rng) for k in range(9)])
    wild = (rng.random((n_stars, 9)) < 5e-4) & (np.arange(9) != bin_index[:, None])
    predictions = np.where(wild, -17.0, logg[:, None] + 0.18 * rng.normal(size=(n_stars, 1)) + errors)
    return Stars(X, logg, np.clip(predictions, 1, 5), bin_index)


def _third(label):
    return np.clip(((label + 1) * 1.5).astype(int), 0, 2)


def _expert_error(expert, teff, m_h, g, fixed, rng):
    beyond_teff = np.maximum(np.abs(teff - 2 / 3 * (expert // 3 - 1)) - 1 / 3, 0)
    beyond_m_h = np.maximum(np.abs(m_h - 2 / 3 * (expert % 3 - 1)) - 1 / 3, 0)
    a = fixed.normal(size=6) * [2, 2, 4, 4, 1, 1]
    bias = a[0] * beyond_teff + a[1] * beyond_m_h + a[2] * beyond_teff**2 + a[3] * beyond_m_h**2
    slope = (a[4] * beyond_teff + a[5] * beyond_m_h) * g
    return bias + slope + 0.12 * rng.normal(size=len(g)) * (1 + 2 * beyond_teff + 2 * beyond_m_h)
