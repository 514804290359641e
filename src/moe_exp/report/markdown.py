"""A document as Markdown (CommonMark with pipe tables), its figures as files beside it."""

import re
from collections.abc import Iterable

from moe_exp.report.document import (
    Block,
    Bullets,
    Code,
    Document,
    Emphasis,
    Heading,
    Listing,
    Paragraph,
    Picture,
    Strong,
    Table,
)

MARKUP = re.compile(r"([\\`*<>|\[\]~]|(?<!\w)_|_(?!\w)|&(?=#?\w+;))")
"""Characters that would be read as markup; underscores within words are not."""

LINE_START = re.compile(r"^(\s*\d*)([#+.)-])(?=\s|$)")
"""What would turn a line into a heading or a list."""


def to_markdown(document: Document) -> str:
    """Return the whole report."""
    parts = [f"# {escape(document.title)}", escape(document.subtitle), *map(_block, document.opening)]
    for section in document.sections:
        parts += [f"## {escape(section.title)}", *map(_block, section.blocks)]
    return "\n\n".join(part for part in parts if part) + "\n"


def opening_to_markdown(document: Document) -> str:
    """Return what the report says first: the answer, and what weakens it."""
    return "\n\n".join(map(_block, document.opening))


def escape(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return LINE_START.sub(r"\1\\\2", MARKUP.sub(r"\\\1", re.sub(r"\s+", " ", text)))


def _pieces(pieces: Iterable[str]) -> str:
    return "".join(map(_piece, pieces))


def _piece(piece: str) -> str:
    if isinstance(piece, Code):
        fence = "`" * (1 + max(map(len, re.findall("`+", piece)), default=0))
        pad = " " if piece.startswith("`") or piece.endswith("`") else ""
        return f"{fence}{pad}{piece}{pad}{fence}"
    if isinstance(piece, Strong | Emphasis) and piece.strip():
        core, mark = piece.strip(), "**" if isinstance(piece, Strong) else "*"  # stars beside a space are no markup
        before, after = piece.split(core, 1)
        return f"{before}{mark}{escape(core)}{mark}{after}"
    return escape(piece)


def _block(block: Block) -> str:
    match block:
        case Paragraph():
            text = _pieces(block.pieces)
            return f"> {text}" if block.kind else text
        case Bullets():
            return "\n".join(f"- {_pieces(item)}" for item in block.items)
        case Listing():
            return f"```\n{block.text}\n```"
        case Heading():
            return f"### {escape(block.text)}"
        case Table():
            return _table(block)
        case Picture():
            return f"![{escape(block.caption)}](figures/{block.name}.png)\n\n*{block.label}. {escape(block.caption)}*"


def _table(table: Table) -> str:
    rule = ["---:" if table.is_numeric(column) else "---" for column in range(len(table.columns))]
    rows = [[escape(column) for column in table.columns], rule]
    rows += [[_cell(cell) for cell in row] for row in table.rows]
    lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"*{table.label}. {escape(table.caption)}*\n\n{lines}"


def _cell(cell: str) -> str:
    """Return a cell; a pipe ends a cell even within code."""
    return _piece(cell).replace("|", r"\|") if isinstance(cell, Code) else _piece(cell)
