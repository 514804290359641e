"""Tables of what was measured, with what was published beside it: R², differences, and both by bin."""

from collections.abc import Iterator

import pandas as pd

from moe_exp.codes import Code, tagged
from moe_exp.comparison.multiplicity import NOT_DECIDABLE
from moe_exp.evaluation.tables import FEW_STARS
from moe_exp.evaluation.validity import HEAVIEST_TAIL, LEAST_CARRIERS
from moe_exp.report import formats
from moe_exp.report.document import NOTHING, Strong, Table
from moe_exp.report.selection import KEYS, Row, Selection, interval_of, model_name, name_difference, where

NOT_TRUSTED = (
    f" An interval is {tagged(Code.NOT_TRUSTED, 'not to be trusted')} where fewer than {LEAST_CARRIERS} stars carry "
    f"the difference, where the index of their tail is above {HEAVIEST_TAIL:g}, or where nothing limits predictions."
)

PUBLISHED = "published"
"""Title of a column of published values."""

MOST_BIN_TABLES = 4
"""Conditions whose bins are tabulated with intervals."""


def pooled_table(selection: Selection) -> Table:
    """Return R² of every model, a column for each train size."""
    scores = selection.sort(selection.comparison.scores)
    sizes = sorted(scores["n_train"].unique())
    columns = [*selection.key_titles(without=["n_train"]), "Model"]
    n_keys = len(columns) - 1
    published: set[int] = set()
    for size in sizes:
        columns.append(f"R², {size:,} training stars")
        if any(selection.published.has(n_train=size, noise_level=level) for level in scores["noise_level"].unique()):
            published.add(len(columns))
            columns.append(PUBLISHED)
    rows = []
    for _, models in scores.groupby(["design", "noise_level"], sort=False):
        for (kind, model), group in models.groupby(["kind", "model"], sort=False):
            first = group.iloc[0].to_dict()
            cells = selection.key_cells(first, without=["n_train"]) + [model_name(str(model), str(kind))]
            rows.append(cells + list(_pooled_cells(selection, group, sizes, published, len(cells))))
    caption = (
        f"R² of {selection.comparison.label.name} on the covered test stars with {_confidence(selection)} interval."
    )
    return Table(caption, columns, formats.blank_repeats(rows, n_keys), frozenset(published))


def _pooled_cells(
    selection: Selection, group: pd.DataFrame, sizes: list[int], published: set[int], column: int
) -> Iterator[str]:
    """Yield the cells of one model: for each train size the measured and, in the columns `published`, that."""
    for size in sizes:
        found = group[group["n_train"] == size]
        yield formats.score(*interval_of(found.iloc[0].to_dict(), "r2")) if len(found) else NOTHING
        column += 1
        if column in published:
            yield formats.published(selection.published.of(found.iloc[0].to_dict(), "r2")) if len(found) else ""
            column += 1


def difference_table(selection: Selection, factor: str) -> Table:
    """Return the paired differences of gates that differ in one factor."""
    pairs = selection.comparison.pairs
    pairs = selection.sort(pairs[pairs["factor"] == factor], without=[factor])
    keys = [key for key in selection.keys if key != factor]
    marked = not pairs["trusted"].all()
    columns = [*(KEYS[key] for key in keys), "Difference", "ΔR² [interval]", *(_bounded(selection) if marked else ())]
    columns += ["p", "p (Holm)", "Verdict"]
    rows, others = [], []
    for row in pairs.to_dict("records"):
        cells = [selection.name_level(key, row[key]) for key in keys]
        cells += [name_difference(row), formats.difference(*interval_of(row, "delta_r2"))]
        if marked:
            cells += [formats.difference(*interval_of(row, "delta_r2_clipped")), formats.difference(row["delta_mae"])]
        rows.append([*cells, formats.probability(row["p"]), formats.probability(row["p_holm"]), _verdict(row)])
        others.append(_published_difference(selection, row))
    n_keys, published = len(keys), frozenset[int]()
    if any(others):
        published = frozenset({len(columns)})
        columns.append(PUBLISHED)
        rows = [[*row, other] for row, other in zip(rows, others, strict=True)]
    n_pairs = len(selection.comparison.pairs)
    caption = (
        f"Differences of R² on the same stars, {_confidence(selection)} {_kind_of_interval(selection, pairs)}. "
        f"Verdicts hold after Holm's adjustment over all {formats.counted(n_pairs, 'difference')} of the comparison."
        f"{NOT_TRUSTED if marked else ''}"
    )
    return Table(caption, columns, formats.blank_repeats(rows, n_keys), published)


def _bounded(selection: Selection) -> tuple[str, str]:
    """Return the columns that stand beside a difference of R² that is not to be trusted: no few stars carry these."""
    return "ΔR² clipped", selection.comparison.label.in_unit("ΔMAE")


def _published_difference(selection: Selection, row: Row) -> str:
    if row["factor"] != "gate" or row["reference"] != "classify":
        return ""
    return formats.published(selection.published.of(row, "delta_r2"), signed=True)


def _verdict(row: Row) -> str:
    if row["verdict"] == NOT_DECIDABLE:
        return f"{NOT_DECIDABLE}, {row['mark']}"
    return Strong(row["verdict"]) if row["verdict"] in ("higher", "lower") else str(row["verdict"])


