"""A figure cut into its panels, so that the page can lay them out for its width.

They stand side by side on a desk, and one below the other on a phone.
"""

import re
from xml.etree import ElementTree

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
# The figures' colours of text and ground. On the page they follow the page's.
INK, PAPER = "#25313c", "#fbfaf8"
ElementTree.register_namespace("", SVG)
ElementTree.register_namespace("xlink", XLINK)


def inline_panels(svg: str, name: str) -> list[str]:
    """Return each panel as an svg element for the page.

    It has the page's colours, is as wide as there is room, and its ids begin with `name`.

    Args:
        svg: A figure of figures/style.py. Its group `grid-{width}x{height}` holds a group for each
            panel; the size is that of a cell, in points.
        name: Name of the figure.
    """
    root = ElementTree.fromstring(svg)
    grid = next(group for group in root if re.match(r"grid-", group.get("id", "")))
    wide, high = map(float, grid.get("id", "").removeprefix("grid-").split("x"))
    columns = round(float(root.get("viewBox", "").split()[2]) / wide)
    shared = "".join(map(_text, root.findall(f"{{{SVG}}}defs")))
    axes = [group for group in grid if re.match(r"axes_", group.get("id", ""))]
    drawn = []
    for i, panel in enumerate(axes):
        corner = f"{i % columns * wide:.6g} {i // columns * high:.6g}"
        inner = (shared if i == 0 else "") + _text(panel)
        inner = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", inner)
        inner = inner.replace(INK, "currentColor").replace(PAPER, "var(--paper)")
        drawn.append(
            f'<svg viewBox="{corner} {wide:.6g} {high:.6g}" aria-hidden="true">{inner}</svg>'
        )
    return drawn


def _text(element: ElementTree.Element) -> str:
    """Without the namespace declarations, which a page does not need."""
    return re.sub(
        r' xmlns(:\w+)?="[^"]*"', "", ElementTree.tostring(element, encoding="unicode")
    ).strip()
