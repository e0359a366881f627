"""What asking for the missing answers would take: tokens, dollars and time. Nobody is asked."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from microrank.services.adapters import IN_PROCESS
from microrank.services.answers import is_question
from microrank.services.chat import kept_answer
from microrank.services.expectation import TEXTS, Expectation, Expectations, Expected, estimate
from microrank.services.planned_requests import PlannedRequests
from microrank.services.settings import BATCH, Service
from microrank.services.store import Entry, Request, Store, request_key
from microrank.services.tokens import answer_limit
from microrank.services.usage import Usage

ASSUMED_LATENCY_S = 3.0


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
    time_s: float | None  # None: of a model in this process whose speed nobody has measured
    measured: bool  # kept answers of the same method tell tokens and latency; else they are assumed
    cached_tokens: int = 0  # of `prompt_tokens`
    most_missing: int = 0  # answers in the worst case
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
    requests = _by_key(plan)
    kept = _kept_of(requests, store)
    missing = [request for key, request in requests.items() if key not in kept and key not in asked]
    asked |= set(requests)
    return _forecast(plan, store, kept.values(), missing, len(kept))


def forecast_anew(plan: PlannedRequests, store: Store, asked: set[str]) -> Forecast:
    """Forecast one method as if no answer were kept; those that are tell tokens and times.

    Args:
        plan: the method's requests.
        store: the answers that are kept.
        asked: keys of requests that other methods plan to ask; this method's are added.
    """
    requests = _by_key(plan)
    new = [request for key, request in requests.items() if key not in asked]
    asked |= set(requests)
    return _forecast(plan, store, _kept_of(requests, store).values(), new, 0)


def answered_users(plan: PlannedRequests, store: Store) -> list[int]:
    """The users of whom every answer is kept, ascending."""
    kept = _kept_of(_by_key(plan), store)
    keys = [request_key(request) for request in plan.requests]
    waiting = {user for user, key in zip(plan.users, keys, strict=True) if key not in kept}
    return sorted(set(plan.users) - waiting)


def _by_key(plan: PlannedRequests) -> dict[str, Request]:
    return {request_key(request): request for request in plan.requests}


def _kept_of(requests: Mapping[str, Request], store: Store) -> dict[str, Entry]:
    return {key: entry for key, request in requests.items() if (entry := _kept(store, request))}


def _forecast(
    plan: PlannedRequests,
    store: Store,
    kept: Collection[Entry],
    missing: Collection[Request],
    n_kept: int,
) -> Forecast:
    """Forecast these requests, by what kept answers tell."""
    latency_s = _latency_s(kept)
    expectation = _expectation(plan, store, kept)
    expected = _rounded(expectation.of(missing))
    prompt_tokens, completion_tokens = expected.prompt_tokens or 0, expected.completion_tokens or 0
    n_requests = math.ceil(len(missing) / plan.batch_size)
    tokens = prompt_tokens + completion_tokens
    n_most = _most_missing(plan, len(missing), n_kept)
    most = _scaled(_most(missing, prompt_tokens, completion_tokens), n_most / max(len(missing), 1))
    return Forecast(
        plan,
        n_kept,
        len(missing),
        prompt_tokens,
        completion_tokens,
        plan.service.cost_usd(expected),
        most,
        plan.service.cost_usd(most),
        _local_time_s(n_requests, latency_s)
        if plan.is_local
        else _time_s(plan.service, n_requests, tokens, latency_s),
        measured=bool(kept),
        cached_tokens=expected.cached_tokens or 0,
        most_missing=n_most,
        source=expectation.source,
    )


def _most_missing(plan: PlannedRequests, n_missing: int, n_kept: int) -> int:
    """Missing answers in the worst case: those that are expected, where no answer decides more."""
    return n_missing if plan.most is None or not n_missing else plan.most - n_kept


def _scaled(usage: Usage, factor: float) -> Usage:
    return Usage(
        math.ceil((usage.prompt_tokens or 0) * factor),
        math.ceil((usage.completion_tokens or 0) * factor),
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
    is_chat = is_question(request["body"]) and request["adapter"] not in IN_PROCESS
    return kept_answer(store, request) if is_chat else store.get(request)


def _latency_s(entries: Collection[Entry]) -> float | None:
    """Mean seconds of answers; None where nobody knows."""
    latencies = [entry.latency_s for entry in entries if entry.latency_s is not None]
    return sum(latencies) / len(latencies) if latencies else None


def _local_time_s(n_requests: int, latency_s: float | None) -> float | None:
    """Seconds of a model in this process, by kept answers; None before the first one."""
    return None if latency_s is None else n_requests * latency_s


def _time_s(service: Service, n_requests: int, tokens: int, latency_s: float | None) -> float:
    """Seconds: the slowest of concurrency, requests a minute and tokens a minute.

    In batches it is the time within which they are to be answered.
    """
    if service.mode == BATCH:
        return service.window_s
    if latency_s is None:
        latency_s = ASSUMED_LATENCY_S
    times = [n_requests * latency_s / service.concurrency]
    if service.requests_per_minute:
        times.append(60.0 * n_requests / service.requests_per_minute)
    if service.tokens_per_minute:
        times.append(60.0 * tokens / service.tokens_per_minute)
    return max(times)