def bin_tables(selection: Selection) -> Iterator[Table]:
    """Yield R² and then differences from classify by bin, for the main conditions."""
    comparison = selection.comparison
    scores = selection.sort(selection.at_main(comparison.bin_scores))
    pairs = selection.at_main(comparison.bin_pairs)
    pairs = pairs[pairs["factor"] == "gate"]
    conditions = scores[[*KEYS]].drop_duplicates()
    if len(conditions) > MOST_BIN_TABLES:
        conditions = conditions[-MOST_BIN_TABLES:]
    for condition in conditions.to_dict("records"):
        yield _bin_table(selection, where(scores, condition), "r2")
        found = where(pairs, condition)
        if len(found):
            yield _bin_table(selection, found, "delta_r2")


def _bin_table(selection: Selection, table: pd.DataFrame, quantity: str) -> Table:
    """Return one column for each gate, or each difference of gates, with its published one beside it."""
    first = table.iloc[0].to_dict()
    is_score = quantity == "r2"
    columns, published = ["Bin", "Test stars"], set()
    names = {int(row["bin_index"]): [row["bin"], _count(row["n_stars"])] for row in table.to_dict("records")}
    for _, group in table.groupby(["model", *([] if is_score else ["reference"])], sort=False):
        head = group.iloc[0].to_dict()
        columns.append(model_name(head["model"]) if is_score else name_difference(head))
        others = []
        for row in group.to_dict("records"):
            cell = (formats.score if is_score else formats.difference)(*interval_of(row, quantity))
            if not is_score and not row["trusted"]:
                cell += f", {row['mark']}; ΔMAE {formats.difference(row['delta_mae'])}"
            names[row["bin_index"]].append(Strong(cell) if not is_score and _differs(row) else cell)
            others.append(_published_bin(selection, row, quantity))
        if any(others):
            published.add(len(columns))
            columns.append(PUBLISHED)
            for index, other in zip(group["bin_index"], others, strict=True):
                names[int(index)].append(other)
    what = "R² of the gates" if is_score else "Differences of R² between gates"
    bold = "" if is_score else " Bold: differs from zero after Holm's adjustment over all bins and pairs."
    bold += NOT_TRUSTED if not is_score and not table["trusted"].all() else ""
    caption = f"{what} by true bin, {selection.condition(first)}, {_confidence(selection)} interval.{bold}"
    return Table(caption, columns, list(names.values()), frozenset(published))


def _count(n_stars: int) -> str:
    """Return the number of test stars of a bin, and that they are few."""
    return f"{n_stars:,}" + (" (few)" if n_stars < FEW_STARS else "")


def _differs(row: Row) -> bool:
    return row["verdict"] in ("higher", "lower")


def _published_bin(selection: Selection, row: Row, quantity: str) -> str:
    if quantity == "delta_r2" and row["reference"] != "classify":
        return ""
    found = selection.published.of(row, f"bin_{quantity}", bin_index=row["bin_index"])
    return formats.published(found, signed=quantity == "delta_r2")


def all_bins_table(selection: Selection) -> Table:
    """Return R² of every gate by bin under every condition, without intervals."""
    scores = selection.sort(selection.comparison.bin_scores)
    rows = []
    for _, group in scores.groupby([*KEYS, "model"], sort=False):
        first = group.iloc[0].to_dict()
        rows.append([*selection.key_cells(first), model_name(first["model"]), *map(formats.score, group["r2"])])
    columns = [*selection.key_titles(), "Gate", *selection.comparison.bin_names]
    return Table("R² of every gate by true bin.", columns, formats.blank_repeats(rows, len(selection.keys)))


def _kind_of_interval(selection: Selection, pairs: pd.DataFrame) -> str:
    """Name the intervals of differences, and what those of several seeds hold."""
    if len(selection.comparison.data_seeds) > 1:
        return "Student's t interval of the mean over data seeds"
    seeds = "; over training seeds, with their scatter" if len(pairs) and pairs["n_seeds"].max() > 1 else ""
    return f"paired-bootstrap interval ({selection.comparison.settings.n_resamples:,} resamples{seeds})"


def _confidence(selection: Selection) -> str:
    return formats.level(selection.comparison.settings.confidence)


def error_table(selection: Selection) -> Table:
    """Return RMSE, MAE, retained oracle gain and accuracy of every gate."""
    in_unit = selection.comparison.label.in_unit
    titles = [in_unit("RMSE"), in_unit("MAE"), "Oracle gain, soft", "Oracle gain, hard", "Gate accuracy"]
    rows = []
    for row in selection.sort(selection.comparison.gate_errors).to_dict("records"):
        errors = [formats.score(row[name]) for name in ("rmse", "mae")]
        shares = [formats.percent(row[name]) for name in ("oracle_gain_soft", "oracle_gain_hard", "accuracy")]
        rows.append([*selection.key_cells(row), model_name(row["model"]), *errors, *shares])
    caption = (
        "Errors of the gates on the covered test stars, mean over seeds, and the share of the oracle's gain over the "
        "global Ridge that soft and hard routing retain. Gate accuracy: share of stars whose largest weight is on "
        "their true bin."
    )
    return Table(caption, [*selection.key_titles(), "Gate", *titles], formats.blank_repeats(rows, len(selection.keys)))
