"""Records of made-up runs whose errors have known size: no spectra, no experts, just labels and scatter."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from moe_exp.comparison import RunRecord
from moe_exp.comparison.published import PUBLISHED_DESIGN
from moe_exp.evaluation.predictions import Predictions

BIN_NAMES = tuple(f"{t} {m}" for t in ("Cool", "Mid", "Hot") for m in ("Metal-poor", "Solar", "Metal-rich"))
SCATTER = {"mlp": 0.25, "linear": 0.28, "classify": 0.32, "oracle": 0.24, "global_ridge": 0.4, "lightgbm": 0.35}
"""Standard deviation of each model's error [dex] at noise level 0.2 and 32,000 training stars."""


def make_stars(n_stars: int, data_seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng([7, data_seed])
    bin_index = rng.integers(-1, 9, n_stars)
    row, column = np.divmod(np.maximum(bin_index, 0), 3)
    return pd.DataFrame(
        {
            "star_index": 100_000 + np.arange(n_stars),
            "star_id": 100_000 + np.arange(n_stars),
            "teff": 3750 + 750 * (row + rng.random(n_stars)),
            "logg": rng.uniform(1, 5, n_stars),
            "m_h": np.where(bin_index < 0, 0.6, np.array([-2, -1, 0])[column] + 0.5 * rng.random(n_stars)),
            "bin_index": bin_index,
        }
    )


def make_record(
    gate: str = "mlp",
    *,
    n_train: int = 32_000,
    noise_level: float = 0.2,
    seed: int = 0,
    data_seed: int = 0,
    n_stars: int = 400,
    seed_scatter: float = 0.0,
    clip: bool = True,
    models: Sequence[str] = (),
    design: Mapping[str, str] | None = None,
    name: str | None = None,
) -> RunRecord:
    """Every model errs by scatter shared by all, scatter of its own, and a factor that its training seed draws."""
    stars = make_stars(n_stars, data_seed)
    logg = stars["logg"].to_numpy()
    shared = np.random.default_rng([1, data_seed]).standard_normal(n_stars)
    size = (noise_level / 0.2) ** 0.3 * (32_000 / n_train) ** 0.1

    def predict(model: str) -> np.ndarray:
        own = np.random.default_rng([2, data_seed, seed, n_train, round(100 * noise_level), *model.encode()])
        factor = np.exp(seed_scatter * own.standard_normal())
        error = 0.8 * shared + 0.6 * own.standard_normal(n_stars)
        return logg + SCATTER.get(model, 0.3) * size * factor * error

    predicted = {"soft": predict(gate), "hard": predict(f"{gate} hard"), "oracle": predict("oracle")}
    predicted |= {"classify": predict("classify"), "global_ridge": predict("global_ridge")}
    predicted |= {model: predict(model) for model in models}
    weights = np.full((n_stars, 9), 1 / 9)
    return RunRecord(
        run_id=name or f"{gate}-{n_train}-{noise_level:g}-{seed}-{data_seed}-{clip}-{sorted((design or {}).items())}",
        name=name or f"{gate} n={n_train} noise={noise_level:g} seed={seed}",
        gate=gate,
        n_train=n_train,
        noise_level=noise_level,
        seed=seed,
        data_seed=data_seed,
        train_digest=f"train{data_seed} {n_train}",
        gate_digest=f"gate{data_seed}",
        test_digest=f"stars{data_seed}",
        noise_draw=f"data.seed={data_seed} noise test",
        clip=clip,
        made_on="cpu",
        parameters=PUBLISHED_DESIGN | dict(design or {}),
        predictions=Predictions(
            stars=stars,
            bin_names=BIN_NAMES,
            gate=gate,
            clip=clip,
            clipped={model: np.clip(values, 1, 5) for model, values in predicted.items()},
            unclipped=predicted,
            gate_weights=weights,
            classify_weights=weights,
        ),
    )
