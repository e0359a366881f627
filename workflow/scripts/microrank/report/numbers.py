"""Numbers as readers like them."""

import math

MINUS = "−"


def count(value: float) -> str:
    """Return 25, or 12.5 where it is no whole number."""
    is_whole = abs(value - round(value)) < 1e-6
    return f"{value:,.0f}" if is_whole else f"{value:,.1f}"


def signed(value: float) -> str:
    """Return a count with its sign, and 0 without one."""
    text = count(abs(value))
    if text == "0":
        return "0"
    return f"{'+' if value > 0 else MINUS}{text}"


def share_signed(value: float) -> str:
    """Return +0.012, without a sign before what rounds to 0."""
    text = f"{abs(value):.3f}"
    if not float(text):
        return text
    return f"{'+' if value > 0 else MINUS}{text}"


def percent_signed(share: float) -> str:
    """Return +1.2 %, without a sign before what rounds to 0."""
    text = f"{abs(share):.1%}".replace("%", " %")
    if not float(text.split()[0]):
        return text
    return f"{'+' if share > 0 else MINUS}{text}"


def p_text(p: float | None) -> str:
    """Return `= 0.03` or `< 0.001`; an en dash where there is no test."""
    if p is None:
        return "–"
    if p < 0.001:
        return "< 0.001"
    return f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"


def p_cell(p: float | None) -> str:
    """Return the same without the equals sign."""
    return p_text(p).removeprefix("= ")


def count_span(low: float, high: float) -> str:
    """Return an interval of counts: 17–34."""
    return f"{count(low)}–{count(high)}"


def range_text(low: int, high: int) -> str:
    """Return a range of ranks: `3`, or `1–5`."""
    return str(low) if low == high else f"{low}–{high}"


def with_minus(text: str) -> str:
    """Return a formatted number with a true minus sign."""
    return text.replace("-", MINUS)


def digits_of(n: float) -> int:
    """Return the digits after the point that a share of n users has: its steps are 1/n."""
    return min(max(math.ceil(math.log10(n)), 2), 5) if n > 1 else 2
