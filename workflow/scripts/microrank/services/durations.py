"""Seconds as readers like them."""

HOURS_FROM_S, MINUTES_FROM_S = 5400, 90


def duration(seconds: float) -> str:
    """Return `2.5 h`, `12 min` or `40 s`."""
    if seconds >= HOURS_FROM_S:
        return f"{seconds / 3600:,.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= MINUTES_FROM_S else f"{seconds:.0f} s"
