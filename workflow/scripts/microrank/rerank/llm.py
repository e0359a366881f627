"""Re-ranking by a language model's answers, one or several a user."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from microrank import tables
from microrank.errors import StudyError
from microrank.llm.parse import Parsed, parse_answer
from microrank.llm.scores import parse_scores

RRF_K = 60  # Cormack, Clarke & Büttcher, Reciprocal rank fusion, SIGIR 2009
AGGREGATES = ("borda", "reciprocal")


class Reranked(NamedTuple):
    """rankings: table RANKINGS. passes: table PASSES, the orders that were aggregated, in the order of the responses.

    repairs: `answers`, `repaired` (answers that needed any repair), and each kind's count.
    """

    rankings: pa.Table
    passes: pa.Table
    repairs: dict[str, int]


def rerank_llm(
    subset: pa.Table, responses: pa.Table, answer_format: str, aggregate: str = "borda"
) -> Reranked:
    """Read every answer and put the user's candidates into its order; several passes are aggregated.

    A candidate that no pass named keeps the recommender's order behind the others and is marked `fallback`. Ties keep that order too.

    Args:
        subset: table SUBSET; its ground truth is not looked at. responses: table RESPONSES.
        answer_format: how the prompt asks for candidates (`ids`, `numbers` or `scores`).
        aggregate: `borda` sums ranks, `reciprocal` sums 1/(60 + rank). Answers that score candidates are averaged instead, each candidate's
            over the answers that have a score for it; this mean is then the ranking's score.

    Raises:
        StudyError: a user has no answer.
    """
    lists = dict(zip(subset["user_id"].to_pylist(), subset["candidates"].to_pylist(), strict=True))
    responses = responses.filter(
        pa.array(np.isin(responses["user_id"].to_numpy(), subset["user_id"].to_numpy()))
    )
    rows = responses.select(["user_id", "pass", "order", "text"]).to_pylist()
    parsed = [
        read_answer(row["text"], answer_format, lists[row["user_id"]], row["order"]) for row in rows
    ]
    of_user: dict[int, list[Parsed]] = {}
    for row, one in zip(rows, parsed, strict=True):
        of_user.setdefault(row["user_id"], []).append(one)
    if absent := [user for user in lists if user not in of_user]:
        raise StudyError(
            f"user {absent[0]} has no answer in the responses; delete them and run again (kept answers are not asked again)"
        )
    aggregated = [
        _aggregated(of_user[user], len(candidates), aggregate) for user, candidates in lists.items()
    ]
    lengths = [len(candidates) for candidates in lists.values()]
    named, scores = (np.concatenate([one[i][one.order] for one in aggregated]) for i in (1, 2))
    rankings = pa.table(
        {
            "user_id": np.repeat(subset["user_id"].to_numpy(), lengths),
            "rank": np.concatenate([np.arange(1, length + 1) for length in lengths]),
            "item_id": np.concatenate(
                [
                    np.asarray(lists[user])[order]
                    for user, (order, *_) in zip(lists, aggregated, strict=True)
                ]
            ),
            "source": pa.array(np.where(named, "model", "fallback")),
            "score": pa.array(scores, pa.float32(), from_pandas=True),
        }
    ).cast(tables.RANKINGS)
    passes = responses.select(["user_id", "pass"]).append_column(
        "order", pa.array([one.positions for one in parsed], pa.list_(pa.int16()))
    )
    passes = passes.append_column("named", pa.array([one.from_model for one in parsed], pa.int16()))
    repairs: Counter[str] = Counter(repaired=sum(bool(one.repairs) for one in parsed))
    for one in parsed:
        repairs.update(one.repairs)
    counts = {
        "answers": len(parsed),
        "fallback_candidates": int((~named).sum()),
        **dict(sorted(repairs.items())),
    }
    return Reranked(rankings, passes.cast(tables.PASSES), counts)


class _Aggregated(NamedTuple):
    """order: positions of the candidates, best first. named, scores: of each, whether any answer named it, its score or NaN: all [n]."""

    order: np.ndarray
    named: np.ndarray
    scores: np.ndarray


def read_answer(
    text: str | None, answer_format: str, candidate_ids: Sequence[int], order: Sequence[int]
) -> Parsed:
    """Read an answer in the way in which the prompt asked for it: see `parse_answer`, and `parse_scores` for `scores`."""
    return (
        parse_scores(text, candidate_ids, order)
        if answer_format == "scores"
        else parse_answer(text, answer_format, candidate_ids, order)
    )


def _aggregated(answers: list[Parsed], n: int, aggregate: str) -> _Aggregated:
    given = [parsed.scores for parsed in answers if parsed.scores is not None]
    if given:
        scores = np.array(given, np.float64)  # None: NaN
        n_told = (~np.isnan(scores)).sum(axis=0)
        mean = np.divide(
            np.nansum(scores, axis=0), n_told, out=np.full(n, np.nan), where=n_told > 0
        )
        return _Aggregated(np.lexsort((np.arange(n), -mean)), n_told > 0, mean)
    strengths, named = np.zeros(n), np.zeros(n, bool)
    for parsed in answers:
        ranks = np.empty(n)
        ranks[parsed.positions] = np.arange(1, n + 1)
        strengths += -ranks if aggregate == "borda" else 1 / (RRF_K + ranks)
        named[parsed.positions[: parsed.from_model]] = True
    return _Aggregated(np.lexsort((np.arange(n), -strengths, ~named)), named, np.full(n, np.nan))
