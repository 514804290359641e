"""The tables of a comparison: scores, differences, the stars that decide them, and replicates."""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd
from scipy import stats

from moe_exp.comparison.contenders import Contender
from moe_exp.comparison.influence import Influence
from moe_exp.comparison.multiplicity import holm, two_sided_p, verdict
from moe_exp.comparison.pairs import Pair
from moe_exp.comparison.scoring import Column, Scoring, mean_error, seed_r2
from moe_exp.comparison.seeds import Estimate
from moe_exp.evaluation.predictions import STAR_COLUMNS
from moe_exp.evaluation.tables import interval_columns

N_STARS_LISTED = 5
"""Stars of largest influence that are listed for each pair."""

Row = dict[str, object]

CONTENDER_COLUMNS = ["model", "kind", "n_train", "noise_level", "design"]
PAIR_COLUMNS = [
    *("factor", "contrast", "condition", "model", "n_train", "noise_level"),
    *("reference", "reference_n_train", "reference_noise_level", "design"),
]
OTHER_PAIR_COLUMNS = [
    *(f"delta_r2_{variant}{end}" for variant in ("clipped", "unclipped") for end in ("", "_ci_low", "_ci_high")),
    *("n_seeds", "seed_sd", "scatter", "n_stars", "bin_index", "bin"),
    *("deciding_star", "delta_r2_without", "p_without", "verdict_without", "star_changes_sign", "star_changes_verdict"),
]
"""Columns that only a table with pairs fills; one without any has them too."""
VERDICT_COLUMNS = ["delta_r2", "delta_r2_ci_low", "delta_r2_ci_high", "p", "p_holm", "verdict"]


def score_rows(scoring: Scoring) -> Iterator[Row]:
    """Yield one row per contender: R², mean over its training seeds, with clipping as configured, with and without."""
    panel = scoring.panel
    for contender, entries in panel.entries.items():
        found = scoring.r2(contender)
        row: Row = {"data_seed": panel.data_seed} | contender_columns(contender)
        row |= interval_columns("r2", found.interval)
        for variant in ("clipped", "unclipped"):
            column = Column(contender, tuple(entries), variant)
            row[f"r2_{variant}"] = float(np.mean(seed_r2(panel, column, np.arange(len(panel.stars)))))
        yield row | seed_columns(found) | {"n_stars": len(panel.stars)}


def bin_score_rows(scoring: Scoring) -> Iterator[Row]:
    """Yield one row per gate and bin."""
    panel = scoring.panel
    for contender in panel.entries:
        if contender.kind != "gate":
            continue
        for index, name in enumerate(panel.bin_names):
            found = scoring.r2(contender, bin_index=index)
            row: Row = {"data_seed": panel.data_seed} | contender_columns(contender)
            row |= {"bin_index": index, "bin": name} | interval_columns("r2", found.interval)
            yield row | seed_columns(found) | {"n_stars": len(scoring.per_bin[index].members)}


def pair_rows(scoring: Scoring, pairs: Iterable[Pair], influences: Mapping[Pair, Influence]) -> Iterator[Row]:
    """Yield one row per pair; Holm's adjustment and the verdicts need all rows and are added by `judge_pairs`."""
    panel = scoring.panel
    for pair in pairs:
        found = scoring.delta(pair.model, pair.reference)
        row: Row = {"data_seed": panel.data_seed} | pair_columns(pair) | delta_columns(found)
        for variant in ("clipped", "unclipped"):
            other = scoring.delta(pair.model, pair.reference, variant=variant)
            row |= interval_columns(f"delta_r2_{variant}", other.interval)
        star = int(influences[pair].largest(1)[0])
        left = scoring.delta(pair.model, pair.reference, without=star)
        row |= seed_columns(found) | {
            "n_stars": len(panel.stars),
            "deciding_star": panel.stars["star_index"].iloc[star],
            "delta_r2_without": left.interval.value,
            "p_without": two_sided_p(left.draws, degrees_of_freedom=left.degrees_of_freedom),
        }
        yield row


def judge_pairs(rows: Iterable[Row], confidence: float) -> pd.DataFrame:
    """Return the table of pooled pairs with Holm's adjustment over all of them, and what the deciding star changes.

    Without its deciding star a pair is judged with the p of all other pairs as they are.
    """
    table = adjust(rows, confidence)
    if not len(table):
        return table
    without = []
    for place, row in enumerate(table.to_dict("records")):
        p = table["p"].to_numpy(float, copy=True)
        p[place] = row["p_without"]
        without.append(verdict(row["delta_r2_without"], holm(p)[place], confidence))
    table["verdict_without"] = without
    table["star_changes_sign"] = np.sign(table["delta_r2"]) != np.sign(table["delta_r2_without"])
    table["star_changes_verdict"] = table["verdict"] != table["verdict_without"]
    return table


