"""The report as Markdown."""

from microrank.report.blocks import Block, Listing, Paragraph, Picture, Section, Table
from microrank.report.sections import TITLE


def as_markdown(sections: list[Section], figures: dict[str, str], page: str) -> str:
    """Render the report as GitHub-flavoured Markdown.

    Args:
        sections: The first without a title.
        figures: Name -> path from where the report lies.
        page: Name of the same report as a page.
    """
    first, *others = sections
    lines = [f"# {TITLE}", ""]
    lines += _blocks(first, figures)
    link = f"[{page}]({page})"
    lines += [f"The same with a look at single users, their prompts and answers: {link}.", ""]
    return "\n".join([*lines, *titled_sections(others, figures)])


def titled_sections(sections: list[Section], figures: dict[str, str]) -> list[str]:
    """Render sections below their titles, as lines.

    Args:
        sections: Each with a title.
        figures: Name -> path from where the page lies.
    """
    lines = []
    for section in sections:
        lines += [f"## {section.title}", "", *_blocks(section, figures)]
    return lines


def _blocks(section: Section, figures: dict[str, str]) -> list[str]:
    return [line for block in section.blocks for line in (_rendered(block, figures), "")]


def _rendered(block: Block, figures: dict[str, str]) -> str:
    match block:
        case Paragraph(text, notice):
            return f"> {text}" if notice else text
        case Picture():
            image = f"![{block.caption}]({figures[block.name]})"
            return f"{image}\n\n*Figure {block.number}. {block.caption}*"
        case Listing(text):
            return f"```yaml\n{text.replace('```', chr(39) * 3)}\n```"
        case Table():
            return _table(block)


def _table(table: Table) -> str:
    other_columns = "---:" if table.numbers else "---"
    align = ["---"] + [other_columns] * (len(table.header) - 1)
    lines = [f"| {' | '.join(cells)} |" for cells in (table.header, align, *table.rows)]
    return "\n".join([*lines, "", f"*Table {table.number}. {table.caption}*"])
