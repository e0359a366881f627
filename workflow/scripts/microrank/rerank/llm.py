"""Re-ranking by a language model's answers, one or several per user."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from microrank import tables
from microrank.errors import StudyError
from microrank.llm.parse import Parsed, parse_answer
from microrank.llm.scores import parse_scores
from microrank.rerank.repairs import Repairs

RRF_K = 60  # Cormack, Clarke & Büttcher, Reciprocal rank fusion, SIGIR 2009
AGGREGATES = ("borda", "reciprocal")


class Reranked(NamedTuple):
    """What came of a model's answers.

    Attributes:
        rankings: Table RANKINGS.
        passes: Table PASSES: each answer's own order, in the order of the responses.
        repairs: What had to be mended in the answers.
    """

    rankings: pa.Table
    passes: pa.Table
    repairs: Repairs


class Aggregated(NamedTuple):
    """The answers about one user, taken together.

    Attributes:
        order: [n] Positions of the candidates, best first.
        named: [n] Whether any answer named the candidate at this position.
        scores: [n] The candidate's mean score, NaN where it has none.
    """

    order: np.ndarray
    named: np.ndarray
    scores: np.ndarray


def rerank_llm(
    subset: pa.Table, responses: pa.Table, answer_format: str, aggregate: str = "borda"
) -> Reranked:
    """Read every answer and put the user's candidates into its order.

    Several passes are aggregated. A candidate that no pass named keeps the recommender's order
    behind the others and is marked `fallback`. Ties keep that order, too.

    Args:
        subset: Table SUBSET; its ground truth is not looked at.
        responses: Table RESPONSES.
        answer_format: How the prompt asks for candidates: `ids`, `numbers` or `scores`.
        aggregate: `borda` sums ranks, `reciprocal` sums 1 / (60 + rank). Answers that score
            candidates are averaged instead: each candidate's score over the answers that have one
            for it. This mean is then the ranking's score.

    Raises:
        StudyError: A user has no answer.
    """
    lists = dict(zip(subset["user_id"].to_pylist(), subset["candidates"].to_pylist(), strict=True))
    responses = tables.rows_of(responses, subset["user_id"].to_numpy())
    users = responses["user_id"].to_pylist()
    answers = _read_answers(responses, lists, answer_format)
    aggregated = [
        aggregated_answers(parsed, len(candidates), aggregate)
        for parsed, candidates in zip(_by_user(users, answers, lists), lists.values(), strict=True)
    ]
    rankings = _rankings(subset, aggregated)
    fallback = rankings["source"].to_pylist().count("fallback")
    return Reranked(rankings, _passes(responses, answers), _repairs(answers, fallback))


def read_answer(
    text: str | None, answer_format: str, candidate_ids: Sequence[int], order: Sequence[int]
) -> Parsed:
    """Read an answer in the way in which the prompt asked for it.

    See `parse_answer`, and `parse_scores` for the format `scores`.
    """
    if answer_format == "scores":
        return parse_scores(text, candidate_ids, order)
    return parse_answer(text, answer_format, candidate_ids, order)


def _read_answers(
    responses: pa.Table, lists: Mapping[int, Sequence[int]], answer_format: str
) -> list[Parsed]:
    rows = responses.select(["user_id", "order", "text", "kind", "scores"]).to_pylist()
    return [
        read_scores(row["scores"])
        if row["kind"] == "logprobs"
        else read_answer(row["text"], answer_format, lists[row["user_id"]], row["order"])
        for row in rows
    ]


def read_scores(scores: Sequence[float | None]) -> Parsed:
    """The order by scores that were read from log-probabilities, larger ones first.

    Ties keep the recommender's order; candidates without a score follow in it.
    """
    scored = [position for position, score in enumerate(scores) if score is not None]
    missing = [position for position, score in enumerate(scores) if score is None]
    ranked = sorted(scored, key=lambda position: (-(scores[position] or 0.0), position))
    repairs = Counter(missing=len(missing)) if missing else Counter()
    return Parsed([*ranked, *missing], len(ranked), repairs, tuple(scores))


def _by_user(
    users: Sequence[int], answers: Sequence[Parsed], lists: Mapping[int, Sequence[int]]
) -> list[list[Parsed]]:
    """Each user's answers, in the order of `lists`."""
    by_user: dict[int, list[Parsed]] = {user: [] for user in lists}
    for user, parsed in zip(users, answers, strict=True):
        by_user[user].append(parsed)
    if absent := [user for user, parsed in by_user.items() if not parsed]:
        raise StudyError(
            f"user {absent[0]} has no answer in the responses; "
            "delete them and run again (kept answers are not asked again)"
        )
    return list(by_user.values())


