"""What asking for the missing answers would take: tokens, dollars and time. Nobody is asked."""

import math
from collections.abc import Collection
from dataclasses import dataclass

from microrank.services.adapters import LOCAL
from microrank.services.answers import is_question
from microrank.services.chat import kept_answer
from microrank.services.expectation import TEXTS, Expectation, Expectations, Expected, estimate
from microrank.services.planned_requests import PlannedRequests
from microrank.services.settings import Service
from microrank.services.store import Entry, Request, Store, request_key
from microrank.services.tokens import answer_limit
from microrank.services.usage import Usage

ASSUMED_LATENCY_S = 3.0
ASSUMED_LOCAL_RATE = 300.0  # tokens a second, of a small model on two processors


@dataclass(frozen=True)
class Forecast:
    """What is missing of one method's answers, and what asking for it would take."""

    plan: PlannedRequests
    kept: int
    missing: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    most: Usage  # if every answer were as long as it may be, its thinking included
    most_usd: float | None
    time_s: float
    measured: bool  # kept answers of the same method tell tokens and latency; else they are assumed
    cached_tokens: int = 0  # of `prompt_tokens`
    source: str = TEXTS  # how the tokens are known, as an `Expectation` says

    @property
    def n_requests(self) -> int:
        """HTTP requests for what is missing."""
        return math.ceil(self.missing / self.plan.batch_size)

    @property
    def is_unbounded(self) -> bool:
        """Whether answers may take any number of tokens."""
        bodies = [request["body"] for request in self.plan.requests[:1]]
        return any(is_question(body) and answer_limit(body) is None for body in bodies)


def forecast(plan: PlannedRequests, store: Store, asked: set[str]) -> Forecast:
    """Forecast one method.

    Args:
        plan: the method's requests.
        store: the answers that are kept.
        asked: keys of requests that other methods plan to ask; this method's are added.
    """
    requests = {request_key(request): request for request in plan.requests}
    kept = {key: entry for key, request in requests.items() if (entry := _kept(store, request))}
    missing = [request for key, request in requests.items() if key not in kept and key not in asked]
    asked |= set(requests)
    latency_s = _latency_s(kept.values())
    expectation = _expectation(plan, store, kept.values())
    expected = _rounded(expectation.of(missing))
    prompt_tokens, completion_tokens = expected.prompt_tokens or 0, expected.completion_tokens or 0
    n_requests = math.ceil(len(missing) / plan.batch_size)
    tokens = prompt_tokens + completion_tokens
    most = _most(missing, prompt_tokens, completion_tokens)
    return Forecast(
        plan,
        len(kept),
        len(missing),
        prompt_tokens,
        completion_tokens,
        plan.service.cost_usd(expected),
        most,
        plan.service.cost_usd(most),
        _local_time_s(n_requests, tokens, latency_s)
        if plan.is_local
        else _time_s(plan.service, n_requests, tokens, latency_s),
        measured=bool(kept),
        cached_tokens=expected.cached_tokens or 0,
        source=expectation.source,
    )


def _expectation(plan: PlannedRequests, store: Store, kept: Collection[Entry]) -> Expectation:
    """What is expected of each answer: by kept ones, a preflight, or texts alone."""
    if not plan.requests:
        return Expectation()
    return Expectations(store).now(plan.requests[0], kept)


def _rounded(expected: Expected) -> Usage:
    return Usage(
        round(expected.prompt_tokens),
        round(expected.completion_tokens),
        cached_tokens=round(expected.cached_tokens),
    )


def _most(missing: Collection[Request], prompt_tokens: int, completion_tokens: int) -> Usage:
    """The most tokens that the missing answers can take, and no less than is expected."""
    estimates = [estimate(request) for request in missing]
    return Usage(
        max(prompt_tokens, sum(estimate.most_prompt_tokens for estimate in estimates)),
        max(completion_tokens, sum(estimate.completion_tokens for estimate in estimates)),
    )


def _kept(store: Store, request: Request) -> Entry | None:
    is_chat = is_question(request["body"]) and request["adapter"] != LOCAL
    return kept_answer(store, request) if is_chat else store.get(request)


def _latency_s(entries: Collection[Entry]) -> float | None:
    """Mean seconds of answers; None where nobody knows."""
    latencies = [entry.latency_s for entry in entries if entry.latency_s is not None]
    return sum(latencies) / len(latencies) if latencies else None


def _local_time_s(n_requests: int, tokens: int, latency_s: float | None) -> float:
    """Seconds of a model in this process: by kept answers, else at an assumed rate."""
    if latency_s is None:
        return tokens / ASSUMED_LOCAL_RATE
    return n_requests * latency_s


def _time_s(service: Service, n_requests: int, tokens: int, latency_s: float | None) -> float:
    """Seconds: the slowest of concurrency, requests a minute and tokens a minute."""
    if latency_s is None:
        latency_s = ASSUMED_LATENCY_S
    times = [n_requests * latency_s / service.concurrency]
    if service.requests_per_minute:
        times.append(60.0 * n_requests / service.requests_per_minute)
    if service.tokens_per_minute:
        times.append(60.0 * tokens / service.tokens_per_minute)
    return max(times)
