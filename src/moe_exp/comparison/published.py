"""The published results, to stand beside runs of the same design; no measured number depends on them.

Source of every number: the report MVP-12A ("100k replication of Next-A") and the log of the experiments it builds on,
as tabulated in ``published.csv``. They were measured on other spectra (BOSZ models) and on 816 covered test stars; the
simulated spectra stand in for these, a user's own do not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd

PUBLISHED_DESIGN = {
    "data": "simulated",
    "data.label": "log_g",
    "noise": "gaussian",
    "noise.correlation": "0.0",
    "preprocessing": "none",
    "bins": "grid",
    "bins.teff_edges": "[3750.0, 4500.0, 5250.0, 6000.0]",
    "bins.m_h_edges": "[-2.0, -1.0, 0.0, 0.5]",
}
"""Parameters that a run must have for published values to stand beside it, train size and noise level apart."""


def published_values() -> pd.DataFrame:
    """Return all published numbers, one a row.

    Columns: the design (n_train, n_test, noise_level; ``stars`` says whether scores are on covered or on all stars),
    quantity, model, bin_index (missing for pooled values), value with low and high where an interval was given, source
    and note.
    """
    with files("moe_exp.comparison").joinpath("published.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file, dtype={"bin_index": "Int64", "n_test": "Int64"})


@dataclass(frozen=True, eq=False)
class Published:
    """Published values that may stand beside some runs, one a row; see `published_values`."""

    table: pd.DataFrame

    @classmethod
    def beside(cls, *parameters: Mapping[str, str]) -> "Published":
        """Return what was published for runs with these parameters; for runs of any other design nothing was."""
        is_published = all(PUBLISHED_DESIGN.items() <= each.items() for each in parameters)
        table = published_values()
        return cls(table if is_published else table[:0])

    def at(self, *, n_train: int, noise_level: float, stars: str = "covered") -> pd.DataFrame:
        """Return the rows of one train size and noise level; where the stars are not stated, they count as covered."""
        table = self.table
        design = (table["n_train"] == n_train) & np.isclose(table["noise_level"], noise_level)
        others = {"covered", "all"} - {stars}
        return table[design & ~table["stars"].isin(others)]

    def has(self, *, n_train: int, noise_level: float) -> bool:
        """Whether scores on covered stars were published for a train size and noise level."""
        return len(self.at(n_train=n_train, noise_level=noise_level)) > 0

    def r2(self, *, n_train: int, noise_level: float) -> dict[str, float]:
        """Return R² on covered stars by model, for example ``{"mlp": 0.94, ...}``."""
        table = self.at(n_train=n_train, noise_level=noise_level)
        return dict(table[table["quantity"] == "r2"][["model", "value"]].itertuples(index=False))

    def of(
        self, row: Mapping[Any, Any], quantity: str, *, bin_index: int | None = None, stars: str = "covered"
    ) -> pd.Series | None:
        """Return what was published for the model, train size and noise level of a row; None if nothing was."""
        table = self.at(n_train=row["n_train"], noise_level=row["noise_level"], stars=stars)
        table = table[(table["quantity"] == quantity) & (table["model"] == row["model"])]
        table = table[
            table["bin_index"].isna() if bin_index is None else table["bin_index"].eq(bin_index).fillna(False)
        ]
        return table.iloc[0] if len(table) else None
