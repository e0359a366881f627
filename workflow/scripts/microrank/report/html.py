"""The report as one page that needs nothing from outside."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from microrank.evaluation.verdicts import VERDICTS
from microrank.report.blocks import Block, Listing, Paragraph, Picture, Section, Table
from microrank.report.sections import TITLE
from microrank.report.svg_panels import inline_panels

NUMBER, TEXT = ' class="number"', ' class="text"'
LINK = re.compile(r"\[([\w. -]+)\]\(([\w.-]+(?:/[\w.-]+)*)\)")  # to a file, by a relative path
USERS_TITLE = "Single users"
EXPLORER = """<section id="users" aria-labelledby="users-title">
<h2 id="users-title">Single users</h2>
<noscript><p>This part needs JavaScript.</p></noscript>
<div id="explorer" hidden>
<p>★ marks the item that the user really took next. Choose a method; the number beside it is the \
rank that it gives to that item.</p>
<div class="controls">
<label>user (choose, or type an id)\
<input id="pick-user" list="user-ids" autocomplete="off" size="14">\
<datalist id="user-ids"></datalist></label>
<label>show<select id="pick-filter"><option value="all">all users</option>\
<option value="better">★ moved up by the method</option>\
<option value="worse">★ moved down</option><option value="same">★ stayed</option></select></label>
<button type="button" id="previous">‹ previous</button>\
<button type="button" id="next">next ›</button>
<span id="how-many" class="caption"></span>
</div>
<fieldset id="methods" class="chips"><legend>method</legend></fieldset>
<p id="told" role="status"></p>
<div id="user"></div>
</div>
<script type="application/json" id="explorer-data">{data}</script>
</section>"""


@dataclass(frozen=True)
class Template:
    """The texts of page.html, page.css and page.js."""

    html: str
    css: str
    js: str

    @classmethod
    def read(cls, paths: Iterable[str]) -> "Template":
        """Read the three files."""
        texts = {Path(path).suffix: Path(path).read_text(encoding="utf-8") for path in paths}
        return cls(texts[".html"], texts[".css"], texts[".js"])


def as_page(
    parts: list[Section],
    figures: dict[str, str],
    explorer: dict[str, Any] | None,
    template: Template,
    name: str,
) -> str:
    """Return the whole page.

    Whatever comes from data is escaped, or is JSON that the script turns into text nodes.

    Args:
        parts: The report's sections, of which the last follows the explorer.
        figures: Name -> svg text.
        explorer: As `explorer_data` gives it; None for a page without it.
        template: Template of the page.
        name: The study's.
    """
    *first, last = parts
    explorer_title = [USERS_TITLE] if explorer else []
    names = [
        *(section.title for section in first if section.title),
        *explorer_title,
        last.title,
    ]
    links = (f'<li><a href="#{_anchor(name)}">{escape(name)}</a></li>' for name in names)
    filled = {
        "title": escape(TITLE),
        "study": escape(name),
        "policy": _policy(template.js),
        "style": template.css,
        "script": template.js,
        "navigation": f"<ul>{''.join(links)}</ul>",
        "body": "\n".join(_section(section, figures) for section in first),
        "explorer": EXPLORER.replace("{data}", _json(explorer)) if explorer else "",
        "provenance": _section(last, figures),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda field: filled[field.group(1)], template.html)


def _policy(script: str) -> str:
    """Return the content security policy: only this script may run, and nothing is fetched."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        f"script-src 'sha256-{digest}'; base-uri 'none'"
    )


def _anchor(title: str) -> str:
    if title == USERS_TITLE:
        return "users"
    return re.sub(r"[^a-z]+", "-", title.lower()).strip("-")


def _json(value: object) -> str:
    """Return JSON that cannot end the script element that holds it, nor open a comment in it."""
    return (
        json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        .replace("<", "\\u003c")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
    )


