"""The tables of a comparison: scores, differences, the stars that decide them, and what each data seed says.

A row is a mean over data seeds where there are several; see `data_seeds`.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from moe_exp.comparison.contenders import Contender
from moe_exp.comparison.data_seeds import Pooled, carriers_of, pool, replicate_rows, students_mean
from moe_exp.comparison.influence import Influence
from moe_exp.comparison.multiplicity import holm, verdict
from moe_exp.comparison.pairs import Pair
from moe_exp.comparison.scoring import Column, Scoring, mean_error, seed_r2
from moe_exp.comparison.training_seeds import Estimate
from moe_exp.evaluation.predictions import STAR_COLUMNS
from moe_exp.evaluation.tables import interval_columns

N_STARS_LISTED = 5
"""Stars of largest influence that are listed for each pair."""

VARIANTS = ("clipped", "unclipped")

Row = dict[str, object]

CONTENDER_COLUMNS = ["model", "kind", "n_train", "noise_level", "design"]
PAIR_COLUMNS = [
    *("factor", "contrast", "condition", "model", "n_train", "noise_level"),
    *("reference", "reference_n_train", "reference_noise_level", "design"),
]
OTHER_PAIR_COLUMNS = [
    *(f"delta_r2_{variant}{end}" for variant in VARIANTS for end in ("", "_ci_low", "_ci_high")),
    *("n_seeds", "seed_sd", "n_data_seeds", "data_seed_sd", "scatter", "n_stars", "bin_index", "bin"),
    *("n_carriers", "tail_index", "trusted", "mark", "delta_mae"),
    *("deciding_data_seed", "deciding_star", "delta_r2_without"),
    *("p_without", "trusted_without", "verdict_without", "star_changes_sign", "star_changes_verdict"),
]
"""Columns that only a table with pairs fills; one without any has them too."""
VERDICT_COLUMNS = ["delta_r2", "delta_r2_ci_low", "delta_r2_ci_high", "p", "p_holm", "verdict"]


class ScoredPair(NamedTuple):
    """A pair with what it was scored with on the stars of one data seed."""

    scoring: Scoring
    pair: Pair
    influence: Influence

    @property
    def data_seed(self) -> int:
        """Seed of these stars."""
        return self.scoring.panel.data_seed

    def delta(
        self, *, variant: str = "configured", bin_index: int | None = None, without: int | None = None
    ) -> Estimate:
        """Return the difference; see `Scoring.delta`."""
        model, reference = self.pair.model, self.pair.reference
        return self.scoring.delta(model, reference, variant=variant, bin_index=bin_index, without=without)

    def delta_mae(self, bin_index: int | None = None) -> float:
        """Return the mean absolute error of the model minus that of the reference [dex], mean over seeds."""
        panel = self.scoring.panel
        members = slice(None) if bin_index is None else panel.bin_index == bin_index
        model, reference = (
            np.concatenate([np.sqrt(panel.entries[each][seed].configured[members]) for seed in self.pair.seeds])
            for each in (self.pair.model, self.pair.reference)
        )
        return float(np.mean(model) - np.mean(reference)) if len(model) else np.nan

    @property
    def deciding_star(self) -> int:
        """Number in the panel of the star of largest influence."""
        return int(self.influence.largest(1)[0])


def score_row(contender: Contender, scorings: Sequence[Scoring]) -> Row:
    """Return R² of a contender with clipping as configured, with and without, from the data seeds that have it."""
    estimates = [(scoring.panel.data_seed, scoring.r2(contender)) for scoring in scorings]
    found = _pool(scorings, estimates)
    row = contender_columns(contender) | interval_columns("r2", found.interval)
    for variant in VARIANTS:
        row[f"r2_{variant}"] = float(np.mean([_mean_r2(scoring, contender, variant) for scoring in scorings]))
    return row | seed_columns(found) | {"n_stars": sum(scoring.panel.n_stars for scoring in scorings)}


def _mean_r2(scoring: Scoring, contender: Contender, variant: str) -> float:
    panel = scoring.panel
    column = Column(contender, tuple(panel.entries[contender]), variant)
    return float(np.mean(seed_r2(panel, column, np.arange(len(panel.stars)))))


def bin_score_rows(contender: Contender, scorings: Sequence[Scoring]) -> Iterator[Row]:
    """Yield one row per bin of a gate."""
    for index, name in enumerate(scorings[0].panel.bin_names):
        found = _pool(scorings, [(s.panel.data_seed, s.r2(contender, bin_index=index)) for s in scorings])
        row = contender_columns(contender) | {"bin_index": index, "bin": name}
        row |= interval_columns("r2", found.interval) | seed_columns(found)
        yield row | {"n_stars": sum(scoring.per_bin[index].n_stars for scoring in scorings)}


def pair_row(scored: Sequence[ScoredPair]) -> Row:
    """Return a pair; Holm's adjustment and the verdicts need all pairs and are added by `judge_pairs`.

    Its deciding star is the one without which the mean over data seeds moves furthest.
    """
    scorings = [each.scoring for each in scored]
    found = _pool(scorings, [(each.data_seed, each.delta()) for each in scored])
    row = pair_columns(scored[0].pair) | delta_columns(found)
    for variant in VARIANTS:
        other = _pool(scorings, [(each.data_seed, each.delta(variant=variant)) for each in scored])
        row |= interval_columns(f"delta_r2_{variant}", other.interval)
    row |= seed_columns(found) | {"n_stars": sum(scoring.panel.n_stars for scoring in scorings)}
    return row | carrier_columns(found, scored) | _without_deciding_star(scored)


def _without_deciding_star(scored: Sequence[ScoredPair]) -> Row:
    sizes = [abs(each.influence.influence[each.deciding_star]) for each in scored]
    place = int(np.argmax(np.nan_to_num(sizes, nan=-1)))
    decided = scored[place]
    left = decided.delta(without=decided.deciding_star)
    value, p = left.interval.value, left.p
    deltas = [each.delta() for each in scored]
    carried = [left if each is decided else delta for each, delta in zip(scored, deltas, strict=True)]
    if len(scored) > 1:
        values = np.array([delta.interval.value for delta in deltas])
        values[place] = value
        interval, p = students_mean(values, decided.scoring.settings.confidence)
        value = interval.value
    panel = decided.scoring.panel
    return {
        "deciding_data_seed": decided.data_seed,
        "deciding_star": panel.stars["star_id"].iloc[panel.visits(decided.deciding_star)[0]],
        "delta_r2_without": value,
        "p_without": p if np.isfinite([delta.interval.low for delta in deltas]).all() else np.nan,
        "trusted_without": carriers_of(carried).trusted,
    }


def judge_pairs(rows: Iterable[Row], confidence: float) -> pd.DataFrame:
    """Return the table of pairs with Holm's adjustment over all of them, and what the deciding star changes.

    Without its deciding star a pair is judged with the p of all other pairs as they are.
    """
    table = adjust(rows, confidence)
    if not len(table):
        return table
    without = []
    for place, row in enumerate(table.to_dict("records")):
        p = table["p"].to_numpy(float, copy=True)
        p[place] = row["p_without"]
        found = row["delta_r2_without"], holm(p)[place], confidence, row["n_stars"], row["trusted_without"]
        without.append(verdict(*found))
    table["verdict_without"] = without
    table["star_changes_sign"] = np.sign(table["delta_r2"]) != np.sign(table["delta_r2_without"])
    table["star_changes_verdict"] = table["verdict"] != table["verdict_without"]
    return table


def bin_pair_rows(scored: Sequence[ScoredPair]) -> Iterator[Row]:
    """Yield one row per bin of a pair."""
    scorings = [each.scoring for each in scored]
    for index, name in enumerate(scorings[0].panel.bin_names):
        found = _pool(scorings, [(each.data_seed, each.delta(bin_index=index)) for each in scored])
        row = pair_columns(scored[0].pair) | {"bin_index": index, "bin": name}
        row |= delta_columns(found) | seed_columns(found)
        row |= {"n_stars": sum(scoring.per_bin[index].n_stars for scoring in scorings)}
        yield row | carrier_columns(found, scored, bin_index=index)


def carrier_columns(found: Pooled, scored: Sequence[ScoredPair], *, bin_index: int | None = None) -> Row:
    """Return what carries a difference, whether it is to be trusted, and the difference of the MAE [dex]."""
    mae = float(np.mean([each.delta_mae(bin_index) for each in scored]))
    carriers = found.carriers
    row: Row = {"n_carriers": carriers.n_carriers, "tail_index": carriers.tail_index}
    return row | {"trusted": carriers.trusted, "mark": carriers.mark, "delta_mae": mae}


def adjust(rows: Iterable[Row], confidence: float) -> pd.DataFrame:
    """Return rows as a table, with Holm's adjustment over all of them and the verdict that follows."""
    table = pd.DataFrame(rows)
    if not len(table):
        return pd.DataFrame(columns=[*PAIR_COLUMNS, *VERDICT_COLUMNS, *OTHER_PAIR_COLUMNS])
    table["p_holm"] = holm(table["p"].to_numpy(float))
    table["verdict"] = [
        verdict(row["delta_r2"], row["p_holm"], confidence, row["n_stars"], row["trusted"])
        for row in table.to_dict("records")
    ]
    first = [name for name in (*PAIR_COLUMNS, "bin_index", "bin", *VERDICT_COLUMNS) if name in table]
    return table[[*first, *(name for name in table if name not in first)]]


