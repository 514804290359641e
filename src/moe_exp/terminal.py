"""A comparison as tables in the terminal."""

import pandas as pd
from rich.console import Console
from rich.table import Table

from moe_exp.evaluation.comparison import Comparison


def print_comparison(comparison: Comparison, console: Console | None = None) -> None:
    """Print scores, differences and notes of a comparison."""
    console = console or Console()
    console.print(_scores(comparison.scores))
    if len(comparison.pairs):
        console.print(_pairs(comparison.pairs, comparison.settings.confidence))
    for note in comparison.notes:
        console.print(f"Note: {note}")


def _scores(scores: pd.DataFrame) -> Table:
    table = _table(
        "R² on the covered test stars",
        "model", "n_train", "noise", "design", "R²", "interval", "clipped", "unclipped", "seeds",
    )  # fmt: skip
    for row in scores.to_dict("records"):
        table.add_row(
            str(row["model"]),
            f"{row['n_train']:,}",
            f"{row['noise_level']:g}",
            str(row["design"]),
            f"{row['r2']:.4f}",
            f"[{row['r2_ci_low']:.4f}, {row['r2_ci_high']:.4f}]",
            f"{row['r2_clipped']:.4f}",
            f"{row['r2_unclipped']:.4f}",
            str(row["n_seeds"]),
        )
    return table


def _pairs(pairs: pd.DataFrame, confidence: float) -> Table:
    table = _table(
        f"Differences of R² on the same stars; verdicts hold at {100 * confidence:g} % for all together (Holm)",
        "difference", "where", "delta R²", "interval", "p (Holm)", "verdict", "clipped", "unclipped", "without star",
    )  # fmt: skip
    for row in pairs.to_dict("records"):
        table.add_row(
            str(row["contrast"]),
            str(row["condition"]),
            f"{row['delta_r2']:+.4f}",
            f"[{row['delta_r2_ci_low']:+.4f}, {row['delta_r2_ci_high']:+.4f}]",
            f"{row['p_holm']:.2g}",
            str(row["verdict"]),
            f"{row['delta_r2_clipped']:+.4f}",
            f"{row['delta_r2_unclipped']:+.4f}",
            f"{row['deciding_star']}: {row['delta_r2_without']:+.4f}",
        )
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        words = name in ("model", "design", "difference", "where", "verdict")
        table.add_column(name, justify="left" if words else "right")
    return table
