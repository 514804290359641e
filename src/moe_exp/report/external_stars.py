"""What the runs say of stars that none was trained on: real ones of other libraries above all."""

import math
from collections.abc import Iterator, Mapping

from moe_exp import names
from moe_exp.figures.style import minus
from moe_exp.report import formats
from moe_exp.report.context import ReportContext, Run
from moe_exp.report.document import NOTHING, Block, Picture, Table, paragraph
from moe_exp.spectra.label import Label

Found = Mapping[str, float]
"""What one run measured on one set of stars, by quantity."""

COLUMNS = (
    "Run", "Stars", "R²", "R² of global Ridge", "RMSE", "Bias", "Scatter", "Slope", "Giants: bias", "scatter",
    "Dwarfs: bias", "scatter",
)  # fmt: skip


def external_blocks(context: ReportContext, label: Label) -> Iterator[Block]:
    """Yield a table and a figure for every set of external stars that a run predicted, with what its labels allow."""
    for stars, runs in _measured(context).items():
        titles = {run.parameters.get(f"externals.{stars}.title", stars) for run, _ in runs}
        title, found = formats.enumerate_words(sorted(titles)), runs[0][1]
        rows = [[run.name, *_cells(each)] for run, each in runs]
        caption = (
            f"{title}: predictions of the gates against the library's {label.name}, for stars within the training "
            f"range; RMSE, bias and scatter in {label.unit or 'its unit'}."
        )
        yield Table(caption, COLUMNS, rows)
        yield paragraph(_remarks(stars, found))
        if stars in context.external_pictures:
            name, png = context.external_pictures[stars]
            caption = (
                f"{title}: predicted {label.name} against the library's, by {name}, the best run on its own test stars."
            )
            yield Picture(f"{names.EXTERNAL}{stars}", caption, png)


def _measured(context: ReportContext) -> dict[str, list[tuple[Run, Found]]]:
    """Return which runs predicted each set of stars, and what they measured."""
    measured: dict[str, list[tuple[Run, Found]]] = {}
    for run in sorted(context.runs, key=lambda run: run.name):
        sets: dict[str, dict[str, float]] = {}
        for metric, value in run.metrics.items():
            place = names.external_of(metric)
            if place:
                sets.setdefault(place[0], {})[place[1]] = value
        for stars, found in sets.items():
            measured.setdefault(stars, []).append((run, found))
    return dict(sorted(measured.items()))


def _cells(found: Found) -> list[str]:
    r2 = formats.score(*(found.get(name, math.nan) for name in ("r2", "r2_ci_low", "r2_ci_high")))
    plain = [formats.score(found.get(name, math.nan)) for name in ("global_ridge_r2", "rmse")]
    of_all = [_dex(found, "bias"), _dex(found, "scatter", ""), _dex(found, "slope", "")]
    of_groups = [
        cell
        for group in ("giants", "dwarfs")
        for cell in (_dex(found, f"{group}_bias"), _dex(found, f"{group}_scatter", ""))
    ]
    return [f"{int(found.get('n_stars', 0)):,}", r2, *plain, *of_all, *of_groups]


def _dex(found: Found, quantity: str, sign: str = "+") -> str:
    return minus(f"{found[quantity]:{sign}.2f}") if quantity in found else NOTHING


def _count(found: Found, group: str) -> str:
    return formats.counted(int(found.get(f"{group}n_stars", 0)), "star")


def _remarks(stars: str, found: Found) -> str:
    said = (
        f"{_count(found, 'giants_')} of them are giants, {_count(found, 'dwarfs_')} dwarfs; "
        f"{_count(found, 'outside_')} outside the training range are predicted too, and do not count here."
    )
    if "coverage" in found:
        said += (
            f" {100 * found['coverage']:.0f} % of their labels lie within the 95 % interval; "
            f"{100 * found['flagged_share']:.0f} % of the stars are flagged, and of the others it is "
            f"{100 * found.get('unflagged_coverage', math.nan):.0f} %."
        )
    if "r2_ceiling" in found:
        said += (
            f" A second catalogue differs in log g by {found['label_disagreement']:.2f} dex (standard deviation of "
            f"{_count(found, 'in_both_')}), so that no R² above "
            f"{found['r2_ceiling']:.3f} could be seen even of perfect predictions."
        )
    table = f"{names.TABLES_FOLDER}/{names.EXTERNAL}{stars}_stars.csv"
    return said + f" Each run holds the stars, one by one, in {table}."
