"""A figure cut into its panels, so that the page can lay them out for its width: side by side on a desk, one below the other on a phone."""

import re
from xml.etree import ElementTree

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
INK, PAPER = (
    "#25313c",
    "#fbfaf8",
)  # the figures' colours of text and ground; on the page they follow the page's
ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)


def inline_panels(svg: str, name: str) -> list[str]:
    """Each panel as an svg element for the page: ids of its own (they begin with `name`), the page's colours, as wide as there is room.

    Args:
        svg: a figure of style.py, whose group `grid-{width}x{height}` holds a group for each panel; the cell's size is in points.
    """
    root = ElementTree.fromstring(svg)
    grid = next(group for group in root if re.match(r"grid-", group.get("id", "")))
    wide, high = map(float, grid.get("id", "").removeprefix("grid-").split("x"))
    columns = round(float(root.get("viewBox", "").split()[2]) / wide)
    shared = "".join(map(_text, root.findall(f"{{{SVG}}}defs")))
    found = [group for group in grid if re.match(r"axes_", group.get("id", ""))]
    drawn = []
    for i, panel in enumerate(found):
        corner = f"{i % columns * wide:.6g} {i // columns * high:.6g}"
        inner = (shared if i == 0 else "") + _text(panel)
        inner = (
            re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", inner)
            .replace(INK, "currentColor")
            .replace(PAPER, "var(--paper)")
        )
        drawn.append(
            f'<svg viewBox="{corner} {wide:.6g} {high:.6g}" aria-hidden="true">{inner}</svg>'
        )
    return drawn


def _text(element: ElementTree.Element) -> str:
    """Without the namespace declarations, which a page does not need."""
    return re.sub(
        r' xmlns(:\w+)?="[^"]*"', "", ElementTree.tostring(element, encoding="unicode")
    ).strip()