def influence_rows(scored: ScoredPair) -> Iterator[Row]:
    """Yield the stars of largest influence on a pair's difference, with rms errors [dex] over seeds and visits."""
    panel, pair, influence = scored.scoring.panel, scored.pair, scored.influence
    errors = [mean_error(panel, Column(contender, pair.seeds)) for contender in (pair.model, pair.reference)]
    total = scored.delta().interval.value
    for rank, star in enumerate(influence.largest(N_STARS_LISTED), start=1):
        row: Row = {"data_seed": panel.data_seed} | pair_columns(pair) | {"rank": rank}
        visits = panel.visits(star)
        row |= {name: panel.stars[name].iloc[visits[0]] for name in dict.fromkeys((*STAR_COLUMNS, panel.label.column))}
        row["bin"] = panel.bin_names[panel.bin_index[visits[0]]]
        error, reference_error = (float(np.sqrt(np.mean(each[visits]))) for each in errors)
        row |= {"error": error, "reference_error": reference_error}
        yield row | {
            "influence": influence.influence[star],
            "delta_r2": total,
            "delta_r2_without": influence.without[star],
            "changes_sign": bool(np.sign(influence.without[star]) != np.sign(total)),
        }


def replicate_table(
    contenders: Iterable[tuple[Contender, Sequence[Scoring]]], pairs: Iterable[Sequence[ScoredPair]]
) -> pd.DataFrame:
    """Return what each data seed says of every score and difference; empty when there is but one."""
    rows: list[Row] = []
    for contender, scorings in contenders:
        scores = [(scoring.panel.data_seed, scoring.r2(contender)) for scoring in scorings]
        rows += replicate_rows(contender_columns(contender), "r2", scores)
    for scored in pairs:
        deltas = [(each.data_seed, each.delta()) for each in scored]
        rows += replicate_rows(pair_columns(scored[0].pair), "delta_r2", deltas)
    others = (name for name in PAIR_COLUMNS if name not in CONTENDER_COLUMNS)
    names = ["quantity", "data_seed", *CONTENDER_COLUMNS, *others]
    table = pd.DataFrame(rows, columns=[*names, "value", "ci_low", "ci_high", "n_seeds"])
    return table.astype({"reference_n_train": "Int64"})


