"""Predictions of a made-up test set like the experiment's: nine bins, a fifth uncovered, a few wild stars."""

import numpy as np
import pandas as pd

from moe_exp.evaluation.coverage import Coverage
from moe_exp.evaluation.predictions import Predictions
from moe_exp.prediction.flags import Flag
from moe_exp.prediction.intervals import LEVELS, ONE_SIGMA

BIN_NAMES = tuple(f"{t} {m}" for t in ("Cool", "Mid", "Hot") for m in ("Metal-poor", "Solar", "Metal-rich"))


def make_predictions(n_stars: int = 600, *, gate: str = "mlp", clip: bool = True, seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    teff, m_h, logg = rng.uniform(3750, 6000, n_stars), rng.uniform(-2.5, 0.75, n_stars), rng.uniform(1, 5, n_stars)
    column = np.select([m_h < -2, m_h < -1, m_h < 0, m_h <= 0.5], [-1, 0, 1, 2], -1)
    row = np.minimum((teff - 3750) // 750, 2).astype(int)
    bin_index = np.where(column < 0, -1, 3 * row + column)
    experts = _draw_experts(rng, logg, np.maximum(bin_index, 0))
    global_ridge = logg + 0.38 * rng.standard_normal(n_stars)
    classify_weights = _draw_weights(rng, bin_index, sharpness=6.0)
    gate_weights = classify_weights if gate == "classify" else _draw_weights(rng, bin_index, sharpness=2.5)
    variants = []
    for values in (np.clip(experts, 1, 5), experts):
        routed = {
            "soft": np.sum(gate_weights * values, axis=1),
            "hard": values[np.arange(n_stars), np.argmax(gate_weights, axis=1)],
            "oracle": values[np.arange(n_stars), np.maximum(bin_index, 0)],
            "classify": np.sum(classify_weights * values, axis=1),
        }
        variants.append({k: np.where(bin_index < 0, global_ridge, v) for k, v in routed.items()})
        variants[-1]["global_ridge"] = global_ridge
    return Predictions(
        stars=pd.DataFrame(
            {
                "star_index": np.arange(n_stars) * 3,
                "star_id": np.arange(n_stars) * 3,
                "teff": teff,
                "logg": logg,
                "m_h": m_h,
                "bin_index": bin_index,
            }
        ),
        bin_names=BIN_NAMES,
        gate=gate,
        clip=clip,
        clipped=variants[0],
        unclipped=variants[1],
        gate_weights=gate_weights,
        classify_weights=classify_weights,
    )


def _draw_experts(rng: np.random.Generator, logg: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Experts are good in their own bin, worse the further away; a few stars extrapolate wildly."""
    row, column = np.divmod(np.arange(9), 3)
    distance = np.abs(row[:, None] - row) + np.abs(column[:, None] - column)
    scatter = (0.22 + 0.3 * distance)[own]
    shared = 0.18 * rng.standard_normal((len(logg), 1))
    experts = logg[:, None] + shared + scatter * rng.standard_normal((len(logg), 9))
    wild = rng.choice(len(logg), max(1, len(logg) // 1000), replace=False)
    experts[wild, (own[wild] + 1) % 9] = -17.0
    return experts


def _draw_weights(rng: np.random.Generator, bin_index: np.ndarray, *, sharpness: float) -> np.ndarray:
    logits = rng.normal(size=(len(bin_index), 9))
    logits[np.arange(len(bin_index)), np.maximum(bin_index, 0)] += sharpness
    weights = np.exp(1.5 * logits)
    return weights / weights.sum(axis=1, keepdims=True)


def make_coverage(predictions: Predictions) -> Coverage:
    """Return error bars of 0.5 dex, intervals of 1 dex to both sides, and a flag for each fourth star."""
    n_stars = len(predictions)
    return Coverage(
        error=predictions.configured["soft"] - predictions.y,
        half_widths=np.where(LEVELS == ONE_SIGMA, 0.5, 1.0) * np.ones((n_stars, 1)),
        flags=np.where(np.arange(n_stars) % 4 == 0, Flag.NOISE.value, 0),
        bin_index=predictions.bin_index,
        bin_names=predictions.bin_names,
        noise=np.ones(n_stars),
    )
