"""The published results, to stand beside a run of the same design; nothing is computed from them.

Source of every number: the report MVP-12A ("100k replication of Next-A") and the log of the experiments it builds on,
as tabulated in ``published.csv``. They were measured on other spectra (BOSZ models) and on 816 covered test stars.
"""

from importlib.resources import files

import pandas as pd


def published_values() -> pd.DataFrame:
    """Return all published numbers, one a row.

    Columns: the design (n_train, n_test, noise_level; ``stars`` says whether scores are on covered or on all stars),
    quantity, model, bin_index (missing for pooled values), value with low and high where an interval was given, source
    and note.
    """
    with files("moe_exp.comparison").joinpath("published.csv").open() as file:
        return pd.read_csv(file, dtype={"bin_index": "Int64", "n_test": "Int64"})


def published_r2(*, n_train: int, noise_level: float) -> dict[str, float]:
    """Return published R² on covered stars by model, for example ``{"mlp": 0.94, ...}``; empty for other designs."""
    return dict(_select("r2", n_train, noise_level)[["model", "value"]].itertuples(index=False))


def published_bin_r2(gate: str, *, n_train: int, noise_level: float) -> dict[int, float]:
    """Return published R² of one gate by bin index; empty for other designs."""
    return _by_bin(_select("bin_r2", n_train, noise_level), gate)


def published_bin_delta_r2(gate: str, *, n_train: int, noise_level: float) -> dict[int, float]:
    """Return published R² of one gate minus classify by bin index; empty for other designs."""
    return _by_bin(_select("bin_delta_r2", n_train, noise_level), gate)


def _select(quantity: str, n_train: int, noise_level: float) -> pd.DataFrame:
    table = published_values()
    design = (table["n_train"] == n_train) & (table["noise_level"] == noise_level) & (table["stars"] == "covered")
    return table[design & (table["quantity"] == quantity)]


def _by_bin(table: pd.DataFrame, gate: str) -> dict[int, float]:
    of_gate = table[table["model"] == gate]
    return {int(index): float(value) for index, value in zip(of_gate["bin_index"], of_gate["value"], strict=True)}
