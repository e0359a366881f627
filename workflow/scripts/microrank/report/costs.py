"""Repairs, tokens and money of the language models' answers."""

from typing import Any

from microrank.report.blocks import Table, literal
from microrank.report.study import Study

COUNTED = ("answers", "repaired", "fallback_candidates")  # not kinds of repair


def answers_table(study: Study, asked: list[str]) -> Table:
    """A row for each quantity, a column for each method: repairs by kind, served models, tokens, dollars, dollars an extra hit."""
    found = [study.diagnostics["methods"][name] for name in asked]
    repairs = [one.get("repairs", {}) for one in found]
    kinds = sorted({kind for one in repairs for kind in one} - set(COUNTED))
    rows = [
        ["answers", *(f"{one.get('answers', 0):,}" for one in repairs)],
        ["answers that needed a repair", *(_with_share(one) for one in repairs)],
        ["candidates placed by fallback", *(f"{one.get('fallback_candidates', 0):,}" for one in repairs)],
        *([f"– {kind.replace('_', ' ')}", *(f"{one.get(kind, 0):,}" for one in repairs)] for kind in kinds),
        ["served model", *(", ".join(map(literal, one.get("served_models", []))) or "–" for one in found)],
        ["prompt tokens", *(f"{one.get('prompt_tokens', 0):,}" for one in found)],
        ["completion tokens", *(f"{one.get('completion_tokens', 0):,}" for one in found)],
        ["US dollars", *(_money(dollars(study, name)) for name in asked)],
        [f"US dollars an extra hit at {study.main_cutoffs[-1]}", *(_per_extra_hit(study, name) for name in asked)],
    ]
    caption = (
        "Repairs are counted by kind: foreign and repeated numbers are dropped, missing candidates follow in the recommender's order "
        "(fallback)."
    )
    return Table(["", *(study.label(name) for name in asked)], rows, caption)


def _with_share(repairs: dict[str, int]) -> str:
    answers, repaired = repairs.get("answers", 0), repairs.get("repaired", 0)
    return f"{repaired:,} ({repaired / answers:.0%})" if answers else "–"


def dollars(study: Study, method: str) -> float | None:
    """What the method's answers cost at the config's price, None where there is none."""
    price: dict[str, Any] | None = study.settings["llms"][study.settings["rerankers"][method]["llm"]].get("price")
    found = study.diagnostics["methods"][method]
    if price is None or "prompt_tokens" not in found:
        return None
    return float(found["prompt_tokens"] * price["input"] + found["completion_tokens"] * price["output"]) / 1e6


def _money(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _per_extra_hit(study: Study, method: str) -> str:
    extra, cost = study.row(method, "hits", study.main_cutoffs[-1])["delta"], dollars(study, method)
    return "–" if cost is None else f"{cost / extra:.4f}" if extra > 0 else "no extra hit"
