"""How long a server asks to wait, from its headers and its words."""

import email.utils
import json
import math
import re
from collections.abc import Mapping

_RATE_LIMIT_RESET = re.compile(r";\s*t=([0-9.]+)")


def wait_hint(headers: Mapping[str, str], body: str, now_s: float) -> float | None:
    """Seconds that a server asks to wait.

    The first of these that is there counts: `Retry-After` (seconds or a date), `RateLimit: …;t=…`,
    and `estimated_time` in the body.

    Args:
        headers: of the reply; their names in any case.
        body: of the reply.
        now_s: the time since the epoch, for dates.
    """
    hints = (
        _retry_after(headers.get("Retry-After", ""), now_s),
        _rate_limit(headers.get("RateLimit", "")),
        _estimated_time(body),
    )
    return next((hint for hint in hints if hint is not None), None)


def _retry_after(value: str, now_s: float) -> float | None:
    if (seconds := _seconds(value)) is not None:
        return seconds
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now_s)
    except (ValueError, TypeError, OverflowError):
        return None


def _rate_limit(value: str) -> float | None:
    match = _RATE_LIMIT_RESET.search(value)
    return _seconds(match[1]) if match else None


def _estimated_time(body: str) -> float | None:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return _seconds(answer.get("estimated_time")) if isinstance(answer, dict) else None


def _seconds(value: object) -> float | None:
    try:
        seconds = float(value)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
