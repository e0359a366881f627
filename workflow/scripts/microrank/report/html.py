"""The report as one page that needs nothing from outside."""

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from html import escape
from typing import Any

from microrank.report.blocks import Block, Listing, Paragraph, Picture, Section, Table
from microrank.report.content import TITLE

INK = "#25313c"  # the figures' text colour (style.py); on the page it follows the page's
EXPLORER = """<section id="users" aria-labelledby="users-title">
<h2 id="users-title">Single users</h2>
<noscript><p>This part needs JavaScript.</p></noscript>
<div id="explorer" hidden>
<p>★ marks the item that the user really took next. Choose a method by its button; the number is the rank that it gives to that item.</p>
<div class="controls">
<label>user<select id="pick-user"></select></label>
<label>show<select id="pick-filter"><option value="all">all users</option><option value="better">★ moved up by the method</option>\
<option value="worse">★ moved down</option><option value="same">★ stayed</option></select></label>
<button type="button" id="previous">‹ previous</button><button type="button" id="next">next ›</button>
<span id="how-many" class="caption" role="status"></span>
</div>
<ul id="chips" class="chips" aria-label="Methods"></ul>
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


def as_page(parts: list[Section], figures: dict[str, str], explorer: dict[str, Any] | None, template: Template, dataset: str) -> str:
    """The whole page. Whatever comes from data is escaped, or JSON that the script turns into text nodes.

    Args:
        figures: name -> svg text. explorer: as `explorer_data` gives it; None for a page without it.
    """
    *first, last = parts
    names = [section.title for section in first if section.title] + (["Single users"] if explorer else []) + [last.title]
    # Only this very script may run, and nothing may be fetched.
    digest = base64.b64encode(hashlib.sha256(template.js.encode()).digest()).decode()
    filled = {
        "title": escape(TITLE),
        "dataset": escape(dataset),
        "policy": f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src 'sha256-{digest}'; base-uri 'none'",
        "style": template.css,
        "script": template.js,
        "navigation": "<ul>" + "".join(f'<li><a href="#{_anchor(name)}">{escape(name)}</a></li>' for name in names) + "</ul>",
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
    return f'<section id="{anchor}" aria-labelledby="{anchor}-title">\n{heading}\n{body}\n</section>'


def _block(block: Block, figures: dict[str, str], *, lead: bool) -> str:
    match block:
        case Paragraph(text, notice):
            kind = ' class="notice"' if notice else ' class="answer"' if lead else ""
            return f"<p{kind}>{inline(text)}</p>"
        case Picture(name, caption):
            drawn = inline_svg(figures[name], name, caption)
            return f'<figure><div class="figure-scroll">{drawn}</div><figcaption>{inline(caption)}</figcaption></figure>'
        case Listing(text):
            return f"<details><summary>Show</summary><pre>{escape(text)}</pre></details>"
        case Table():
            return _table(block)


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{inline(cell)}</th>' for cell in table.header)
    rows = "".join(f'<tr><th scope="row">{inline(row[0])}</th>{"".join(map(_cell, row[1:]))}</tr>' for row in table.rows)
    label = escape(table.header[0] or "table", quote=True)
    kind = ' class="numbers"' if table.numbers else ""
    caption = f'<p class="caption">{inline(table.caption)}</p>' if table.caption else '<p class="caption"></p>'
    box = f'<div class="scroll" tabindex="0" role="region" aria-label="Table: {label}">'
    return f"{box}<table{kind}><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{caption}"


def _cell(text: str) -> str:
    kind = f' class="{text}"' if text in ("better", "worse") else ""
    return f"<td{kind}>{inline(text)}</td>"


def inline(text: str) -> str:
    """Escaped, with **bold** and `code`."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
    return re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)


def inline_svg(svg: str, name: str, caption: str) -> str:
    """A figure as a part of the page: ids of its own, text in the page's colour, as wide as there is room."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = svg.replace(INK, "currentColor")
    opening = re.sub(r'\s(width|height)="[^"]*"', "", svg[: svg.index(">")])
    return f'{opening} role="img" aria-label="{escape(caption, quote=True)}"{svg[svg.index(">") :]}'
