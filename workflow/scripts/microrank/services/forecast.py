"""What asking for the missing answers would take: tokens, dollars and time. Nobody is asked."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from microrank.services.budget import FREE_ADAPTERS, Budget
from microrank.services.chat import estimate
from microrank.services.settings import Service
from microrank.services.store import Entry, Store, request_key

ASSUMED_LATENCY_S = 3.0


@dataclass(frozen=True)
class Plan:
    """The requests of one re-ranker or encoder, and the service that would answer them."""

    method: str
    service: Service
    model: str
    requests: Sequence[Mapping[str, Any]]
    batch_size: int = 1  # answers to one HTTP request

    @property
    def is_simulated(self) -> bool:
        return bool(self.requests) and self.requests[0]["adapter"] in FREE_ADAPTERS


@dataclass(frozen=True)
class Forecast:
    """What is missing of one plan, and what it would take."""

    plan: Plan
    kept: int
    missing: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None
    time_s: float
    measured: (
        bool  # whether kept answers of the same plan tell tokens and latency; else they are assumed
    )


def write_forecast(plans: Sequence[Plan], store: Store, budget: Budget, dataset: str) -> str:
    """The forecast as Markdown: one row a plan, the sum, and what of the budget would be left."""
    asked: set[str] = set()
    forecasts = [forecast(plan, store, asked) for plan in plans]
    lines = [
        f"# Forecast: {dataset}",
        "",
        "What asking for the missing answers would take. Nobody was asked to make this page.",
        "",
        "| method | service | model | answers | kept | missing | tokens in | tokens out | USD | time |",
        "|---|---|---|---:|---:|---:|---:|---:|---:|---:|",
        *(_row(one) for one in forecasts),
        "",
    ]
    if not plans:
        lines += ["No method of the configuration asks a service.", ""]
    paid = [one for one in forecasts if not one.plan.is_simulated]
    missing = sum(one.missing for one in paid)
    costs = [one.cost_usd for one in paid if one.missing and one.cost_usd is not None]
    unpriced = any(one.missing and one.cost_usd is None for one in paid)
    simulated = sum(one.missing for one in forecasts) - missing
    lines.append(
        f"In all {missing} answers are missing"
        + (f", for about {sum(costs):.4f} USD" if costs else "")
        + (" and what has no price" if costs and unpriced else "")
        + (f"; besides {simulated} simulated ones, which are free." if simulated else ".")
    )
    if missing and store.offline:
        lines.append(
            "`store.offline` is true: they would not be asked for, the run would end with an error."
        )
    if any(one.missing and not one.measured for one in forecasts):
        lines += [
            "",
            f"Where no answer is kept yet, tokens are estimated from the text's length, answers are taken to be as long as `max_tokens` "
            f"allows, and each to take {ASSUMED_LATENCY_S:g} s; after some answers their means are used.",
        ]
    lines += ["", *_budget_lines(budget, forecasts)]
    return "\n".join(lines).rstrip() + "\n"


def forecast(plan: Plan, store: Store, asked: set[str]) -> Forecast:
    """What is missing of `plan`; keys in `asked` are planned already, and this plan's are added."""
    requests = {request_key(request): request for request in plan.requests}
    kept = {
        key: entry for key, request in requests.items() if (entry := store.get(request)) is not None
    }
    missing = [request for key, request in requests.items() if key not in kept and key not in asked]
    asked |= set(requests)
    prompt_ratio, answer_tokens, latency_s = _observed(kept.values())
    guessed = [_tokens(request) for request in missing]
    prompt_tokens = round(sum(prompt for prompt, _ in guessed) * (prompt_ratio or 1.0))
    completion_tokens = (
        round(len(missing) * answer_tokens)
        if answer_tokens is not None
        else sum(answer for _, answer in guessed)
    )
    n_requests = math.ceil(len(missing) / plan.batch_size)
    return Forecast(
        plan,
        len(kept),
        len(missing),
        prompt_tokens,
        completion_tokens,
        plan.service.cost_usd(prompt_tokens, completion_tokens),
        _time_s(plan.service, n_requests, prompt_tokens + completion_tokens, latency_s),
        measured=bool(kept),
    )


def _tokens(request: Mapping[str, Any]) -> tuple[int, int]:
    """Estimated tokens in, and at most out."""
    body = request["body"]
    if "messages" in body:
        answer_tokens = body.get("max_tokens", 1024)
        return estimate(request).tokens - answer_tokens, answer_tokens
    return math.ceil(len(body["input"].encode("utf-8", "replace")) / 3.5) + 2, 0


def _observed(entries: Any) -> tuple[float | None, float | None, float | None]:
    """Of kept answers: true tokens in by estimated ones, mean tokens out, mean latency; None where they do not tell."""
    told: list[Entry] = [
        entry for entry in entries if entry.usage and entry.usage.get("prompt_tokens")
    ]
    latencies = [entry.latency_s for entry in entries if entry.latency_s is not None]
    latency_s = sum(latencies) / len(latencies) if latencies else None
    if not told:
        return None, None, latency_s
    usages = [entry.usage or {} for entry in told]
    ratio = sum(usage["prompt_tokens"] for usage in usages) / sum(
        _tokens(entry.request)[0] for entry in told
    )
    return ratio, sum(usage.get("completion_tokens", 0) for usage in usages) / len(told), latency_s


def _time_s(service: Service, n_requests: int, tokens: int, latency_s: float | None) -> float:
    """Seconds at the configured pace: the slowest of concurrency, requests a minute and tokens a minute."""
    by_latency = (
        n_requests * (ASSUMED_LATENCY_S if latency_s is None else latency_s) / service.concurrency
    )
    by_requests = (
        60.0 * n_requests / service.requests_per_minute if service.requests_per_minute else 0.0
    )
    by_tokens = 60.0 * tokens / service.tokens_per_minute if service.tokens_per_minute else 0.0
    return max(by_latency, by_requests, by_tokens)


def _row(one: Forecast) -> str:
    plan = one.plan
    cost = (
        "free"
        if plan.is_simulated
        else "no price"
        if one.cost_usd is None
        else f"{one.cost_usd:.4f}"
    )
    if not one.missing:
        cost, time = "0", "0 s"
    else:
        time = (
            f"{one.time_s / 3600:.1f} h"
            if one.time_s >= 5400
            else f"{one.time_s / 60:.0f} min"
            if one.time_s >= 90
            else f"{one.time_s:.0f} s"
        )
    total = one.kept + one.missing
    return (
        f"| {plan.method} | {plan.service.name} | {plan.model} | {total} | {one.kept} | {one.missing} "
        f"| {one.prompt_tokens} | {one.completion_tokens} | {cost} | {time} |"
    )


def _budget_lines(budget: Budget, forecasts: Sequence[Forecast]) -> list[str]:
    """One line a limit: used, needed, and whether it holds."""
    counted = [one for one in forecasts if not one.plan.is_simulated]
    needed = {
        "requests": float(sum(math.ceil(one.missing / one.plan.batch_size) for one in counted)),
        "tokens": float(sum(one.prompt_tokens + one.completion_tokens for one in counted)),
        "usd": sum(one.cost_usd or 0.0 for one in counted),
    }
    lines = []
    for name, need in needed.items():
        limit = getattr(budget, name)
        if limit is not None:
            used = getattr(budget.spent, name)
            verdict = (
                "enough"
                if used + need <= limit
                else "NOT enough: asking would stop before it is crossed"
            )
            lines.append(
                f"- `budget.{name}`: {limit:g}; used so far {used:g}; needed {need:g}: {verdict}"
            )
    return ["Budget:", "", *lines] if lines else ["No budget is set."]
