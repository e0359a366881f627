"""Repairs, tokens and money of the language models' answers."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

from microrank.evaluation.diagnostics import Asked, Usage
from microrank.report.blocks import Table, literal
from microrank.report.numbers import percent_signed
from microrank.report.study import Study
from microrank.services.price import Price

NOTHING, UNKNOWN = "–", "unknown"
Part = Literal["subset", "tuning"]
SHARES = (  # rows of the table, and fields of `AnswerCounts`
    ("answers that name no candidate", "unread"),
    ("– of them ambiguous", "ambiguous"),
    ("– of them refused", "refused"),
    ("answers that name some candidates", "partly_read"),
    ("answers that were cut", "cut"),
    ("answers that are the order shown", "order_shown"),
    ("– or nearly so (τ ≥ 0.95)", "near_order_shown"),
)

TOKENS = (  # rows of the table, and fields of `Usage`; details are shown where there are any
    ("prompt tokens", "prompt_tokens"),
    ("– of them cached by the service", "cached_tokens"),
    ("completion tokens", "completion_tokens"),
    ("– of them reasoning", "reasoning_tokens"),
)


def answers_table(study: Study) -> Table:
    """Show repairs, served models, tokens and dollars of each method that asked a model.

    A row is a quantity; a column a method, or a part of a fusion. Tokens and dollars of tuning
    users have rows of their own. What a server did not tell is unknown, never 0.
    """
    asked = study.diagnostics.asked
    kinds = sorted({kind for of_method in asked.values() for kind in of_method.repairs.kinds})

    def row(name: str, cell: Callable[[Asked], str]) -> list[str]:
        return [name, *map(cell, asked.values())]

    rows = [
        row("answers", lambda of: f"{of.repairs.answers:,}"),
        *(row(name, partial(_share, field)) for name, field in SHARES),
        row("prompts that the server probably cut", _prompts_cut),
        row("answers that needed a repair", _repaired),
        row("candidates placed by fallback", lambda of: f"{of.repairs.fallback_candidates:,}"),
        *(row(f"– {kind.replace('_', ' ')}", partial(_repairs_of, kind)) for kind in kinds),
        row("served model", lambda of: ", ".join(map(literal, of.subset.served_models)) or NOTHING),
        *_usage_rows(study, "subset"),
        [
            f"US dollars an extra hit (Hits@{study.last_cutoff})",
            *(_dollars_an_extra_hit(study, name) for name in asked),
        ],
    ]
    if any(of_method.tuning for of_method in asked.values()):
        rows += [
            row("tuning: answers", lambda of: f"{of.tuning.answers:,}" if of.tuning else NOTHING),
            *_usage_rows(study, "tuning", "tuning: "),
        ]
    return Table(["", *(study.label(name) for name in asked)], rows, _caption(study))


def _caption(study: Study) -> str:
    """Explain the rows, and only what this table has."""
    asked = study.diagnostics.asked.values()
    usages = [usage for of in asked for usage in (of.subset, of.tuning) if usage]
    sentences = [
        "Repairs are counted by kind: foreign and repeated numbers are dropped, missing candidates "
        "follow in the recommender's order (fallback).",
    ]
    if len(asked) > 1:
        sentences.append("An answer that two methods share is asked for, and paid for, once.")
    if any(of.tuning for of in asked):
        sentences.append(
            "Tuning: what was asked about the users on whom fusions chose their number."
        )
    if any(usage.expected for usage in usages):
        sentences.append(
            "Forecast: what was expected of these answers before the first was asked for, and "
            "in brackets by how much it is above what they took."
        )
    days = sorted({price.as_of for price in _prices(study) if price.as_of})
    sentences += [f"Prices as of {day}." for day in days]
    if any(usage.without_usage for usage in usages):
        sentences.append(
            f"{UNKNOWN}, or ≥: the server did not count the tokens of all, or some, answers."
        )
    return " ".join(sentences)


def _prices(study: Study) -> list[Price]:
    prices = (price_of(study, method) for method in study.diagnostics.asked)
    return [price for price in prices if price]


def _share(field: str, asked: Asked) -> str:
    counts = asked.counts
    return f"{getattr(counts, field):,} ({counts.share(field):.0%})" if counts.answers else NOTHING


def _prompts_cut(asked: Asked) -> str:
    return f"{asked.prompts_cut:,}"


def _repairs_of(kind: str, asked: Asked) -> str:
    return f"{asked.repairs.kinds.get(kind, 0):,}"


def _repaired(asked: Asked) -> str:
    answers, repaired = asked.repairs.answers, asked.repairs.repaired
    return f"{repaired:,} ({repaired / answers:.0%})" if answers else NOTHING


def _usage(study: Study, method: str, part: Part) -> Usage | None:
    asked = study.diagnostics.asked[method]
    return asked.subset if part == "subset" else asked.tuning


def _usage_rows(study: Study, part: Part, prefix: str = "") -> list[list[str]]:
    usages = {name: _usage(study, name, part) for name in study.diagnostics.asked}

    def row(name: str, field: str) -> list[str]:
        counts = [
            _at_least(usage, "{:,}", getattr(usage, field, None)) for usage in usages.values()
        ]
        return [f"{prefix}{name}", *counts]

    money = [_at_least(of, "{:.4f}", dollars(study, name, part)) for name, of in usages.items()]
    forecasts = _forecast_rows(study, usages, prefix)
    has = {field: any(getattr(of, field, 0) for of in usages.values()) for _, field in TOKENS}
    rows = [row(name, field) for name, field in TOKENS if has[field] or not name.startswith("–")]
    return [*rows, [f"{prefix}US dollars", *money], *forecasts]


def _forecast_rows(
    study: Study, usages: Mapping[str, Usage | None], prefix: str
) -> list[list[str]]:
    """Show what was expected before the first answer, and by how much it was wrong."""
    if not any(of and of.expected for of in usages.values()):
        return []

    def tokens(of: Usage | None, field: str) -> str:
        if of is None or of.expected is None:
            return NOTHING
        return _with_error("{:,.0f}", of.expected[field], getattr(of, field))

    def money(method: str, of: Usage | None) -> str:
        price = price_of(study, method)
        expected = of.expected_dollars(price) if of and price else None
        if of is None or price is None or expected is None:
            return NOTHING
        return _with_error("{:.4f}", expected, of.dollars(price))

    return [
        *(
            [f"{prefix}forecast: {name}", *(tokens(of, field) for of in usages.values())]
            for name, field in (TOKENS[0], TOKENS[2])
        ),
        [f"{prefix}forecast: US dollars", *(money(name, of) for name, of in usages.items())],
    ]


def _with_error(form: str, expected: float, true: float) -> str:
    """Show a forecast, and by how much of the truth it is too high."""
    error = f" ({percent_signed(expected / true - 1)})" if true else ""
    return form.format(expected) + error


def _at_least(usage: Usage | None, form: str, value: float | None) -> str:
    """Return the value, marked where servers did not tell the tokens of all answers."""
    if usage is None or value is None:
        return NOTHING
    if usage.without_usage == usage.answers:
        return UNKNOWN
    return ("≥ " if usage.without_usage else "") + form.format(value)


def dollars(study: Study, method: str, part: Part = "subset") -> float | None:
    """Return what a method's answers cost at the config's price, as far as servers told the tokens.

    Returns:
        None where the config has no price, or nothing was asked.
    """
    price, usage = price_of(study, method), _usage(study, method, part)
    if price is None or usage is None:
        return None
    return usage.dollars(price)


def price_of(study: Study, method: str) -> Price | None:
    """Return the config's price of the model that a method asks; None where it has none."""
    llm = study.methods[method].settings["llm"]
    price: Mapping[str, Any] | None = study.settings["llms"][llm].get("price")
    return Price(**price) if price else None


def _dollars_an_extra_hit(study: Study, method: str) -> str:
    cost = dollars(study, method)
    if cost is None or method not in study.names:
        return NOTHING
    extra_hits = study.hits(method).delta
    if not extra_hits or extra_hits < 0:
        return "no extra hit"
    return _at_least(study.diagnostics.asked[method].subset, "{:.4f}", cost / extra_hits)
