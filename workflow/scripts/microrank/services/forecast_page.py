"""The page results/forecast.md: a row a method, the sum, and whether the budget is enough."""

from collections.abc import Sequence

from microrank.services.budget import Budget
from microrank.services.durations import duration
from microrank.services.expectation import PREFLIGHT, TEXTS
from microrank.services.forecast import ASSUMED_LATENCY_S, Forecast, forecast
from microrank.services.planned_requests import PlannedRequests
from microrank.services.settings import BATCH
from microrank.services.store import Store
from microrank.services.tokens import ANSWER_TOKENS

HEAD = """\
# Forecast: {dataset}

{first_line}What asking for the missing answers would take. Nobody was asked to make this page.

| method | service | model | answers | kept | missing | tokens in | tokens out | USD | time |
|---|---|---|---:|---:|---:|---:|---:|---:|---:|"""
ASSUMED = (
    "Where no answer is kept yet, tokens are estimated from the text's length, and answers are "
    "taken to be as long as `max_tokens` allows ({answer_tokens} tokens where it is null); after a "
    "preflight or some answers, what these took is used."
)
PREFLIGHT_TOLD = "Tokens of {methods}: by the question of the preflight."
ASSUMED_TIME = "Where no answer is kept yet, each is taken to last {latency_s:g} s."
IN_BATCHES = "In batches the time is that within which the service is to answer."
IN_TURN = (
    "`{method}` asks in turn, and answers decide how many questions there are: {expected:,} are "
    "missing if they follow a random order of the candidates, {most:,} at most."
)
OFFLINE = "`store.offline` is true: they would not be asked for, the run would end with an error."
UNKNOWN = (
    "How long a model in this process takes is unknown before its first answers: ask about a few "
    "users, and look again."
)


def forecast_page(
    plans: Sequence[PlannedRequests],
    store: Store,
    budget: Budget,
    dataset: str,
    *,
    first_line: str = "",
    section: Sequence[str] = (),
) -> str:
    """Forecast each method, and put it into Markdown.

    Args:
        plans: what each method would ask.
        store: the answers that are kept.
        budget: the ceilings.
        dataset: its name.
        first_line: what stands before all else.
        section: lines that follow the rows and the sum.
    """
    asked: set[str] = set()
    forecasts = [forecast(plan, store, asked) for plan in plans]
    paid = [row for row in forecasts if not row.plan.is_free]
    start = f"{first_line}\n\n" if first_line else ""
    lines = [HEAD.format(dataset=dataset, first_line=start), *map(_row, forecasts), ""]
    if not plans:
        lines += ["No method of the configuration asks a service.", ""]
    lines.append(_sum(forecasts, paid))
    if store.offline and any(row.missing for row in paid):
        lines.append(OFFLINE)
    if any(row.missing and row.time_s is None for row in forecasts):
        lines += ["", UNKNOWN]
    lines += _in_turn(forecasts)
    lines += _assumptions([row for row in forecasts if row.missing and not row.plan.is_local])
    lines += ["", *_budget_lines(budget, paid), "", *section]
    return "\n".join(lines).rstrip() + "\n"


def _in_turn(rows: Sequence[Forecast]) -> list[str]:
    """Say the expected and the worst number of questions that are asked in turn."""
    sentences = [
        IN_TURN.format(method=row.plan.method, expected=row.missing, most=row.most_missing)
        for row in rows
        if row.plan.most is not None and row.missing
    ]
    return ["", " ".join(sentences)] if sentences else []