def _section(section: Section, figures: dict[str, str]) -> str:
    body = "\n".join(_block(block, figures, lead=not section.title) for block in section.blocks)
    if not section.title:
        return body
    anchor = _anchor(section.title)
    heading = f'<h2 id="{anchor}-title">{escape(section.title)}</h2>'
    return (
        f'<section id="{anchor}" aria-labelledby="{anchor}-title">\n{heading}\n{body}\n</section>'
    )


def _block(block: Block, figures: dict[str, str], *, lead: bool) -> str:
    match block:
        case Paragraph(text, notice):
            kind = ' class="notice"' if notice else ' class="answer"' if lead else ""
            return f"<p{kind}>{inline(text)}</p>"
        case Picture():
            return _picture(block, figures[block.name])
        case Listing(text):
            return (
                f"<details><summary>Show the settings</summary><pre>{escape(text)}</pre></details>"
            )
        case Table():
            name = f"table-{block.number}"
            number = f'<b id="{name}-name">Table {block.number}.</b>'
            caption = f'<figcaption id="{name}">{number} {inline(block.caption)}</figcaption>'
            return f'<figure class="table">{_table(block, f"{name}-name", name)}{caption}</figure>'


def _picture(picture: Picture, svg: str) -> str:
    """Return a figure; the numbers follow as a table where there is one.

    The panels are one image to assistive technology, named by the caption.
    """
    name, number = f"figure-{picture.number}", picture.number
    drawn = "".join(
        f'<div class="panel">{panel}</div>' for panel in inline_panels(svg, picture.name)
    )
    image = f'<div class="panels {picture.name}" role="img" aria-labelledby="{name}">{drawn}</div>'
    text = f"<b>Figure {number}.</b> {inline(picture.caption)}"
    figure = f'<figure>{image}<figcaption id="{name}">{text}</figcaption></figure>'
    if not picture.table:
        return figure
    summary = f'<summary id="{name}-numbers">The numbers of figure {number}</summary>'
    table = _table(picture.table, f"{name}-numbers", "")
    return f'{figure}<details class="behind">{summary}{table}</details>'


def _table(table: Table, name: str, description: str) -> str:
    """Return a table in a box that scrolls sideways.

    Args:
        table: The table.
        name: Id of the element that names both.
        description: Id of the element that describes the table; empty: there is none.
    """
    kinds = [""]
    for i in range(1, len(table.header)):
        is_text = not table.numbers or _is_text([row[i] for row in table.rows])
        kinds.append(TEXT if is_text else NUMBER)
    head = "".join(
        f'<th scope="col"{kind}>{inline(cell)}</th>'
        for cell, kind in zip(table.header, kinds, strict=True)
    )
    body = "".join(
        f'<tr><th scope="row">{inline(row[0])}</th>{"".join(map(_cell, row[1:], kinds[1:]))}</tr>'
        for row in table.rows
    )
    described = f' aria-describedby="{description}"' if description else ""
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-labelledby="{name}">'
        f'<table aria-labelledby="{name}"{described}>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _is_text(cells: list[str]) -> bool:
    """Return whether a column holds words: none of its cells begins like a number."""
    return not any(re.match(r"[<≥≤~]? ?[+−-]?[.\d]", cell) for cell in cells)


def _cell(text: str, kind: str) -> str:
    if text in VERDICTS:
        kind = f' class="text verdict {text.replace(" ", "-")}"'
    with_interval = re.fullmatch(r"([^()]+) (\([^()]+\))", text)
    if kind != NUMBER or not with_interval:
        return f"<td{kind}>{inline(text)}</td>"
    # The interval goes below its number where room is short.
    number, interval = map(inline, with_interval.groups())
    return f"<td{kind}><span>{number}</span> <span>{interval}</span></td>"


def inline(text: str) -> str:
    """Escape a text, and render **bold**, `code` and [links](to) files beside the page."""
    pieces = re.split(r"`([^`]+)`", escape(text))
    pieces[::2] = [LINK.sub(r'<a href="\2">\1</a>', piece) for piece in pieces[::2]]
    pieces[1::2] = [f"<code>{piece}</code>" for piece in pieces[1::2]]
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", "".join(pieces))
