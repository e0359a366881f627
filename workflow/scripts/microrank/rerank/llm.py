"""Re-ranking by a language model's answers, one or several a user."""

from collections import Counter
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from microrank import tables
from microrank.errors import StudyError
from microrank.llm.parse import parse_answer

RRF_K = 60  # Cormack, Clarke & Büttcher, Reciprocal rank fusion, SIGIR 2009
AGGREGATES = ("borda", "reciprocal")


class Reranked(NamedTuple):
    """rankings: table RANKINGS. repairs: `answers`, `repaired` (answers that needed any repair), and each kind's count."""

    rankings: pa.Table
    repairs: dict[str, int]


def rerank_llm(subset: pa.Table, responses: pa.Table, answer: str, aggregate: str = "borda") -> Reranked:
    """Read every answer and put the user's candidates into its order; several passes are aggregated.

    A candidate that no pass named keeps the recommender's order behind the others and is marked `fallback`. Ties keep that order too.

    Args:
        subset: table SUBSET; its ground truth is not looked at. responses: table RESPONSES.
        answer: how the prompt asks for candidates (`ids` or `numbers`).
        aggregate: `borda` sums ranks, `reciprocal` sums 1/(60 + rank).

    Raises:
        StudyError: a user has no answer.
    """
    answers: dict[int, list[dict]] = {}
    for row in responses.select(["user_id", "order", "text", "finish_reason"]).to_pylist():
        answers.setdefault(row["user_id"], []).append(row)
    repairs: Counter[str] = Counter()
    rows: dict[str, list[np.ndarray]] = {"item_id": [], "named": []}
    for user, candidates in zip(subset["user_id"].to_pylist(), subset["candidates"].to_pylist(), strict=True):
        if user not in answers:
            raise StudyError(f"user {user} has no answer in the responses; delete them and run again (kept answers are not asked again)")
        order, named = _aggregated(answers[user], candidates, answer, aggregate, repairs)
        rows["item_id"].append(np.asarray(candidates)[order])
        rows["named"].append(named[order])
    lengths = [len(one) for one in rows["item_id"]]
    named = np.concatenate(rows["named"])
    rankings = pa.table(
        {
            "user_id": np.repeat(subset["user_id"].to_numpy(), lengths),
            "rank": np.concatenate([np.arange(1, length + 1) for length in lengths]),
            "item_id": np.concatenate(rows["item_id"]),
            "source": pa.array(np.where(named, "model", "fallback")),
            "score": pa.nulls(len(named)),
        }
    ).cast(tables.RANKINGS)
    return Reranked(rankings, {"answers": responses.num_rows, "fallback_candidates": int((~named).sum()), **dict(sorted(repairs.items()))})


def _aggregated(
    answers: list[dict], candidates: list[int], answer: str, aggregate: str, repairs: Counter[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the candidates, best first, and which candidates any answer named: both [n]."""
    scores, named = np.zeros(len(candidates)), np.zeros(len(candidates), bool)
    for one in answers:
        parsed = parse_answer(one["text"], answer, candidates, one["order"])
        repairs.update(parsed.repairs)
        repairs["repaired"] += bool(parsed.repairs)
        ranks = np.empty(len(candidates))
        ranks[parsed.positions] = np.arange(1, len(candidates) + 1)
        scores += -ranks if aggregate == "borda" else 1 / (RRF_K + ranks)
        named[parsed.positions[: parsed.from_model]] = True
    return np.lexsort((np.arange(len(candidates)), -scores, ~named)), named