def _pool(scorings: Sequence[Scoring], estimates: Sequence[tuple[int, Estimate]]) -> Pooled:
    return pool(estimates, confidence=scorings[0].settings.confidence)


def contender_columns(contender: Contender) -> Row:
    """Return the columns that name a contender."""
    return {name: getattr(contender, name) for name in CONTENDER_COLUMNS}


def pair_columns(pair: Pair) -> Row:
    """Return the columns that name a pair."""
    model, reference = pair.model, pair.reference
    return {
        "factor": pair.factor,
        "contrast": pair.contrast,
        "condition": pair.condition,
        "model": model.model,
        "n_train": model.n_train,
        "noise_level": model.noise_level,
        "reference": reference.model,
        "reference_n_train": reference.n_train,
        "reference_noise_level": reference.noise_level,
        "design": model.design,
    }


def delta_columns(found: Pooled) -> Row:
    """Return a difference with its interval and unadjusted p."""
    return {**interval_columns("delta_r2", found.interval), "p": found.p}


def seed_columns(found: Pooled) -> Row:
    """Return how many trainings and data seeds a row rests on, their spread, and what its interval contains."""
    return {
        "n_seeds": found.n_seeds,
        "seed_sd": found.seed_sd,
        "n_data_seeds": len(found.data_seeds),
        "data_seed_sd": found.data_seed_sd,
        "scatter": found.scatter,
    }
