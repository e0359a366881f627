"""How long a server asks to wait, from its headers and its words."""

import email.utils
import json
import math
import re
from collections.abc import Iterator, Mapping

EPOCH_S = 1e9  # a larger number is no wait but a time since the epoch,
EPOCH_MS = 1e12  # from here on in milliseconds
_RATE_LIMIT_RESET = re.compile(r";\s*t=([0-9.]+)")
_UNIT = r"(?:ms|milliseconds?|hours?|h|minutes?|mins?|m|seconds?|secs?|s)(?![a-z])"
_DURATION = rf"(?:\d{{1,12}}(?:\.\d+)?\s*{_UNIT}(?:[ ,]|and)*)+"
_TRY_AGAIN = re.compile(
    rf"(?:try again|retry|come back|available)(?: again)? (?:in|after)\s+({_DURATION})",
    re.IGNORECASE,
)
_PARTS = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|milli|h|m|s)", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "milli": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_LIMITS = ("requests", "tokens", "")


def wait_hint(
    headers: Mapping[str, str], body: str, now_s: float, *, is_pushback: bool = True
) -> float | None:
    """Seconds that a server asks to wait.

    The first of these that is there counts: `Retry-After` (seconds or a date), `RateLimit: …;t=…`,
    `estimated_time` in the body, words such as "try again in 14m24.5s", and `x-ratelimit-reset-…`
    of the limit that is used up.

    Args:
        headers: of the reply; their names in any case.
        body: of the reply.
        now_s: the time since the epoch, for dates.
        is_pushback: whether the reply says that there were too many requests. Servers send
            `x-ratelimit-reset-…` with other replies, too, where it is no hint.
    """
    hints = (
        _retry_after(headers.get("Retry-After", ""), now_s),
        _rate_limit(headers.get("RateLimit", "")),
        _estimated_time(body),
        _in_words(body),
        _reset(headers, now_s) if is_pushback else None,
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
    except (ValueError, RecursionError):
        return None
    return _seconds(answer.get("estimated_time")) if isinstance(answer, dict) else None


def _in_words(body: str) -> float | None:
    match = _TRY_AGAIN.search(body)
    return _duration(match[1]) if match else None


def _reset(headers: Mapping[str, str], now_s: float) -> float | None:
    """When the limit that is used up is filled again; the first of several, if none says so."""
    waits = list(_resets(headers, now_s))
    used_up = [wait_s for wait_s, remaining in waits if remaining == 0]
    if used_up:
        return max(used_up)
    return min((wait_s for wait_s, remaining in waits if remaining is None), default=None)


def _resets(headers: Mapping[str, str], now_s: float) -> Iterator[tuple[float, float | None]]:
    """Yield the wait and the remainder of each limit that the headers name."""
    for limit in _LIMITS:
        suffix = f"-{limit}" if limit else ""
        wait_s = _until(headers.get(f"x-ratelimit-reset{suffix}", ""), now_s)
        if wait_s is not None:
            yield wait_s, _seconds(headers.get(f"x-ratelimit-remaining{suffix}"))


def _until(value: str, now_s: float) -> float | None:
    """A wait in seconds, as `6m0s`, a number of seconds, or a time since the epoch."""
    seconds = _seconds(value)
    if seconds is None:
        return _duration(value) if re.fullmatch(_DURATION, value, re.IGNORECASE) else None
    if seconds >= EPOCH_MS:
        seconds /= 1000
    return max(0.0, seconds - now_s) if seconds >= EPOCH_S else seconds


def _duration(text: str) -> float:
    return sum(float(number) * _SECONDS[unit.lower()] for number, unit in _PARTS.findall(text))


def _seconds(value: object) -> float | None:
    try:
        seconds = float(value)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
