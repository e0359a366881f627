"""Numbers as readers like them."""


def count(value: float) -> str:
    """25, or 12.5 where it is no whole number."""
    return f"{value:,.0f}" if abs(value - round(value)) < 1e-6 else f"{value:,.1f}"


def signed(value: float) -> str:
    """With its sign; a true minus."""
    text = count(abs(value))
    return (
        f"+{text}"
        if value > 0 and text != "0"
        else f"−{text}"
        if value < 0 and text != "0"
        else "0"
    )


def share_signed(value: float) -> str:
    """+0.012; a true minus, and no sign before what rounds to 0."""
    text = f"{abs(value):.3f}"
    return text if not float(text) else f"{'+' if value > 0 else '−'}{text}"


def p_text(p: float | None) -> str:
    """`= 0.03`, `< 0.001`; an en dash where there is no test."""
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"


def p_cell(p: float | None) -> str:
    """The same without the equals sign."""
    return p_text(p).removeprefix("= ")


def span(low: float | None, high: float | None, form: str = "count") -> str:
    """An interval: 17–34, or .31 to .42 for shares."""
    if low is None or high is None:
        return ""
    return f"{count(low)}–{count(high)}" if form == "count" else f"{low:.3f}–{high:.3f}"
