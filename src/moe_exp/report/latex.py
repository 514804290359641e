r"""A document for a paper in LaTeX: its answer and its methods as paragraphs, its tables with captions and labels.

``\input{paper.tex}`` needs ``\usepackage{booktabs}`` and nothing else.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from moe_exp.report.document import NOTHING, Block, Bullets, Code, Document, Emphasis, Paragraph, Strong, Table

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
    "—": "---",
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


def to_latex(document: Document, *, text: str, tables: Collection[str]) -> str:
    """Return the answer, what the section named `text` lists, as a paragraph, and all tables of some sections."""
    answer, listed = _listed(document.opening), _listed(_blocks(document, {text}))
    warnings = [_pieces(block.pieces) for block in document.opening if isinstance(block, Paragraph)]
    found = [block for block in _blocks(document, tables) if isinstance(block, Table)]
    paragraphs = [answer, *warnings, listed]
    return "\n\n".join([*filter(None, paragraphs), *map(_table, found)])


def _blocks(document: Document, titles: Collection[str]) -> Iterator[Block]:
    """Yield what the sections of these titles hold; a number may stand before a title."""
    for section in document.sections:
        if section.title.lstrip("0123456789. ") in titles:
            yield from section.blocks


def _listed(blocks: Iterable[Block]) -> str:
    """Return the items of all lists, a line each."""
    return "\n".join(_pieces(item) for block in blocks if isinstance(block, Bullets) for item in block.items)


def _pieces(pieces: Iterable[str]) -> str:
    return "".join(map(_cell, pieces))


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
    command = {Strong: "textbf", Emphasis: "emph"}.get(type(cell))
    return rf"\{command}{{{text}}}" if command else text


def escape(text: str) -> str:
    """Return text that LaTeX prints as it is; a number with a sign is set in math, where a minus has its width."""
    pieces = enumerate(SIGNED.split(text))
    return "".join(f"${piece.replace('−', '-')}$" if place % 2 else _plain(piece) for place, piece in pieces)


def _plain(text: str) -> str:
    return "".join(SPECIAL.get(sign) or SYMBOLS.get(sign, sign) for sign in text)
