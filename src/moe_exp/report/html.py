"""A document as one HTML page that needs nothing else: styles and figures are in it, scripts and links are not."""

import base64
import re

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from moe_exp.report.document import PICTURE_DPI, Code, Document, Emphasis, Strong, Table

MOST_ROWS = 24
"""A table with more of them is folded."""

LONGEST_NAME = 34
"""Characters of a cell up to which it stands on one line."""

PIXELS_PER_INCH = 120
"""How large a picture is shown: a quarter larger than in print."""


def to_html(document: Document) -> str:
    """Return the whole page."""
    environment = Environment(
        loader=PackageLoader("moe_exp.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "base64": lambda png: base64.b64encode(png).decode("ascii"),
        "classes": _classes,
        "kind": lambda block: type(block).__name__,
        "mark": _mark,
        "slug": lambda title: re.sub(r"\W+", "-", title.lower()).strip("-"),
        "width": _width,
    }
    environment.tests["long"] = lambda table: len(table.rows) > MOST_ROWS
    return environment.get_template("report.html.jinja").render(document=document)


def _mark(piece: str) -> Markup:
    """Return a piece of text with its tag, and whatever it holds as it would be read."""
    tag = {Strong: "strong", Emphasis: "em", Code: "code"}.get(type(piece))
    return Markup("<{0}>{1}</{0}>").format(Markup(tag), str(piece)) if tag else escape(str(piece))


def _classes(table: Table) -> list[str]:
    """Return the CSS classes of each column."""
    numbers = ["number" if table.is_numeric(column) else "" for column in range(len(table.columns))]
    short = ["short" if _is_short(table, column) else "" for column in range(len(table.columns))]
    published = ["published" if column in table.published else "" for column in range(len(table.columns))]
    return [" ".join(filter(None, names)) for names in zip(numbers, short, published, strict=True)]


def _is_short(table: Table, column: int) -> bool:
    """Whether the cells of a column are names, which no line break should divide."""
    return max((len(row[column]) for row in table.rows), default=0) <= LONGEST_NAME


def _width(png: bytes) -> int:
    """Return the width [pixels] at which a figure has the size that it was drawn for."""
    return round(int.from_bytes(png[16:20], "big") / PICTURE_DPI * PIXELS_PER_INCH)
