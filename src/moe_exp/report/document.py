"""What a report is made of, before anybody decides how it looks: paragraphs, lists, tables and pictures in sections.

Text is plain; a piece of it that is to stand out is a `Strong`, an `Emphasis` or a `Code`. Whoever renders escapes.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from io import BytesIO
from itertools import count

from matplotlib.figure import Figure
from PIL import Image

NOTHING = "–"
"""What an empty cell of a table shows."""


PICTURE_DPI = 200
"""Pixels per inch of all pictures."""


class Strong(str):
    """Text that stands out."""


class Emphasis(str):
    """Text that says what follows."""


class Code(str):
    """Text that is typed: a command, an option, a digest."""


@dataclass(frozen=True)
class Paragraph:
    """Running text, in pieces that follow each other."""

    pieces: tuple[str, ...]
    kind: str = ""
    """``"warning"`` for what weakens the answer, or empty"""


@dataclass(frozen=True)
class Bullets:
    """A list, each item in pieces."""

    items: tuple[tuple[str, ...], ...]
    kind: str = ""
    """``"verdict"`` for the answer, or empty"""


@dataclass(frozen=True)
class Listing:
    """Lines to be typed."""

    text: str


@dataclass(frozen=True)
class Heading:
    """Title of a part of a section."""

    text: str


@dataclass(frozen=True)
class Table:
    """A table; all rows have one cell a column.

    Attributes
    ----------
    caption : str
    columns : sequence of str
    rows : sequence of sequences of str
    published : frozenset of int
        Columns that hold published, not measured values.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    published: frozenset[int] = field(default=frozenset())
    label: str = ""

    def is_numeric(self, column: int) -> bool:
        """Whether all cells of a column that hold anything start with a number, exact or not."""
        cells = [row[column] for row in self.rows if row[column] not in ("", NOTHING)]
        return bool(cells) and all(re.match(r"(about )?[+−<]?\d", cell) for cell in cells)


@dataclass(frozen=True)
class Picture:
    """A figure, or the PNG of one that was drawn before; `name` is that of its file without suffix."""

    name: str
    caption: str
    drawn: Figure | bytes
    label: str = ""

    @cached_property
    def png(self) -> bytes:
        """The figure as PNG, drawn when somebody wants to see it."""
        if isinstance(self.drawn, bytes):
            return self.drawn
        buffer = BytesIO()
        self.drawn.savefig(buffer, format="png", dpi=PICTURE_DPI, metadata={"Software": None})
        return buffer.getvalue()

    @property
    def image(self) -> Image.Image:
        """The same as pixels."""
        return Image.open(BytesIO(self.png))


Block = Paragraph | Bullets | Listing | Heading | Table | Picture


@dataclass(frozen=True)
class Section:
    """A titled part of the report."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A whole report."""

    title: str
    subtitle: str
    opening: tuple[Block, ...]
    sections: tuple[Section, ...]

    @property
    def pictures(self) -> list[Picture]:
        """All pictures, first to last."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Picture)]


def paragraph(*pieces: str, kind: str = "") -> Paragraph:
    """Return a paragraph of these pieces."""
    return Paragraph(pieces, kind)


def number_sections(sections: Iterable[Section]) -> tuple[Section, ...]:
    """Leave out sections without content, and label tables and pictures in their order."""
    numbers = {Table: count(1), Picture: count(1)}
    words = {Table: "Table", Picture: "Figure"}

    def label(block: Block) -> Block:
        if isinstance(block, Table | Picture):
            return replace(block, label=f"{words[type(block)]} {next(numbers[type(block)])}")
        return block

    return tuple(Section(s.title, tuple(label(block) for block in s.blocks)) for s in sections if s.blocks)