def _assumptions(rows: Sequence[Forecast]) -> list[str]:
    """Say what is not known of missing answers of services."""
    by_preflight = [row.plan.method for row in rows if row.source == PREFLIGHT]
    in_batches = [row.plan.service.mode == BATCH for row in rows]
    is_slow = [not row.measured and row.plan.service.mode != BATCH for row in rows]
    told = [
        (any(row.source == TEXTS for row in rows), ASSUMED.format(answer_tokens=ANSWER_TOKENS)),
        (by_preflight, PREFLIGHT_TOLD.format(methods=", ".join(by_preflight))),
        (any(is_slow), ASSUMED_TIME.format(latency_s=ASSUMED_LATENCY_S)),
        (any(in_batches), IN_BATCHES),
    ]
    sentences = [sentence for is_so, sentence in told if is_so]
    return ["", " ".join(sentences)] if sentences else []


def _row(row: Forecast) -> str:
    cells = [
        row.plan.method,
        row.plan.service.name,
        row.plan.model,
        row.kept + row.missing,
        row.kept,
        row.missing,
        row.prompt_tokens,
        row.completion_tokens,
        _cost(row),
        _time(row),
    ]
    return f"| {' | '.join(map(str, cells))} |"


def _cost(row: Forecast) -> str:
    if not row.missing:
        return "0"
    if row.plan.is_free:
        return "free"
    return "no price" if row.cost_usd is None else f"{row.cost_usd:.4f}"


def _time(row: Forecast) -> str:
    if not row.missing:
        return "0 s"
    return "unknown" if row.time_s is None else duration(row.time_s)


def _sum(forecasts: Sequence[Forecast], paid: Sequence[Forecast]) -> str:
    missing = sum(row.missing for row in paid)
    costs = [row.cost_usd for row in paid if row.missing and row.cost_usd is not None]
    unpriced = any(row.missing and row.cost_usd is None for row in paid)
    local = sum(row.missing for row in forecasts if row.plan.is_local)
    simulated = sum(row.missing for row in forecasts) - missing - local
    line = f"In all {missing} answers are missing"
    if costs:
        most = sum(row.most_usd or 0.0 for row in paid if row.missing)
        line += f", for about {sum(costs):.4f} USD (at most {most:.4f}"
        line += ", but for answers without max_tokens)" if _unbounded(paid) else ")"
    if costs and unpriced:
        line += " and what has no price"
    if simulated:
        line += f"; besides {simulated} simulated ones, which are free"
    if local:
        line += f"; besides {local} of models on this machine"
    return f"{line}."


def _unbounded(paid: Sequence[Forecast]) -> list[str]:
    """The methods with missing answers that may take any number of tokens."""
    return [row.plan.method for row in paid if row.missing and row.is_unbounded]


def _budget_lines(budget: Budget, paid: Sequence[Forecast]) -> list[str]:
    """One line a limit: used, needed, and whether it is enough."""
    needed: dict[str, float] = {
        "requests": sum(row.n_requests for row in paid),
        "tokens": sum(row.prompt_tokens + row.completion_tokens for row in paid),
        "usd": sum(row.cost_usd or 0.0 for row in paid),
    }
    most: dict[str, float | None] = {
        "requests": sum(row.n_requests + row.most_missing - row.missing for row in paid),
        "tokens": sum(row.most.tokens for row in paid),
        "usd": sum(row.most_usd or 0.0 for row in paid),
    }
    if _unbounded(paid):
        most |= {"tokens": None, "usd": None}
    lines = []
    for name, need in needed.items():
        limit, used = getattr(budget, name), getattr(budget.spent, name)
        if limit is None:
            continue
        verdict = _verdict(limit - used, need, most[name])
        lines.append(
            f"- `budget.{name}`: {limit:g}; used so far {used:g}; needed {need:g}: {verdict}"
        )
    return ["Budget:", "", *lines] if lines else ["No budget is set."]


def _verdict(left: float, need: float, most: float | None) -> str:
    """Whether what is left of a limit is enough, also if answers are as long as they may be."""
    if most is None:
        return "NOT enough: answers without max_tokens are not asked for under this limit"
    if need > left:
        return "NOT enough: asking would stop before it is crossed"
    if most > left:
        return f"probably enough; NOT, if answers are as long as they may be ({most:g})"
    return "enough"
