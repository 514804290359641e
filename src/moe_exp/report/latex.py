r"""The tables of a document in LaTeX, ready for a paper: booktabs rules, captions, labels, numbers in math.

``\input{tables.tex}`` needs ``\usepackage{booktabs}`` and nothing else.
"""

import re
from collections.abc import Sequence

from moe_exp.report.document import NOTHING, Code, Document, Strong, Table

SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "#$%&_{}"},
}
"""What LaTeX would read as a command."""

SYMBOLS = {
    "²": "$^2$",
    "Δ": r"$\Delta$",
    "Å": r"\AA{}",
    "−": "$-$",
    "–": "--",
    "<": "$<$",
    ">": "$>$",
    "≥": r"$\ge$",
    "≤": r"$\le$",
    "·": r"$\cdot$",
    "…": r"\dots{}",
}
"""What the report prints beyond ASCII, and signs that text fonts lack."""

SIGNED = re.compile(r"([+−]\d[\d.]*)")
"""A number with its sign, as the report prints it."""


def to_latex(document: Document, titles: tuple[str, ...]) -> str:
    """Return all tables of the sections of these titles, each in an environment of its own."""
    tables = [
        block
        for section in document.sections
        for block in section.blocks
        if any(section.title.endswith(title) for title in titles) and isinstance(block, Table)
    ]
    return "\n".join(map(_table, tables))


def _table(table: Table) -> str:
    alignment = "".join("r" if table.is_numeric(column) else "l" for column in range(len(table.columns)))
    rows = [_row(table.columns), r"\midrule", *map(_row, table.rows)]
    lines = [
        r"\begin{table*}",
        r"\centering",
        rf"\caption{{{escape(table.caption)}}}",
        rf"\label{{tab:{re.sub(r'[^0-9a-z]+', '-', table.label.lower())}}}",
        rf"\begin{{tabular}}{{{alignment}}}",
        r"\toprule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return " & ".join(map(_cell, cells)) + r" \\"


def _cell(cell: str) -> str:
    if cell == NOTHING:
        return "--"
    if isinstance(cell, Code):
        return rf"\texttt{{{escape(cell)}}}"
    text = escape(cell)
    return rf"\textbf{{{text}}}" if isinstance(cell, Strong) else text


def escape(text: str) -> str:
    """Return text that LaTeX prints as it is; a number with a sign is set in math, where a minus has its width."""
    pieces = enumerate(SIGNED.split(text))
    return "".join(f"${piece.replace('−', '-')}$" if place % 2 else _plain(piece) for place, piece in pieces)


def _plain(text: str) -> str:
    return "".join(SPECIAL.get(sign) or SYMBOLS.get(sign, sign) for sign in text)
