"""What runs say together, as tables in the terminal."""

import errno
import math
import os
from collections.abc import Iterable

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from moe_exp.codes import Code, tagged
from moe_exp.comparison.levels import LEVELS
from moe_exp.runs.conclusions import Conclusions

PIPE_WIDTH = 170
"""Characters a line where the output is no terminal."""


WHERE = "where"
"""Column with the condition that a difference was measured under."""
NAMES = ("model", "difference")
SENTENCES = (WHERE, "design", "verdict", "")
"""Columns that may take several lines; no name or number does."""


class _Console(Console):
    """Does not end the program where the reader of its output has gone."""

    def on_broken_pipe(self) -> None:
        """Let that be an error as any other."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def wide_console() -> Console:
    """Return what prints tables: as wide as the terminal, or of a fixed width where there is none."""
    console = _Console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    return console


def print_conclusions(conclusions: Conclusions) -> None:
    """Print scores, differences, verdicts on hypotheses, and notes."""
    comparison, console = conclusions.comparison, wide_console()
    percent = f"{100 * comparison.settings.confidence:.10g} %"
    console.print(_scores(comparison.scores, percent))
    if len(comparison.pairs):
        console.print(_pairs(comparison.pairs, percent))
        if comparison.pairs["mark"].any():
            console.print(tagged(Code.NOT_TRUSTED, "Note: marked intervals are not to be trusted"))
        if (comparison.levels[["n_seeds", "n_data_seeds"]] > 1).any(axis=None):
            console.print(_levels(comparison.levels, percent))
    for file, verdict in conclusions.verdicts.items():
        console.print(f"Hypothesis {file}: {verdict}")
    if conclusions.looks:
        console.print(str(conclusions.looks))
    for note in [*conclusions.notes.values(), *comparison.notes]:
        console.print(f"Note: {note}")


def _scores(scores: pd.DataFrame, percent: str) -> Table:
    columns = {
        "model": scores["model"],
        "n_train": [f"{n:,}" for n in scores["n_train"]],
        "stars": [f"{n:,}" for n in scores["n_stars"]],
        "noise": [f"{level:g}" for level in scores["noise_level"]],
        "design": scores["design"],
        f"R² [{percent}]": _intervals(scores, "r2", ".4f"),
        "clipped": [f"{value:.4f}" for value in scores["r2_clipped"]],
        "unclipped": [f"{value:.4f}" for value in scores["r2_unclipped"]],
        "seeds": scores["n_seeds"],
        "data seeds": scores["n_data_seeds"],
    }
    return make_table("R² on the covered test stars", columns, unless={"design": "", "seeds": "1", "data seeds": "1"})


def _pairs(pairs: pd.DataFrame, percent: str) -> Table:
    title = f"Differences of R² on the same stars; the verdicts hold together at {percent} (Holm)"
    without = zip(pairs["deciding_star"], pairs["delta_r2_without"], strict=True)
    columns = {
        "difference": pairs["contrast"],
        WHERE: pairs["condition"],
        f"delta R² [{percent}]": _intervals(pairs, "delta_r2", "+.4f"),
        "p (Holm)": [_probability(value) for value in pairs["p_holm"]],
        "verdict": pairs["verdict"],
        "": pairs["mark"],
        "delta MAE": _where(pairs["mark"], [f"{value:+.4f}" for value in pairs["delta_mae"]]),
        "clipped": _where(pairs["mark"], _intervals(pairs, "delta_r2_clipped", "+.4f")),
        "unclipped": [f"{value:+.4f}" for value in pairs["delta_r2_unclipped"]],
        "without star": [f"{value:+.4f} ({star})" for star, value in without],
        "data seeds": pairs["n_data_seeds"],
    }
    return make_table(title, columns, unless={"data seeds": "1", "": "", "delta MAE": "", "clipped": ""})


def _levels(levels: pd.DataFrame, percent: str) -> Table:
    title = f"What a difference scatters by: SD of what one star, one training and one data seed say [{percent}]"
    shares = zip(*(levels[f"{level}_share"] for level in LEVELS), strict=True)
    columns = {
        "difference": levels["contrast"],
        WHERE: levels["condition"],
        "star": _intervals(levels, "sd_star", ".3f"),
        "training": _intervals(levels, "sd_seed", ".4f", unknown="needs two seeds"),
        "data seed": _intervals(levels, "sd_data_seed", ".4f", unknown="needs two data seeds"),
        "% of the variance": [" + ".join("?" if math.isnan(s) else f"{100 * s:.0f}" for s in each) for each in shares],
        "one more data seed": _intervals(levels.mask(levels["n_data_seeds"] == 1), "new_delta_r2", "+.4f", unknown=""),
    }
    return make_table(title, columns, unless={"one more data seed": ""})


def _where(marks: Iterable[str], cells: Iterable[str]) -> list[str]:
    """Return the cells of rows that are marked, and empty ones for all others."""
    return [cell if mark else "" for mark, cell in zip(marks, cells, strict=True)]


def _probability(p: float) -> str:
    return "" if math.isnan(p) else "<1e-6" if p < 1e-6 else f"{p:.2g}"


def _intervals(table: pd.DataFrame, name: str, form: str, *, unknown: str = "nan") -> list[str]:
    values = zip(table[name], table[f"{name}_ci_low"], table[f"{name}_ci_high"], strict=True)
    return [
        f"{value:{form}} [{low:{form}}, {high:{form}}]"
        if math.isfinite(low)
        else unknown
        if math.isnan(value)
        else f"{value:{form}}"
        for value, low, high in values
    ]


def make_table(title: str, columns: dict, *, unless: dict[str, str]) -> Table:
    """Make a table; a column is left out where all of its cells say what is named for it in `unless`.

    Where all rows are of one condition, the title says which.
    """
    shown = {name: [str(v) for v in values] for name, values in columns.items()}
    shown = {name: values for name, values in shown.items() if set(values) != {unless.get(name)}}
    if len({*shown.get(WHERE, ())}) == 1:
        title = f"{title}; {shown.pop(WHERE)[0]}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    for name in shown:
        words = name in (*NAMES, *SENTENCES)
        table.add_column(name, justify="left" if words else "right", overflow="fold", no_wrap=name not in SENTENCES)
    for row in zip(*shown.values(), strict=True):
        table.add_row(*row)
    return table
