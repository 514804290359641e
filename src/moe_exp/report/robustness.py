"""What the answer could hang on: clipping, what scatters, the draw of the stars, single stars."""

from collections.abc import Iterator

from moe_exp.comparison.levels import LEVELS
from moe_exp.figures.style import minus
from moe_exp.report import formats
from moe_exp.report.document import NOTHING, Block, Heading, Strong, Table, paragraph
from moe_exp.report.selection import Selection, claim, interval_of, model_name, name_difference, where

NEEDS_TWO = {"star": NOTHING, "seed": "needs two training seeds", "data_seed": "needs two data seeds"}
"""What stands where one seed cannot tell a level of scatter."""


def robustness_blocks(selection: Selection) -> Iterator[Block]:
    """Yield all that the comparison has the runs for."""
    parts = {
        "With and without clipping": clipping_tables(selection),
        "What scatters": level_tables(selection),
        "Training seeds": seed_tables(selection),
        "Replicates": replicate_tables(selection),
        "Stars that decide": star_blocks(selection),
    }
    for title, blocks in parts.items():
        found = list(blocks)
        if found:
            yield Heading(title)
            yield from found


def clipping_tables(selection: Selection) -> Iterator[Table]:
    """Yield R² of gates and their differences with experts' predictions clipped and not clipped."""
    scores = selection.sort(selection.comparison.scores)
    rows = [
        [
            *selection.key_cells(row),
            model_name(row["model"]),
            *(formats.score(row[f"r2_{variant}"]) for variant in ("clipped", "unclipped")),
        ]
        for row in scores[scores["kind"] == "gate"].to_dict("records")
    ]
    n_keys = len(selection.keys)
    columns = [*selection.key_titles(), "Gate", "R² clipped", "R² unclipped"]
    yield Table("R² of the gates with and without clipping.", columns, formats.blank_repeats(rows, n_keys))
    rows = []
    for row in selection.sort(selection.gate_pairs).to_dict("records"):
        ends = [interval_of(row, f"delta_r2_{variant}") for variant in ("clipped", "unclipped")]
        changes = len({claim(low, high) for _, low, high in ends}) > 1
        answer = Strong("depends on clipping") if changes else "the same"
        rows.append([*selection.key_cells(row), name_difference(row), *(formats.difference(*e) for e in ends), answer])
    if rows:
        confidence = formats.level(selection.comparison.settings.confidence)
        caption = f"Differences of gates with and without clipping; what each {confidence} interval shows by itself."
        columns = [*selection.key_titles(), "Difference", "ΔR² clipped", "ΔR² unclipped", "Conclusion"]
        yield Table(caption, columns, formats.blank_repeats(rows, n_keys))


def level_tables(selection: Selection) -> Iterator[Table]:
    """Yield what the differences from classify scatter by: stars, training seeds and data seeds."""
    levels = selection.comparison.levels
    levels = selection.sort(levels[levels["factor"] == "gate"])
    rows = []
    for row in levels.to_dict("records"):
        cells = [formats.score(*interval_of(row, f"sd_{level}")) for level in LEVELS]
        shares = [formats.percent(row[f"{level}_share"]) for level in LEVELS]
        cells = [cell if cell != NOTHING else NEEDS_TWO[level] for level, cell in zip(LEVELS, cells, strict=True)]
        new = formats.difference(*interval_of(row, "new_delta_r2")) if row["n_data_seeds"] > 1 else NOTHING
        rows.append([*selection.key_cells(row), name_difference(row), *cells, *shares, new])
    if rows:
        confidence = formats.level(selection.comparison.settings.confidence)
        caption = (
            f"What differences scatter by: standard deviation of what one star, one training and one data seed (other "
            f"training and test stars) say, with {confidence} interval; the share that each has in the variance of the "
            f"measured mean, as far as it is known; and where the difference of one more data seed lies."
        )
        columns = [*selection.key_titles(), "Difference", "SD of a star", "of a training seed", "of a data seed"]
        columns += ["Stars", "Training seeds", "Data seeds", "One more data seed"]
        yield Table(caption, columns, formats.blank_repeats(rows, len(selection.keys)))


def seed_tables(selection: Selection) -> Iterator[Table]:
    """Yield the spread between training seeds, of scores and of differences, where there are several."""
    scores = selection.sort(selection.comparison.scores)
    several = scores[(scores["n_seeds"] > 1) & (scores["seed_sd"] > 0)]
    rows = [
        [
            *selection.key_cells(row),
            model_name(row["model"], row["kind"]),
            str(row["n_seeds"]),
            formats.score(*interval_of(row, "r2")),
            formats.score(row["seed_sd"]),
        ]
        for row in several.to_dict("records")
    ]
    holds = "intervals hold the scatter of the test stars and that between seeds."
    if rows:
        columns = [*selection.key_titles(), "Model", "Seeds", "Mean R² [interval]", "SD between seeds"]
        caption = f"R² over training seeds; {holds} Models that do not depend on the seed are left out."
        yield Table(caption, columns, formats.blank_repeats(rows, len(selection.keys)))
    pairs = selection.sort(selection.gate_pairs)
    rows = [
        [
            *selection.key_cells(row),
            name_difference(row),
            str(row["n_seeds"]),
            formats.difference(*interval_of(row, "delta_r2")),
            formats.score(row["seed_sd"]),
        ]
        for row in pairs[pairs["n_seeds"] > 1].to_dict("records")
    ]
    if rows:
        columns = [*selection.key_titles(), "Difference", "Seeds", "Mean ΔR² [interval]", "SD between seeds"]
        yield Table(
            f"Differences over training seeds, taken seed by seed; {holds}",
            columns,
            formats.blank_repeats(rows, len(selection.keys)),
        )


