"""Which rows of a comparison a part of the report shows, and how their conditions are named."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from moe_exp.comparison import Comparison, Contender
from moe_exp.comparison.published import Published
from moe_exp.figures.style import display_name

Row = Mapping[Any, Any]
"""A row of one of the comparison's tables."""

KEYS = {"design": "Design", "noise_level": "Noise level", "n_train": "Training stars"}
"""What tells conditions apart, in the order in which tables are sorted, with its column's title."""

LONGEST_NAME = 32
"""Characters of a design beyond which it gets a letter."""


@dataclass(frozen=True)
class Selection:
    """A comparison with the names and the main condition of its report.

    Attributes
    ----------
    comparison : Comparison
    configured_noise_level : float or None
        That of the configuration from which a sweep departs; None where it is unknown.
    """

    comparison: Comparison
    configured_noise_level: float | None = None

    @property
    def published(self) -> Published:
        """What was published for the design of these runs."""
        return self.comparison.published

    @cached_property
    def keys(self) -> list[str]:
        """Those of `KEYS` that differ between the scores; all others are said once."""
        return [key for key in KEYS if self.comparison.scores[key].nunique() > 1]

    @cached_property
    def main_noise_level(self) -> float:
        """The noise level whose results are shown in full, and which the answer is about.

        It is the configured one; where that was not scored, one with published values, or the most scored, lowest.
        """
        scores = self.comparison.scores
        if (scores["noise_level"] == self.configured_noise_level).any():
            return float(self.configured_noise_level)  # type: ignore[arg-type]  # it is among the numbers
        levels = scores["noise_level"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
        known = [
            level
            for level in sorted(levels.index)
            for n_train in scores.loc[scores["noise_level"] == level, "n_train"].unique()
            if self.published.has(n_train=n_train, noise_level=level)
        ]
        return float((known or levels.index)[0])

    @cached_property
    def main_n_train(self) -> int:
        """The largest training set at the main noise level."""
        return int(self.at_main(self.comparison.scores)["n_train"].max())

    def at_main(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows at the main noise level."""
        return table[table["noise_level"] == self.main_noise_level]

    def at_top(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows at the main noise level and the largest training set."""
        return where(table, {"noise_level": self.main_noise_level, "n_train": self.main_n_train})

    @property
    def gate_pairs(self) -> pd.DataFrame:
        """Rows of pairs of gates."""
        pairs = self.comparison.pairs
        return pairs[pairs["factor"] == "gate"]

    @property
    def against_classify(self) -> pd.DataFrame:
        """Rows of gates held against classify."""
        pairs = self.gate_pairs
        return pairs[pairs["reference"].map(is_classify).astype(bool)]

    @cached_property
    def design_names(self) -> dict[str, str]:
        """Short name of each design; those that stay long get a letter."""
        designs = [str(design) for design in self.comparison.scores["design"].unique()]
        short = {design: shorten_design(design) for design in designs}
        if len(set(short.values())) < len(designs) or max(map(len, short.values())) > LONGEST_NAME:
            return {design: chr(ord("A") + place) for place, design in enumerate(sorted(designs))}
        return short

    def key_cells(self, row: Row, *, without: Sequence[str] = ()) -> list[str]:
        """Return the cells that name a row's condition."""
        return [self.name_level(key, row[key]) for key in self.keys if key not in without]

    def key_titles(self, *, without: Sequence[str] = ()) -> list[str]:
        """Return the titles of `key_cells`."""
        return [KEYS[key] for key in self.keys if key not in without]

    def name_level(self, key: str, value: object) -> str:
        """Return one level of a factor as it is printed."""
        if key == "design":
            return self.design_names[str(value)]
        return f"{value:,}" if key == "n_train" else f"{value:g}" if key == "noise_level" else str(value)

    def condition(self, row: Row, *, without: Sequence[str] = ()) -> str:
        """Say in words under which condition a row holds."""
        words = {
            "n_train": f"{row['n_train']:,} training stars",
            "noise_level": f"noise level {row['noise_level']:g}",
            "design": self.design_names[str(row["design"])] if "design" in self.keys else "",
        }
        return ", ".join(text for key, text in words.items() if text and key not in without)

    def sort(self, table: pd.DataFrame, *, without: Sequence[str] = ()) -> pd.DataFrame:
        """Return rows by condition, in their own order within each."""
        return table.sort_values([key for key in KEYS if key not in without], kind="stable")

    def contender(self, row: Row, role: str = "model") -> Contender:
        """Return the gate of a row; of a row of pairs its ``"model"`` or its ``"reference"``."""
        prefix = "" if role == "model" else "reference_"
        return Contender(
            model=row[role],
            kind="gate",
            n_train=row[f"{prefix}n_train"],
            noise_level=row[f"{prefix}noise_level"],
            design=row["design"],
        )


def where(table: pd.DataFrame, values: Row) -> pd.DataFrame:
    """Return the rows that have these values."""
    return table[np.logical_and.reduce([table[key] == value for key, value in values.items()])]


def gate_of(model: str) -> str:
    """Return a gate's name without the options that tell it from others: ``"mlp"`` of ``"mlp hidden=128"``."""
    return model.split()[0]


def is_classify(model: str) -> bool:
    """Whether a gate, with whatever options, is the classify gate."""
    return gate_of(model) == "classify"


def model_name(model: str, kind: str = "") -> str:
    """Return a model as tables print it."""
    if kind == "hard routing":
        return f"{model.removesuffix(' hard')}, hard routing"
    return display_name(model)


def shorten_design(design: str) -> str:
    """Leave out what follows from the choice of another parameter: ``training.patience`` where ``training`` differs."""
    parts = re.split(r", (?=[\w.]+=)", design)
    groups = {part.split("=")[0] for part in parts}
    kept = [p for p in parts if not any(p.split("=")[0].startswith(f"{group}.") for group in groups)]
    return ", ".join(kept)


def name_difference(row: Row) -> str:
    """Say what a row of pairs subtracts from what."""
    if row["factor"] == "gate":
        return f"{row['model']} − {row['reference']}"
    if row["factor"] == "n_train":
        return f"{row['model']}: {row['n_train']:,} − {row['reference_n_train']:,} training stars"
    return f"{row['model']}: noise level {row['noise_level']:g} − {row['reference_noise_level']:g}"


def interval_of(row: Row, name: str) -> tuple[float, float, float]:
    """Return a value of a row with the ends of its interval."""
    value, low, high = (float(row[key]) for key in (name, f"{name}_ci_low", f"{name}_ci_high"))
    return value, low, high


def claim(low: float, high: float) -> str:
    """Say what one interval shows by itself."""
    if np.isnan(low):
        return "not tested"
    return "higher" if low > 0 else "lower" if high < 0 else "no difference shown"
