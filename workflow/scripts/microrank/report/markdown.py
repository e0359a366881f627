"""The report as Markdown."""

from microrank.report.blocks import Block, Listing, Paragraph, Picture, Section, Table
from microrank.report.sections import TITLE


def as_markdown(parts: list[Section], figures: dict[str, str], page: str) -> str:
    """GitHub-flavoured Markdown.

    Args:
        figures: name -> path from where the report lies. page: name of the same report as a page.
    """
    lines = [f"# {TITLE}", ""]
    for i, section in enumerate(parts):
        if section.title:
            lines += [f"## {section.title}", ""]
        for block in section.blocks:
            lines += [_rendered(block, figures), ""]
        if i == 0:
            lines += [
                f"The same with a look at single users, their prompts and answers: [{page}]({page}).",
                "",
            ]
    return "\n".join(lines)


def _rendered(block: Block, figures: dict[str, str]) -> str:
    match block:
        case Paragraph(text, notice):
            return f"> {text}" if notice else text
        case Picture():
            return f"![{block.caption}]({figures[block.name]})\n\n*Figure {block.number}. {block.caption}*"
        case Listing(text):
            return f"```yaml\n{text.replace('```', chr(39) * 3)}\n```"
        case Table():
            return _table(block)


def _table(table: Table) -> str:
    align = ["---"] + ["---:" if table.numbers else "---"] * (len(table.header) - 1)
    lines = [f"| {' | '.join(cells)} |" for cells in (table.header, align, *table.rows)]
    return "\n".join([*lines, "", f"*Table {table.number}. {table.caption}*"])
