"""What a report is made of, whatever it is rendered as. Texts may hold **bold**, `code` and [links](to); all else is literal."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Paragraph:
    """text. notice: a box that must not be overlooked."""

    text: str
    notice: bool = False


@dataclass(frozen=True)
class Table:
    """The first column names a row; the others are aligned to the right if `numbers`."""

    header: list[str]
    rows: list[list[str]]
    caption: str = ""
    numbers: bool = True


@dataclass(frozen=True)
class Picture:
    """A figure's name and what it shows."""

    name: str
    caption: str


@dataclass(frozen=True)
class Listing:
    """Literal text."""

    text: str


Block = Paragraph | Table | Picture | Listing


@dataclass(frozen=True)
class Section:
    title: str
    blocks: list[Block] = field(default_factory=list)


def literal(text: object) -> str:
    """A text from outside as `code`: one line, without what could end the code or a table's cell."""
    line = " ".join(str(text).split()).replace("`", "'").replace("|", "¦")
    return f"`{line[:200]}`" if line else "–"
