"""Scores in the answers of `/rerank` services, checked: one finite number for each document.

The shapes are those that the services publish: `results` (Cohere, vLLM, llama.cpp's server, Jina)
or `data` (Voyage) with `relevance_score`, or a bare list with `score`
(text-embeddings-inference). Services sort by score, so each score is placed by its `index`.
"""

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from microrank.services.completion import Completion, served_model
from microrank.services.failures import Malformed
from microrank.services.usage import Usage

LISTS = ("results", "data")  # names of the list of scores, in an answer that is an object
SCORES = ("relevance_score", "score")  # names of a score
PAID_TRIES = 2  # of answers that a server charges for, and would probably give again


def read_reranked(body: str, n_documents: int) -> Completion:
    """Read an answer of which only the scores count; its text stays empty.

    Args:
        body: The reply's body.
        n_documents: How many documents were sent.

    Raises:
        Malformed: It does not have one score for each document.
    """
    rerank_scores(body, n_documents)
    answer = json.loads(body)
    about = answer if isinstance(answer, dict) else {}
    return Completion("", "stop", served_model(about), _usage(about))


def rerank_scores(body: str, n_documents: int) -> list[float]:
    """The documents' scores, in the order in which they were sent; larger is better.

    Args:
        body: The reply's body.
        n_documents: How many documents were sent.

    Raises:
        Malformed: A score is missing, stands twice or is no finite number.
    """
    rows = _rows(body)
    scores: dict[int, float] = {}
    for row in rows:
        index, score = _index(row, n_documents), _score(row)
        if index in scores:
            raise Malformed(f"two scores for document {index}", PAID_TRIES)
        scores[index] = score
    if len(scores) != n_documents:
        raise Malformed(f"{len(scores)} scores for {n_documents} documents", PAID_TRIES)
    return [scores[index] for index in range(n_documents)]


def _rows(body: str) -> list[Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed(f"no JSON but {body.strip()[:40]!r}") from None
    if isinstance(answer, dict):
        if answer.get("error"):
            raise Malformed(f"an error in a 200: {json.dumps(answer['error'])[:160]}")
        answer = next((answer[name] for name in LISTS if name in answer), None)
    if not isinstance(answer, list):
        raise Malformed("no list of scores in it: is this a rerank service?")
    return answer


def _index(row: Any, n_documents: int) -> int:
    index = row.get("index") if isinstance(row, dict) else None
    if isinstance(index, int) and not isinstance(index, bool) and 0 <= index < n_documents:
        return index
    raise Malformed(f"a score of document {index!r:.40}, which was not sent", PAID_TRIES)


def _score(row: Mapping[str, Any]) -> float:
    score = next((row[name] for name in SCORES if name in row), None)
    if isinstance(score, int | float) and not isinstance(score, bool):
        with suppress(OverflowError):  # a whole number beyond all floats
            if math.isfinite(number := float(score)):
                return number
    raise Malformed(f"a score that is no finite number: {score!r:.40}", PAID_TRIES)


def _usage(answer: Mapping[str, Any]) -> Usage:
    """The tokens in; some services say nothing but their sum, which has no others."""
    usage, meta = answer.get("usage"), answer.get("meta")
    told = dict(usage) if isinstance(usage, dict) else {}
    tokens = meta.get("tokens") if isinstance(meta, dict) else None
    if isinstance(tokens, dict):  # Cohere
        told.setdefault("prompt_tokens", tokens.get("input_tokens"))
    told.setdefault("prompt_tokens", told.get("total_tokens"))
    return Usage.from_answer({"usage": told | {"completion_tokens": 0}}) if told else Usage()
