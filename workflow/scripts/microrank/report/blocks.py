"""What a report is made of, whatever it is rendered as. Texts may hold **bold**, `code` and [links](to); all else is literal."""

from dataclasses import dataclass, field, replace
from itertools import count


@dataclass(frozen=True)
class Paragraph:
    """text. notice: a box that must not be overlooked."""

    text: str
    notice: bool = False


@dataclass(frozen=True)
class Table:
    """The first column names a row; of the others, those that hold numbers are aligned to the right if `numbers`. number: as `numbered`."""

    header: list[str]
    rows: list[list[str]]
    caption: str = ""
    numbers: bool = True
    number: int = 0


@dataclass(frozen=True)
class Picture:
    """A figure's name and what it shows. table: the numbers behind it, for who cannot see it."""

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
    title: str
    blocks: list[Block] = field(default_factory=list)


def numbered(parts: list[Section]) -> list[Section]:
    """The same with figures and tables numbered from 1, each kind by itself; a table without a caption has its section's title for one."""
    counters = {Picture: count(1), Table: count(1)}

    def one(block: Block, title: str) -> Block:
        match block:
            case Picture() | Table():
                return replace(
                    block, number=next(counters[type(block)]), caption=block.caption or f"{title}."
                )
        return block

    return [
        replace(part, blocks=[one(block, part.title) for block in part.blocks]) for part in parts
    ]


def literal(text: object) -> str:
    """A text from outside as `code`: one line, without what could end the code or a table's cell."""
    line = " ".join(str(text).split()).replace("`", "'").replace("|", "¦")
    return f"`{line[:200]}`" if line else "–"
