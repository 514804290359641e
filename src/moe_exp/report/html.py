"""A document as one HTML page that needs nothing else: styles and figures are in it, scripts and links are not."""

import base64
import re
from collections.abc import Iterable
from html import escape

from moe_exp.report.document import (
    PICTURE_DPI,
    Block,
    Bullets,
    Code,
    Document,
    Heading,
    Listing,
    Paragraph,
    Picture,
    Strong,
    Table,
)

STYLE = """
:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #1c1c1c; font: 16px/1.55 Georgia, "Times New Roman", serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
p, ul { max-width: 50rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.35rem; margin: 2.6rem 0 .6rem; padding-bottom: .2rem; border-bottom: 1px solid #c8c8c8; }
h3 { font-size: 1.08rem; margin: 1.8rem 0 .4rem; }
h1, h2, h3, nav, table, figcaption, .subtitle { font-family: "Helvetica Neue", Arial, sans-serif; }
.subtitle { color: #5a5a5a; font-size: .88rem; margin: 0 0 1.4rem; }
.verdict, .warning { max-width: none; padding: .9rem 1.2rem; margin: 1rem 0; border-left: 5px solid #0072b2;
  background: #eef5fa; }
.warning { border-color: #d55e00; background: #fdf3ec; }
nav { font-size: .82rem; margin: 1.2rem 0; }
nav a { color: #0b5b8a; text-decoration: none; margin-right: 1.1em; white-space: nowrap; }
ul { padding-left: 1.3rem; }
li { margin: .2rem 0; }
code, pre { font: .85em/1.45 "DejaVu Sans Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
pre { background: #f4f4f4; padding: .8rem 1rem; white-space: pre-wrap; }
.wide { overflow-x: auto; margin: 1.1rem 0 1.5rem; }
table { border-collapse: collapse; font-size: .8rem; line-height: 1.35; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .45rem; max-width: 50rem; color: #333; }
th { text-align: left; vertical-align: bottom; border-bottom: 1.5px solid #444; font-weight: 600; }
th, td { padding: .26rem .75rem .26rem 0; }
td { vertical-align: top; border-bottom: 1px solid #e6e6e6; }
.number { text-align: right; white-space: nowrap; }
.published { color: #6b4e00; font-style: italic; }
figure { margin: 1.3rem 0 1.8rem; }
figure img { display: block; max-width: 100%; height: auto; }
figcaption { font-size: .8rem; color: #333; max-width: 50rem; margin-top: .4rem; }
@media print {
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  .wide { overflow: visible; }
  table { font-size: 7.5pt; }
  h2, h3, caption { break-after: avoid; }
  tr, figure, .verdict, .warning { break-inside: avoid; }
  .verdict, .warning { print-color-adjust: exact; }
}
@page { margin: 16mm; }
""".strip()

PIXELS_PER_INCH = 120
"""How large a picture is shown: a quarter larger than in print."""


def to_html(document: Document) -> str:
    """Return the whole page."""
    slugs = [_slug(section.title) for section in document.sections]
    links = [f'<a href="#{slug}">{escape(s.title)}</a>' for slug, s in zip(slugs, document.sections, strict=True)]
    body = [f"<h1>{escape(document.title)}</h1>", f'<p class="subtitle">{escape(document.subtitle)}</p>']
    body += [*map(_block, document.opening), f"<nav>{' '.join(links)}</nav>"]
    for slug, section in zip(slugs, document.sections, strict=True):
        body += [f'<h2 id="{slug}">{escape(section.title)}</h2>', *map(_block, section.blocks)]
    head = f'<meta charset="utf-8">\n<title>{escape(document.title)}</title>\n<style>\n{STYLE}\n</style>'
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n<main>\n'
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def _slug(title: str) -> str:
    return re.sub(r"\W+", "-", title.lower()).strip("-")


def _pieces(pieces: Iterable[str]) -> str:
    return "".join(map(_piece, pieces))


def _piece(piece: str) -> str:
    tag = {Strong: "strong", Code: "code"}.get(type(piece))
    return f"<{tag}>{escape(piece)}</{tag}>" if tag else escape(piece)


def _block(block: Block) -> str:
    match block:
        case Paragraph():
            kind = f' class="{block.kind}"' if block.kind else ""
            return f"<p{kind}>{_pieces(block.pieces)}</p>"
        case Bullets():
            return f"<ul>{''.join(f'<li>{_pieces(item)}</li>' for item in block.items)}</ul>"
        case Listing():
            return f"<pre>{escape(block.text)}</pre>"
        case Heading():
            return f"<h3>{escape(block.text)}</h3>"
        case Table():
            return _table(block)
        case Picture():
            return _picture(block)


def _table(table: Table) -> str:
    kinds = []
    for column in range(len(table.columns)):
        names = [("number", table.is_numeric(column)), ("published", column in table.published)]
        classes = " ".join(name for name, holds in names if holds)
        kinds.append(f' class="{classes}"' if classes else "")
    head = "".join(f"<th{kind}>{escape(column)}</th>" for kind, column in zip(kinds, table.columns, strict=True))
    rows = [
        "<tr>" + "".join(f"<td{kind}>{_piece(cell)}</td>" for kind, cell in zip(kinds, row, strict=True)) + "</tr>"
        for row in table.rows
    ]
    body = "\n".join(rows)
    caption = f"<caption><strong>{table.label}.</strong> {escape(table.caption)}</caption>"
    return (
        f'<div class="wide"><table>{caption}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'
    )


def _picture(picture: Picture) -> str:
    data = base64.b64encode(picture.png).decode("ascii")
    image = f'<img src="data:image/png;base64,{data}" alt="{escape(picture.caption)}"{_shown_width(picture.png)}>'
    return (
        f"<figure>{image}<figcaption><strong>{picture.label}.</strong> {escape(picture.caption)}</figcaption></figure>"
    )


def _shown_width(png: bytes) -> str:
    """Return the width at which the figure has the size it was drawn for."""
    return f' width="{round(int.from_bytes(png[16:20], "big") / PICTURE_DPI * PIXELS_PER_INCH)}"'
