"""The vectors in an embedding service's answer, checked."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from microrank.services.failures import Malformed


class Vectors(NamedTuple):
    """vectors: `[n_texts, d]`, float32. tokens: that the service counted."""

    vectors: np.ndarray
    tokens: int
    served_model: str | None


def read_embeddings(body: str, n_texts: int, token_pooling: str = "mean") -> Vectors:
    """Read vectors from an answer of any shape: OpenAI's `data`, or lists of vectors or of tokens.

    Args:
        body: the reply's body.
        n_texts: how many texts were sent.
        token_pooling: `mean` or `first`, where each text has a vector for each token.

    Raises:
        Malformed: not so many vectors, or of several lengths, or one not finite or all zero.
    """
    try:
        answer = json.loads(body)
    except ValueError:
        raise Malformed(f"no JSON but {body.strip()[:40]!r}") from None
    tokens, served = 0, None
    if isinstance(answer, dict):
        if answer.get("error"):
            raise Malformed(f"an error in a 200: {json.dumps(answer['error'])[:160]}")
        usage = answer.get("usage")
        tokens = _tokens(usage) if isinstance(usage, dict) else 0
        served = answer["model"] if isinstance(answer.get("model"), str) else None
        answer = list(_in_order(answer.get("data"), n_texts))
    if not isinstance(answer, list) or len(answer) != n_texts:
        came = f"{len(answer)} vectors" if isinstance(answer, list) else "no list"
        raise Malformed(f"{came} for {n_texts} texts")
    try:
        vectors = np.stack(
            [_pooled(np.asarray(vector, dtype=np.float64), token_pooling) for vector in answer]
        )
    except (ValueError, TypeError):
        raise Malformed("vectors that are no numbers or of different lengths") from None
    with np.errstate(over="ignore"):
        vectors = vectors.astype(np.float32)
    if vectors.shape[1] < 2 or not np.isfinite(vectors).all() or not vectors.any(axis=1).all():
        raise Malformed("vectors that are not finite, all zero or empty")
    return Vectors(vectors, tokens, served)


def _tokens(usage: dict[str, Any]) -> int:
    count = usage.get("prompt_tokens", usage.get("total_tokens"))
    return count if isinstance(count, int) and 0 <= count < 2**31 else 0


def _in_order(data: Any, n_texts: int) -> Iterator[Any]:
    """The embeddings of OpenAI's shape by their `index`."""
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise Malformed("no list `data` in it")
    by_index = {
        str(row.get("index", position)): row.get("embedding") for position, row in enumerate(data)
    }
    if len(data) != n_texts or set(by_index) != {str(index) for index in range(n_texts)}:
        raise Malformed(f"{len(data)} vectors for {n_texts} texts, or wrong indices")
    return (by_index[str(index)] for index in range(n_texts))


def _pooled(vector: np.ndarray, token_pooling: str) -> np.ndarray:
    """One vector of [d], [tokens, d] or [1, tokens, d]."""
    if vector.ndim == 3 and vector.shape[0] == 1:
        vector = vector[0]
    if vector.ndim == 2:
        vector = vector[0] if token_pooling == "first" else vector.mean(axis=0)
    if vector.ndim != 1:
        raise ValueError("not a vector")
    return vector
