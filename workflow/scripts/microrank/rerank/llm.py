"""Re-ranking by a language model's answers, one or several a user."""

from collections import Counter
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from microrank import tables
from microrank.errors import StudyError
from microrank.llm.parse import Parsed, parse_answer

RRF_K = 60  # Cormack, Clarke & Büttcher, Reciprocal rank fusion, SIGIR 2009
AGGREGATES = ("borda", "reciprocal")


class Reranked(NamedTuple):
    """rankings: table RANKINGS. passes: table PASSES, the orders that were aggregated, in the order of the responses.

    repairs: `answers`, `repaired` (answers that needed any repair), and each kind's count.
    """

    rankings: pa.Table
    passes: pa.Table
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
    lists = dict(zip(subset["user_id"].to_pylist(), subset["candidates"].to_pylist(), strict=True))
    responses = responses.filter(pa.array(np.isin(responses["user_id"].to_numpy(), subset["user_id"].to_numpy())))
    rows = responses.select(["user_id", "pass", "order", "text"]).to_pylist()
    parsed = [parse_answer(row["text"], answer, lists[row["user_id"]], row["order"]) for row in rows]
    of_user: dict[int, list[Parsed]] = {}
    for row, one in zip(rows, parsed, strict=True):
        of_user.setdefault(row["user_id"], []).append(one)
    if absent := [user for user in lists if user not in of_user]:
        raise StudyError(f"user {absent[0]} has no answer in the responses; delete them and run again (kept answers are not asked again)")
    aggregated = [_aggregated(of_user[user], len(candidates), aggregate) for user, candidates in lists.items()]
    lengths = [len(candidates) for candidates in lists.values()]
    named = np.concatenate([named[order] for order, named in aggregated])
    rankings = pa.table(
        {
            "user_id": np.repeat(subset["user_id"].to_numpy(), lengths),
            "rank": np.concatenate([np.arange(1, length + 1) for length in lengths]),
            "item_id": np.concatenate([np.asarray(lists[user])[order] for user, (order, _) in zip(lists, aggregated, strict=True)]),
            "source": pa.array(np.where(named, "model", "fallback")),
            "score": pa.nulls(len(named)),
        }
    ).cast(tables.RANKINGS)
    passes = responses.select(["user_id", "pass"]).append_column("order", pa.array([one.positions for one in parsed], pa.list_(pa.int16())))
    passes = passes.append_column("named", pa.array([one.from_model for one in parsed], pa.int16()))
    repairs: Counter[str] = Counter(repaired=sum(bool(one.repairs) for one in parsed))
    for one in parsed:
        repairs.update(one.repairs)
    counts = {"answers": len(parsed), "fallback_candidates": int((~named).sum()), **dict(sorted(repairs.items()))}
    return Reranked(rankings, passes.cast(tables.PASSES), counts)


def _aggregated(answers: list[Parsed], n: int, aggregate: str) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the candidates, best first, and which candidates any answer named: both [n]."""
    scores, named = np.zeros(n), np.zeros(n, bool)
    for parsed in answers:
        ranks = np.empty(n)
        ranks[parsed.positions] = np.arange(1, n + 1)
        scores += -ranks if aggregate == "borda" else 1 / (RRF_K + ranks)
        named[parsed.positions[: parsed.from_model]] = True
    return np.lexsort((np.arange(n), -scores, ~named)), named
