"""Tokens that language models' answers took."""

import pyarrow as pa

from microrank.evaluation.diagnostics import Usage

DETAILS = ("cached_tokens", "reasoning_tokens")
COLUMNS = ["request_key", "served_model", "prompt_tokens", "completion_tokens", *DETAILS]


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
    return Usage(
        answers=len(answers),
        without_usage=len(answers) - len(counted),
        prompt_tokens=sum(row["prompt_tokens"] for row in counted),
        completion_tokens=sum(row["completion_tokens"] for row in counted),
        served_models=sorted({row["served_model"] for row in answers if row["served_model"]}),
        **{name: sum(row[name] or 0 for row in counted) for name in DETAILS},
    )
