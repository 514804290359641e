"""Numbers as the report prints them: one way for each kind of number, everywhere."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from moe_exp.figures.style import minus
from moe_exp.report.document import NOTHING


def score(value: float, low: float = np.nan, high: float = np.nan) -> str:
    """Return R², an error or a share to four decimals, with its interval in brackets if it has one."""
    return _with_interval(value, low, high, "")


def difference(value: float, low: float = np.nan, high: float = np.nan) -> str:
    """Return a difference with its sign, and with its interval if it has one."""
    return _with_interval(value, low, high, "+")


def _with_interval(value: float, low: float, high: float, sign: str) -> str:
    if not np.isfinite(value):
        return NOTHING
    number = f"{value:{sign}.4f}"
    return minus(f"{number} [{low:{sign}.4f}, {high:{sign}.4f}]" if np.isfinite([low, high]).all() else number)


def published(row: pd.Series | None, *, signed: bool = False) -> str:
    """Return a published value as tables print it: with its interval, and what it lacks in precision or in words."""
    if row is None:
        return ""
    text = (difference if signed else score)(row["value"], row["low"], row["high"])
    about = "about " if str(row["note"]).startswith("about") else ""
    unstated = " (stars not stated)" if row["stars"] == "not stated" else ""
    return f"{about}{text}{unstated}"


def probability(p: float) -> str:
    """Return p, small ones as a bound."""
    if np.isnan(p):
        return NOTHING
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def percent(share: float) -> str:
    """Return a share in percent."""
    return minus(f"{100 * share:.1f} %") if np.isfinite(share) else NOTHING


def level(confidence: float) -> str:
    """Return the probability content of an interval in percent."""
    return f"{100 * confidence:.10g} %"


def duration(seconds: float) -> str:
    """Return a time in the two largest units that it has."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def day(seconds: float) -> str:
    """Return the day (UTC) of a time in seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def enumerate_words(words: Iterable[str]) -> str:
    """Join words as a sentence does: ``a, b and c``."""
    *first, last = [*words]
    return f"{', '.join(first)} and {last}" if first else last


def counted(n: int, word: str) -> str:
    """Return a number with its noun."""
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def blank_repeats(rows: Sequence[Sequence[str]], n_keys: int) -> list[list[str]]:
    """Leave the leading key cells of a row empty as long as they repeat those of the row above."""
    shown, before = [], None
    for row in rows:
        repeated = 0
        while before is not None and repeated < n_keys and row[repeated] == before[repeated]:
            repeated += 1
        shown.append(["" if place < repeated else cell for place, cell in enumerate(row)])
        before = row
    return shown