def replicate_tables(selection: Selection) -> Iterator[Table]:
    """Yield what each data seed says by itself, beside the scatter between them."""
    comparison = selection.comparison
    if len(comparison.data_seeds) == 1:
        return
    for quantity, table in (("r2", comparison.scores), ("delta_r2", comparison.pairs)):
        is_score = quantity == "r2"
        number = formats.score if is_score else formats.difference
        singles = where(comparison.replicates, {"quantity": quantity})
        names = [name for name in singles if name in table and name not in ("quantity", "n_seeds")]
        rows = []
        for row in selection.sort(table).to_dict("records"):
            single = where(singles, {name: row[name] for name in names}).set_index("data_seed")["value"].to_dict()
            name = model_name(row["model"], row["kind"]) if is_score else name_difference(row)
            values = [number(single[seed]) if seed in single else NOTHING for seed in comparison.data_seeds]
            rows.append([*selection.key_cells(row), name, *values, formats.score(row["data_seed_sd"])])
        columns = [*selection.key_titles(), "Model" if is_score else "Difference"]
        columns += [*(f"Seed {seed}" for seed in comparison.data_seeds), "SD"]
        what = "R²" if is_score else "ΔR²"
        caption = f"{what} of each data seed, with stars and noise of its own, and their standard deviation."
        if rows:
            yield Table(caption, columns, formats.blank_repeats(rows, len(selection.keys)))


def star_blocks(selection: Selection) -> Iterator[Block]:
    """Yield how many differences hang on one star, and the stars of largest influence on the main ones."""
    pairs = selection.comparison.pairs
    if not len(pairs):
        return
    hanging = pairs[pairs["star_changes_verdict"]]
    yield paragraph(
        f"Leaving out its star of largest influence changes the verdict of {len(hanging)} of "
        f"{formats.counted(len(pairs), 'difference')}, and the sign of {int(pairs['star_changes_sign'].sum())}."
    )
    if len(hanging):
        rows = [
            [
                *selection.key_cells(row),
                name_difference(row),
                formats.difference(row["delta_r2"]),
                row["verdict"],
                str(row["deciding_star"]),
                formats.difference(row["delta_r2_without"]),
                row["verdict_without"],
            ]
            for row in hanging.to_dict("records")
        ]
        columns = [*selection.key_titles(), "Difference", "ΔR²", "Verdict", "Star", "ΔR² without it", "Verdict without"]
        yield Table("Differences that one star decides.", columns, rows)
    yield from _influence_table(selection)


def _influence_table(selection: Selection) -> Iterator[Table]:
    """Yield the stars behind the differences from classify at the main noise level and largest training set."""
    pairs = selection.at_top(selection.against_classify)
    stars = selection.comparison.influence
    named = {*zip(pairs["contrast"], pairs["condition"], strict=True)}
    chosen = [place in named for place in zip(stars["contrast"], stars["condition"], strict=True)]
    several = len(selection.comparison.data_seeds) > 1
    label = selection.comparison.label
    own = [] if label.column in ("teff", "m_h") else [label.column]
    rows = []
    for row in stars[chosen].to_dict("records"):
        values = [f"{row['teff']:.0f}", *(minus(f"{row[name]:.2f}") for name in (*own, "m_h")), row["bin"]]
        values += [formats.score(row["error"]), formats.score(row["reference_error"])]
        values += [formats.difference(row["influence"]), formats.difference(row["delta_r2_without"])]
        star = f"{row['star_id']} (data seed {row['data_seed']})" if several else str(row["star_id"])
        rows.append([*selection.key_cells(row), name_difference(row), star, *values])
    if rows:
        n_keys = len(selection.keys) + 1
        columns = [*selection.key_titles(), "Difference", "Star", "Teff [K]"]
        columns += [label.in_unit(label.name)] if own else []
        columns += [
            "[M/H] [dex]",
            "Bin",
            *map(label.in_unit, ("Error", "Error of the other")),
            "Influence on ΔR²",
            "ΔR² without it",
        ]
        yield Table(
            "The stars of largest influence on the difference from classify, by leaving each out; "
            f"an error is the absolute residual in {label.name}. {NOTHING} stands for what is not defined.",
            columns,
            formats.blank_repeats(rows, n_keys),
        )
