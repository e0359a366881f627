"""What a report is made of, whatever it is rendered as.

Texts may hold **bold**, `code` and [links](to); all else is literal.
"""

from dataclasses import dataclass, field, replace
from itertools import count


@dataclass(frozen=True)
class Paragraph:
    """A paragraph.

    Attributes:
        text: Its text.
        notice: Whether it is a box that must not be overlooked.
    """

    text: str
    notice: bool = False


@dataclass(frozen=True)
class Table:
    """A table whose first column names the row.

    Attributes:
        header: Names of the columns.
        rows: Cells.
        caption: Below the table.
        numbers: Whether the columns that hold numbers are aligned to the right.
        number: Number of the table, as `numbered` gives it.
    """

    header: list[str]
    rows: list[list[str]]
    caption: str = ""
    numbers: bool = True
    number: int = 0


@dataclass(frozen=True)
class Picture:
    """A figure.

    Attributes:
        name: Name of its file.
        caption: What it shows.
        table: The numbers behind it, for those who cannot see it.
        number: Number of the figure, as `numbered` gives it.
    """

    name: str
    caption: str
    table: Table | None = None
    number: int = 0


@dataclass(frozen=True)
class Listing:
    """Literal text."""

    text: str


Block = Paragraph | Table | Picture | Listing


@dataclass(frozen=True)
class Section:
    """A section; the first of a report has no title."""

    title: str
    blocks: list[Block] = field(default_factory=list)


def numbered(sections: list[Section]) -> list[Section]:
    """Number figures and tables from 1, each kind by itself.

    A table without a caption gets its section's title for one.
    """
    counters = {Picture: count(1), Table: count(1)}

    def number(block: Block, title: str) -> Block:
        if not isinstance(block, Picture | Table):
            return block
        caption = block.caption or f"{title}."
        return replace(block, number=next(counters[type(block)]), caption=caption)

    return [
        replace(section, blocks=[number(block, section.title) for block in section.blocks])
        for section in sections
    ]


def literal(text: object) -> str:
    """Return a text from outside as `code`: one line, without what could end the code or a cell."""
    line = " ".join(str(text).split()).replace("`", "'").replace("|", "¦")
    return f"`{line[:200]}`" if line else "–"