def aggregated_answers(answers: Sequence[Parsed], n: int, aggregate: str) -> Aggregated:
    """One order of n candidates from all answers about one user: see `rerank_llm`."""
    scored = [parsed.scores for parsed in answers if parsed.scores is not None]
    return _mean_scores(scored) if scored else _summed_ranks(answers, n, aggregate)


def _mean_scores(answers: Sequence[Sequence[float | None]]) -> Aggregated:
    scores = np.array(answers, np.float64)  # None: NaN
    n_scored = (~np.isnan(scores)).sum(axis=0)
    mean = np.full(scores.shape[1], np.nan)
    np.divide(np.nansum(scores, axis=0), n_scored, out=mean, where=n_scored > 0)
    return Aggregated(np.lexsort((np.arange(len(mean)), -mean)), n_scored > 0, mean)


def _summed_ranks(answers: Sequence[Parsed], n: int, aggregate: str) -> Aggregated:
    strengths, named = np.zeros(n), np.zeros(n, bool)
    for parsed in answers:
        ranks = np.empty(n)
        ranks[parsed.positions] = np.arange(1, n + 1)
        strengths += -ranks if aggregate == "borda" else 1 / (RRF_K + ranks)
        named[parsed.positions[: parsed.from_model]] = True
    return Aggregated(np.lexsort((np.arange(n), -strengths, ~named)), named, np.full(n, np.nan))


def _rankings(subset: pa.Table, aggregated: Sequence[Aggregated]) -> pa.Table:
    """Table RANKINGS; `aggregated` stands in the order of the subset's users."""
    candidates = subset["candidates"].combine_chunks()
    lengths = np.diff(candidates.offsets.to_numpy())
    first = candidates.offsets.to_numpy()[:-1]
    rows = np.concatenate(
        [start + user.order for start, user in zip(first, aggregated, strict=True)]
    )
    named = np.concatenate([user.named[user.order] for user in aggregated])
    scores = np.concatenate([user.scores[user.order] for user in aggregated])
    return pa.table(
        {
            "user_id": np.repeat(subset["user_id"].to_numpy(), lengths),
            "rank": np.concatenate([np.arange(1, length + 1) for length in lengths]),
            "item_id": candidates.values.to_numpy()[rows],
            "source": pa.array(np.where(named, "model", "fallback")),
            "score": pa.array(scores, pa.float32(), from_pandas=True),
        }
    ).cast(tables.RANKINGS)


def _passes(responses: pa.Table, answers: Sequence[Parsed]) -> pa.Table:
    """Table PASSES."""
    order = pa.array([parsed.positions for parsed in answers], pa.list_(pa.int16()))
    named = pa.array([parsed.from_model for parsed in answers], pa.int16())
    passes = responses.select(["user_id", "pass"])
    return passes.append_column("order", order).append_column("named", named).cast(tables.PASSES)


def _repairs(answers: Sequence[Parsed], fallback_candidates: int) -> Repairs:
    kinds: Counter[str] = Counter()
    for parsed in answers:
        kinds.update(parsed.repairs)
    repaired = sum(bool(parsed.repairs) for parsed in answers)
    return Repairs(len(answers), fallback_candidates, repaired, dict(kinds))
