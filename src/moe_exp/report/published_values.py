"""The published value that may stand beside a measured one: that of the same bins, train size and noise level."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from moe_exp.comparison.published import published_values
from moe_exp.report import formats

BIN_NAMES = tuple(f"{t} {m}" for t in ("Cool", "Mid", "Hot") for m in ("Metal-poor", "Solar", "Metal-rich"))
"""The bins of the published experiment."""


@dataclass(frozen=True, eq=False)
class Published:
    """Published values, one a row; see `published_values`."""

    table: pd.DataFrame

    @classmethod
    def for_bins(cls, bin_names: Sequence[str]) -> "Published":
        """Return what was published for these bins; of other bins nothing was."""
        table = published_values()
        return cls(table if tuple(bin_names) == BIN_NAMES else table[:0])

    def at(self, *, n_train: int, noise_level: float, stars: str = "covered") -> pd.DataFrame:
        """Return the rows of one design; where the report does not state the stars, they count as covered."""
        table = self.table
        design = (table["n_train"] == n_train) & np.isclose(table["noise_level"], noise_level)
        others = {"covered", "all"} - {stars}
        return table[design & ~table["stars"].isin(others)]

    def has(self, *, n_train: int, noise_level: float) -> bool:
        """Whether scores on covered stars were published for a design."""
        return len(self.at(n_train=n_train, noise_level=noise_level)) > 0

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


def print_published(row: pd.Series | None, *, signed: bool = False) -> str:
    """Return a published value as tables print it: with its interval, and what it lacks in precision or in words."""
    if row is None:
        return ""
    text = (formats.difference if signed else formats.score)(row["value"], row["low"], row["high"])
    about = "about " if str(row["note"]).startswith("about") else ""
    unstated = " (stars not stated)" if row["stars"] == "not stated" else ""
    return f"{about}{text}{unstated}"