def bin_pair_rows(scoring: Scoring, pairs: Iterable[Pair]) -> Iterator[Row]:
    """Yield one row per pair and bin."""
    panel = scoring.panel
    for pair in pairs:
        for index, name in enumerate(panel.bin_names):
            found = scoring.delta(pair.model, pair.reference, bin_index=index)
            row: Row = {"data_seed": panel.data_seed} | pair_columns(pair) | {"bin_index": index, "bin": name}
            row |= delta_columns(found) | seed_columns(found)
            yield row | {"n_stars": len(scoring.per_bin[index].members)}


def adjust(rows: Iterable[Row], confidence: float) -> pd.DataFrame:
    """Return rows as a table, with Holm's adjustment over all of them and the verdict that follows."""
    table = pd.DataFrame(rows)
    if not len(table):
        return pd.DataFrame(columns=["data_seed", *PAIR_COLUMNS, *VERDICT_COLUMNS, *OTHER_PAIR_COLUMNS])
    table["p_holm"] = holm(table["p"].to_numpy(float))
    table["verdict"] = [
        verdict(value, p, confidence) for value, p in zip(table["delta_r2"], table["p_holm"], strict=True)
    ]
    first = [name for name in ("data_seed", *PAIR_COLUMNS, "bin_index", "bin", *VERDICT_COLUMNS) if name in table]
    return table[[*first, *(name for name in table if name not in first)]]


def influence_rows(scoring: Scoring, pairs: Iterable[Pair], influences: Mapping[Pair, Influence]) -> Iterator[Row]:
    """Yield the stars of largest influence on each pair's difference, with both errors [dex], rms over the seeds."""
    panel = scoring.panel
    for pair in pairs:
        influence = influences[pair]
        errors = [mean_error(panel, Column(contender, pair.seeds)) for contender in (pair.model, pair.reference)]
        total = scoring.delta(pair.model, pair.reference).interval.value
        for rank, star in enumerate(influence.largest(N_STARS_LISTED), start=1):
            row: Row = {"data_seed": panel.data_seed} | pair_columns(pair) | {"rank": rank}
            row |= {name: panel.stars[name].iloc[star] for name in STAR_COLUMNS}
            row["bin"] = panel.bin_names[panel.bin_index[star]]
            row |= {"error": float(np.sqrt(errors[0][star])), "reference_error": float(np.sqrt(errors[1][star]))}
            yield row | {
                "influence": influence.influence[star],
                "delta_r2": total,
                "delta_r2_without": influence.without[star],
                "changes_sign": bool(np.sign(influence.without[star]) != np.sign(total)),
            }


def replicate_table(scores: pd.DataFrame, pairs: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """Summarise scores and differences over data seeds: mean, standard deviation, interval of the mean.

    Data seeds are independent experiments. The interval is Student's t over their values, for any number of training
    seeds behind each; NaN for what only one data seed has. The table is empty when there is but one.
    """
    tables = [scores.assign(quantity="r2", value=scores["r2"], verdict="")]
    if len(pairs):
        tables.append(pairs.assign(quantity="delta_r2", value=pairs["delta_r2"]))
    columns = ["quantity", *CONTENDER_COLUMNS, *(name for name in PAIR_COLUMNS if name not in CONTENDER_COLUMNS)]
    rows: list[Row] = []
    for table in tables if scores["data_seed"].nunique() > 1 else []:
        keys = [name for name in columns if name in table]
        for key, group in table.groupby(keys, sort=False):
            rows.append(dict(zip(keys, key, strict=True)) | _summarise(group, confidence))
    summary = pd.DataFrame(rows, columns=[*columns, *_summarise(tables[0][:0], confidence)])
    return summary.astype({"reference_n_train": "Int64"})


def _summarise(group: pd.DataFrame, confidence: float) -> Row:
    values = group["value"].to_numpy(float)
    n_seeds = len(values)
    mean = float(np.mean(values)) if n_seeds else np.nan
    sd = float(np.std(values, ddof=1)) if n_seeds > 1 else np.nan
    half = sd / np.sqrt(n_seeds) * stats.t.ppf((1 + confidence) / 2, n_seeds - 1) if n_seeds > 1 else np.nan
    row: Row = {"n_data_seeds": n_seeds, "mean": mean, "sd": sd, "ci_low": mean - half, "ci_high": mean + half}
    return row | {f"n_{word}": int((group["verdict"] == word).sum()) for word in ("higher", "lower")}


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


def delta_columns(found: Estimate) -> Row:
    """Return a difference with its interval and unadjusted p."""
    p = two_sided_p(found.draws, degrees_of_freedom=found.degrees_of_freedom)
    return {**interval_columns("delta_r2", found.interval), "p": p}


def seed_columns(found: Estimate) -> Row:
    """Return how many trainings an estimate rests on, their spread, and what its interval contains."""
    return {"n_seeds": found.n_seeds, "seed_sd": found.seed_sd, "scatter": found.scatter}
