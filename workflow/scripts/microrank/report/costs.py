"""Repairs, tokens and money of the language models' answers."""

from collections.abc import Mapping
from typing import Any

from microrank.report.blocks import Table, literal
from microrank.report.study import Study

COUNTED = ("answers", "repaired", "fallback_candidates")  # not kinds of repair
NOTHING, UNKNOWN = "–", "unknown"
Usage = Mapping[str, Any]


def answers_table(study: Study) -> Table:
    """A row for each quantity, a column for each method, or part of a fusion, that asked a model.

    Repairs by kind, served models, tokens, dollars, dollars an extra hit; tokens and dollars of the users on whom fusions were tuned too.
    What a server did not tell is unknown, never 0.
    """
    asked = study.diagnostics["asked"]
    repairs = [one["repairs"] for one in asked.values()]
    kinds = sorted({kind for one in repairs for kind in one} - set(COUNTED))
    rows = [
        ["answers", *(f"{one.get('answers', 0):,}" for one in repairs)],
        ["answers that needed a repair", *(_with_share(one) for one in repairs)],
        [
            "candidates placed by fallback",
            *(f"{one.get('fallback_candidates', 0):,}" for one in repairs),
        ],
        *(
            [f"– {kind.replace('_', ' ')}", *(f"{one.get(kind, 0):,}" for one in repairs)]
            for kind in kinds
        ),
        [
            "served model",
            *(
                ", ".join(map(literal, one["subset"]["served_models"])) or NOTHING
                for one in asked.values()
            ),
        ],
        *_usage_rows(study, "subset", ""),
        [
            f"US dollars an extra hit at {study.main_cutoffs[-1]}",
            *(_per_extra_hit(study, name) for name in asked),
        ],
        *(
            _usage_rows(study, "tuning", "tuning: ")
            if any("tuning" in one for one in asked.values())
            else []
        ),
    ]
    caption = (
        "Repairs are counted by kind: foreign and repeated numbers are dropped, missing candidates follow in the recommender's order "
        "(fallback). An answer that two methods share is asked for, and paid for, once. Tuning: what was asked about the users on whom "
        f"fusions chose their number. {UNKNOWN}, or ≥: the server did not count the tokens of all, or some, answers."
    )
    return Table(["", *(study.label(name) for name in asked)], rows, caption)


def _usage_rows(study: Study, part: str, prefix: str) -> list[list[str]]:
    asked: Mapping[str, Mapping[str, Usage]] = study.diagnostics["asked"]
    tokens = [
        [
            f"{prefix}{name.replace('_', ' ')}",
            *(
                _at_least(one.get(part), "{:,}", one.get(part, {}).get(name))
                for one in asked.values()
            ),
        ]
        for name in ("prompt_tokens", "completion_tokens")
    ]
    money = [
        _at_least(one.get(part), "{:.4f}", dollars(study, name, part))
        for name, one in asked.items()
    ]
    answers = (
        [
            [
                f"{prefix}answers",
                *(
                    f"{one[part]['answers']:,}" if part in one else NOTHING
                    for one in asked.values()
                ),
            ]
        ]
        if prefix
        else []
    )
    return [*answers, *tokens, [f"{prefix}US dollars", *money]]


def _at_least(usage: Usage | None, form: str, value: float | None) -> str:
    """The value, as far as servers told it."""
    if usage is None or value is None:
        return NOTHING
    if usage["without_usage"] == usage["answers"]:
        return UNKNOWN
    return ("≥ " if usage["without_usage"] else "") + form.format(value)


def _with_share(repairs: Mapping[str, int]) -> str:
    answers, repaired = repairs.get("answers", 0), repairs.get("repaired", 0)
    return f"{repaired:,} ({repaired / answers:.0%})" if answers else NOTHING


def dollars(study: Study, method: str, part: str = "subset") -> float | None:
    """What the method's answers about the subset, or for `tuning`, cost at the config's price, as far as servers told; None without one."""
    price: Mapping[str, float] | None = study.settings["llms"][
        study.settings["rerankers"][method]["llm"]
    ].get("price")
    usage = study.diagnostics["asked"][method].get(part)
    if price is None or usage is None:
        return None
    return (
        float(
            usage["prompt_tokens"] * price["input"] + usage["completion_tokens"] * price["output"]
        )
        / 1e6
    )


def _per_extra_hit(study: Study, method: str) -> str:
    cost = dollars(study, method)
    if cost is None or method not in study.methods:
        return NOTHING
    extra = study.row(method, "hits", study.main_cutoffs[-1])["delta"]
    return (
        _at_least(study.diagnostics["asked"][method]["subset"], "{:.4f}", cost / extra)
        if extra > 0
        else "no extra hit"
    )
