"""The report as one page that needs nothing from outside."""

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from html import escape
from typing import Any

from microrank.report.blocks import Block, Listing, Paragraph, Picture, Section, Table
from microrank.report.headline import BETTER, UNCLEAR, WORSE
from microrank.report.sections import TITLE
from microrank.report.svg_panels import inline_panels

NUMBER = ' class="number"'
VERDICTS = (BETTER, WORSE, UNCLEAR)
EXPLORER = """<section id="users" aria-labelledby="users-title">
<h2 id="users-title">Single users</h2>
<noscript><p>This part needs JavaScript.</p></noscript>
<div id="explorer" hidden>
<p>★ marks the item that the user really took next. Choose a method; the number beside it is the rank that it gives to that item.</p>
<div class="controls">
<label>user<select id="pick-user"></select></label>
<label>show<select id="pick-filter"><option value="all">all users</option><option value="better">★ moved up by the method</option>\
<option value="worse">★ moved down</option><option value="same">★ stayed</option></select></label>
<label>go to id<input id="pick-id" inputmode="numeric" autocomplete="off" size="9"></label>
<button type="button" id="previous">‹ previous</button><button type="button" id="next">next ›</button>
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


def as_page(
    parts: list[Section],
    figures: dict[str, str],
    explorer: dict[str, Any] | None,
    template: Template,
    dataset: str,
) -> str:
    """The whole page. Whatever comes from data is escaped, or JSON that the script turns into text nodes.

    Args:
        figures: name -> svg text. explorer: as `explorer_data` gives it; None for a page without it.
    """
    *first, last = parts
    names = (
        [section.title for section in first if section.title]
        + (["Single users"] if explorer else [])
        + [last.title]
    )
    # Only this very script may run, and nothing may be fetched.
    digest = base64.b64encode(hashlib.sha256(template.js.encode()).digest()).decode()
    filled = {
        "title": escape(TITLE),
        "dataset": escape(dataset),
        "policy": f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'; base-uri 'none'",
        "style": template.css,
        "script": template.js,
        "navigation": "<ul>"
        + "".join(f'<li><a href="#{_anchor(name)}">{escape(name)}</a></li>' for name in names)
        + "</ul>",
        "body": "\n".join(_section(section, figures) for section in first),
        "explorer": EXPLORER.replace("{data}", _json(explorer)) if explorer else "",
        "provenance": _section(last, figures),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: filled[found.group(1)], template.html)


def _anchor(title: str) -> str:
    return "users" if title == "Single users" else re.sub(r"[^a-z]+", "-", title.lower()).strip("-")


def _json(value: object) -> str:
    """JSON that cannot end the script element that holds it, nor open a comment in it."""
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
            caption = f'<figcaption id="{name}"><b id="{name}-name">Table {block.number}.</b> {inline(block.caption)}</figcaption>'
            return f'<figure class="table">{_table(block, f"{name}-name", name)}{caption}</figure>'


def _picture(picture: Picture, svg: str) -> str:
    """The panels are one image to assistive technology, named by the caption; the numbers follow as a table where there is one."""
    name = f"figure-{picture.number}"
    drawn = "".join(
        f'<div class="panel">{panel}</div>' for panel in inline_panels(svg, picture.name)
    )
    image = f'<div class="panels {picture.name}" role="img" aria-labelledby="{name}">{drawn}</div>'
    caption = f'<figcaption id="{name}"><b>Figure {picture.number}.</b> {inline(picture.caption)}</figcaption>'
    if not picture.table:
        return f"<figure>{image}{caption}</figure>"
    summary = f'<summary id="{name}-numbers">The numbers of figure {picture.number}</summary>'
    return f'<figure>{image}{caption}</figure><details class="behind">{summary}{_table(picture.table, f"{name}-numbers", "")}</details>'


def _table(table: Table, name: str, description: str) -> str:
    """A table in a box that scrolls sideways, both named by the element with the id `name`, the table described by `description`."""
    textual = [
        not table.numbers or _is_text([row[i] for row in table.rows])
        for i in range(len(table.header))
    ]
    kinds = ["", *(' class="text"' if text else NUMBER for text in textual[1:])]
    head = "".join(
        f'<th scope="col"{kind}>{inline(cell)}</th>'
        for cell, kind in zip(table.header, kinds, strict=True)
    )
    rows = "".join(
        f'<tr><th scope="row">{inline(row[0])}</th>{"".join(map(_cell, row[1:], kinds[1:]))}</tr>'
        for row in table.rows
    )
    described = f' aria-describedby="{description}"' if description else ""
    box = f'<div class="scroll" tabindex="0" role="group" aria-labelledby="{name}">'
    return f'{box}<table aria-labelledby="{name}"{described}><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _is_text(cells: list[str]) -> bool:
    """Whether a column holds words: none of its cells begins like a number."""
    return not any(re.match(r"[<≥≤~]? ?[+−-]?[.\d]", cell) for cell in cells)


def _cell(text: str, kind: str) -> str:
    if text in VERDICTS:
        kind = f' class="text verdict {text.replace(" ", "-")}"'
    interval = re.fullmatch(r"([^()]+) (\([^()]+\))", text)
    if kind == NUMBER and interval:  # which goes below its number where room is short
        return (
            f"<td{kind}><span>{inline(interval[1])}</span> <span>{inline(interval[2])}</span></td>"
        )
    return f"<td{kind}>{inline(text)}</td>"


def inline(text: str) -> str:
    """Escaped, with **bold** and `code`."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)
