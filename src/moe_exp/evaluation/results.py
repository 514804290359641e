"""From predictions to conclusions: scores, intervals and differences on the covered test stars.

Every model is scored on the same covered stars and on the same resamples of them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from moe_exp import names
from moe_exp.codes import Code
from moe_exp.errors import InputError
from moe_exp.evaluation import scores, tables
from moe_exp.evaluation.bootstrap import Delta, R2Bootstrap, bootstrap_r2, check_options
from moe_exp.evaluation.metrics import Metric
from moe_exp.evaluation.predictions import Predictions


@dataclass(frozen=True, eq=False, kw_only=True)
class Results:
    """What one run concludes; tables and metrics are views of it.

    Attributes
    ----------
    predictions : Predictions
    settings : Evaluation
    pooled : R2Bootstrap
        All covered test stars.
    per_bin : tuple of R2Bootstrap
        The stars of each bin, resampled within the bin.
    further : mapping of str to Metric
        Metrics beside those that every run has, by name.
    """

    predictions: Predictions
    settings: "Evaluation"
    pooled: R2Bootstrap
    per_bin: tuple[R2Bootstrap, ...]
    further: Mapping[str, Metric] = field(default_factory=dict)

    @property
    def gate(self) -> str:
        """Name of the run's gate."""
        return self.predictions.gate

    @property
    def n_stars(self) -> int:
        """Number of covered test stars, those that all scores are computed on, each once however often it was seen."""
        return self.pooled.n_stars

    @cached_property
    def delta(self) -> Delta | None:
        """Pooled R² of the run's gate minus the classify reference; None when the gate is classify itself."""
        return tables.delta_against_classify(self.pooled, self.gate)

    @cached_property
    def delta_vs_global(self) -> Delta:
        """Pooled R² of the run's gate minus the global Ridge."""
        return self.pooled.delta("soft", "global_ridge")

    @cached_property
    def scores(self) -> pd.DataFrame:
        """One row per model; see `tables.score_table`."""
        return tables.score_table(self.predictions, self.pooled, self.further)

    @cached_property
    def bins(self) -> pd.DataFrame:
        """One row per bin; see `tables.bin_table`."""
        return tables.bin_table(self.predictions, self.per_bin)

    @cached_property
    def intervals(self) -> pd.DataFrame:
        """The whole bootstrap as a long table; see `tables.interval_table`."""
        return tables.interval_table(self.predictions, self.pooled, self.per_bin)

    @cached_property
    def worst_stars(self) -> pd.DataFrame:
        """The stars of largest squared error, worst first; see `tables.worst_star_table`."""
        return tables.worst_star_table(self.predictions, self.settings.n_worst_stars)

    @property
    def oracle_gain_fraction(self) -> float:
        """Share of the oracle's gain over the global Ridge that the run's gate retains; see `scores`."""
        r2 = dict(zip(self.pooled.models, self.pooled.values.tolist(), strict=True))
        return scores.oracle_gain_fraction(r2=r2["soft"], r2_global=r2["global_ridge"], r2_oracle=r2["oracle"])

    @property
    def gate_accuracy(self) -> float:
        """Share of covered stars whose largest weight of the run's gate is on their true bin."""
        return self._accuracy(self.predictions.gate_weights)

    @property
    def classify_accuracy(self) -> float:
        """Share of covered stars that the classify reference puts in their true bin."""
        return self._accuracy(self.predictions.classify_weights)

    def _accuracy(self, weights: np.ndarray) -> float:
        covered = self.predictions.covered
        return scores.accuracy(self.predictions.bin_index[covered], weights[covered])

    def metrics(self) -> dict[str, float]:
        """Return all numbers under the names they are logged by; those that are not finite are left out."""
        table, worst = self.scores, self.worst_stars
        of_gate: dict[str, float] = {str(name): value for name, value in table.loc["soft"].to_dict().items()}
        of_gate |= tables.delta_columns("delta_r2", self.delta)
        of_gate |= tables.delta_columns("delta_r2_vs_global", self.delta_vs_global)
        of_gate |= {
            "oracle_gain_fraction": self.oracle_gain_fraction,
            f"worst{self.settings.n_worst_stars}_error_share": worst["error_share"].sum(skipna=False),
            "gate_accuracy": self.gate_accuracy,
            "n_stars": self.n_stars,
            "coverage": float(np.mean(self.predictions.covered)),
        }
        of_references = {
            f"{model}_{name}": value
            for name in ("r2", *self.further)
            for model, value in table[name].drop("soft").to_dict().items()
        }
        of_references["classify_accuracy"] = self.classify_accuracy
        found = {names.METRICS_TEST + name: value for name, value in of_gate.items()}
        found |= {names.METRICS_REFERENCE + name: value for name, value in of_references.items()}
        found |= self._bin_metrics()
        return {name: float(value) for name, value in found.items() if math.isfinite(value)}

    def _bin_metrics(self) -> dict[str, float]:
        """Return scores of single bins; the ends of their intervals and counts are 27 charts more, and in a table."""
        return {
            f"bin_{column}/{tables.bin_key(row['index'], row['name'])}": row[column]
            for row in self.bins.to_dict("records")
            for column in ("r2", "delta_r2")
        }


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How predictions are judged.

    Attributes
    ----------
    n_resamples : int
        Bootstrap resamples of the test stars.
    confidence : float
        Probability content of the intervals.
    n_worst_stars : int
        How many stars of largest squared error are listed.
    """

    n_resamples: int = 10_000
    confidence: float = 0.95
    n_worst_stars: int = 5

    def check(self) -> None:
        """Raise `InputError` if a value is out of range."""
        check_options(self.n_resamples, self.confidence)
        if self.n_worst_stars < 1:
            raise InputError(
                Code.OUT_OF_RANGE, f"evaluation.n_worst_stars={self.n_worst_stars}: at least one star is needed."
            )

    def evaluate(self, predictions: Predictions, *, seed: int, further: Mapping[str, Metric] | None = None) -> Results:
        """Score all models on the covered test stars, pooled and per bin.

        Parameters
        ----------
        predictions : Predictions
        seed : int
            Seed of the resamples: runs with the same seed and test stars share them.
        further : mapping of str to Metric, optional
            Metrics beside those that every run has, by name.

        Raises
        ------
        InputError
            If a setting is out of range, or fewer than two test stars are covered.
        """
        self.check()
        n_covered = int(predictions.covered.sum())
        if n_covered < 2:
            raise InputError(
                Code.TOO_FEW_COVERED,
                f"{n_covered} of {len(predictions)} test stars lie in a bin; scores need at least 2. "
                f"Use more test stars (data.n_test) or bins that cover their labels.",
            )
        pooled = self._bootstrap(predictions, predictions.covered, seed, "bootstrap")
        per_bin = tuple(
            self._bootstrap(predictions, predictions.bin_index == index, seed, f"bootstrap bin {index}")
            for index in range(len(predictions.bin_names))
        )
        return Results(predictions=predictions, settings=self, pooled=pooled, per_bin=per_bin, further=further or {})

    def _bootstrap(self, predictions: Predictions, members: np.ndarray, seed: int, stage: str) -> R2Bootstrap:
        return bootstrap_r2(
            predictions.y[members],
            {model: predictions.configured[model][members] for model in predictions.models},
            star=predictions.star[members],
            n_resamples=self.n_resamples,
            confidence=self.confidence,
            seed=seed,
            stage=stage,
            limited=predictions.clip,
        )
