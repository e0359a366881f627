"""Waits: what servers ask for, backoff, limits a minute, and the cool-down that threads share.

No real clock decides anything here.
"""

import math
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from microrank.services.rate_limit import LONGEST_BACKOFF_S, RateLimit, Window, backoff
from microrank.services.wait_hints import wait_hint
from requests.structures import CaseInsensitiveDict

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"Retry-After": "7"}, "", 7),
        ({"retry-after": "0.5"}, "", 0.5),
        ({"Retry-After": "Tue, 14 Nov 2023 22:13:50 GMT"}, "", 30),
        ({"Retry-After": "Tue, 14 Nov 2023 22:00:00 GMT"}, "", 0),
        ({"RateLimit": '"api";r=0;t=35'}, "", 35),
        ({"RateLimit": "limit=100; r=0; t=12"}, "", 12),
        ({"Retry-After": "3", "RateLimit": "r=0;t=35"}, '{"estimated_time": 20}', 3),
        ({"Retry-After": "soon", "RateLimit": "r=0;t=35"}, "", 35),
        ({}, '{"error": "Model is loading", "estimated_time": 20.5}', 20.5),
        ({"Retry-After": "-3"}, "", None),
        ({"Retry-After": "nan"}, "", None),
        ({"Retry-After": "inf"}, '{"estimated_time": null}', None),
        ({"Retry-After": "Tue, 99 Nov 2023 22:13:50 GMT"}, "[1]", None),
        ({}, "<html>", None),
        ({}, "", None),
    ],
)
def test_how_long_a_server_asks_to_wait_is_read(headers, body, expected):
    assert wait_hint(CaseInsensitiveDict(headers), body, NOW) == expected


@given(value=st.text(), body=st.text())
def test_any_header_and_body_give_a_wait_that_can_be_waited_or_none(value, body):
    hint = wait_hint({"Retry-After": value, "RateLimit": value}, body, NOW)
    assert hint is None or (math.isfinite(hint) and hint >= 0)


@given(failures=st.integers(1, 10_000), first=st.floats(0.001, 10))
def test_backoff_grows_by_twos_up_to_a_minute_with_jitter_below(failures, first):
    full = min(first * 2.0 ** min(failures - 1, 60), LONGEST_BACKOFF_S)
    assert full / 2 <= backoff(failures, first) <= full


@given(
    amounts=st.lists(st.integers(1, 12), min_size=1, max_size=60),
    gaps=st.lists(st.floats(0, 20), min_size=60, max_size=60),
)
def test_no_minute_holds_more_than_the_limit(amounts, gaps):
    window, now, sent = Window(10), 0.0, []
    for amount, gap in zip(amounts, gaps, strict=False):
        now += gap
        while (delay := window.delay(now, amount)) > 0:
            now += delay + 1e-9
        window.add(now, amount)
        sent.append((now, amount))
    for start, _ in sent:
        inside = [amount for at, amount in sent if start <= at < start + 59.99]
        assert sum(inside) <= 10 or len(inside) == 1  # one that is larger than the limit goes alone


def test_a_limit_is_used_to_the_full():
    window = Window(3)
    assert [window.delay(0.0, 1) for _ in range(3) if window.add(0.0, 1)] == [0.0, 0.0, 60.0]
    assert window.delay(60.0, 3) == 0


def test_the_true_number_of_tokens_replaces_the_estimate():
    window = Window(100)
    record = window.add(0.0, 90)
    assert window.delay(0.0, 50) == 60
    window.correct(record, 20)
    assert window.delay(0.0, 50) == 0


def test_without_limits_nothing_waits():
    assert Window(None).delay(0.0, 1e9) == 0


class Clock:
    """Time that passes when it is waited for."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.now += seconds
        return False

    def is_set(self) -> bool:
        return False


def test_a_cool_down_holds_every_request_until_it_ends():
    clock = Clock()
    limit = RateLimit(clock=clock)
    limit.before_sending(0, clock)
    assert clock.now == 0
    assert limit.cool_down(30.0, 1.0) == 30
    limit.cool_down(5.0, 1.0)
    limit.before_sending(0, clock)
    assert 30 <= clock.now <= 31


def test_cool_downs_without_a_hint_grow_until_something_is_answered():
    clock = Clock()
    limit = RateLimit(clock=clock)
    waits = [limit.cool_down(None, 1.0) for _ in range(5)]
    assert all(2**n / 2 <= wait <= 2**n for n, wait in enumerate(waits))
    limit.answered(limit.before_sending(0, clock), None)
    assert limit.cool_down(None, 1.0) <= 1


def test_a_hint_of_no_time_is_not_a_storm():
    assert RateLimit(clock=Clock()).cool_down(0.0, 1.0) > 0


def test_waiting_ends_at_once_when_asking_stops():
    limit, stop = RateLimit(), threading.Event()
    limit.cool_down(3600.0, 1.0)
    waiting = threading.Thread(target=limit.before_sending, args=(0, stop))
    waiting.start()
    stop.set()
    waiting.join(timeout=10)
    assert not waiting.is_alive()
