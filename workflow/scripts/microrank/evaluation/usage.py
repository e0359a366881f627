"""Tokens that language models' answers took."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from microrank.evaluation.diagnostics import PRICED, Usage

DETAILS = ("cached_tokens", "reasoning_tokens")
EXPECTED = tuple(f"expected_{name}" for name in PRICED)
COLUMNS = ["request_key", "served_model", "prompt_tokens", "completion_tokens", *DETAILS]
COLUMNS += ["in_batch", *EXPECTED]


def usage_of(responses: pa.Table) -> Usage:
    """Sum up who answered and the tokens that it took.

    Args:
        responses: Table RESPONSES. Rows with the same request key are one answer.
    """
    by_key = {row["request_key"]: row for row in responses.select(COLUMNS).to_pylist()}
    answers = list(by_key.values())
    counted = [
        row
        for row in answers
        if row["prompt_tokens"] is not None and row["completion_tokens"] is not None
    ]
    in_batch = [row for row in counted if row["in_batch"]]
    is_expected = counted and all(row[EXPECTED[0]] is not None for row in counted)
    return Usage(
        answers=len(answers),
        without_usage=len(answers) - len(counted),
        prompt_tokens=sum(row["prompt_tokens"] for row in counted),
        completion_tokens=sum(row["completion_tokens"] for row in counted),
        served_models=sorted({row["served_model"] for row in answers if row["served_model"]}),
        **{name: sum(row[name] or 0 for row in counted) for name in DETAILS},
        in_batch=_sums(in_batch, PRICED),
        expected=_sums(counted, EXPECTED) if is_expected else None,
        expected_in_batch=_sums(in_batch, EXPECTED) if is_expected else {},
    )


def _sums(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> dict[str, float]:
    """The sums of these columns, under the names of what is priced; nothing of no rows."""
    if not rows:
        return {}
    return {
        name: sum(row[column] or 0 for row in rows)
        for name, column in zip(PRICED, columns, strict=True)
    }
