"""Re-ranking by a language model's answers, one or several per user."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute

from microrank import tables
from microrank.errors import StudyError
from microrank.llm.answer_counts import AnswerCounts, count_answers
from microrank.llm.prompts import UNLISTED_FORMATS
from microrank.llm.reading.answer import Parsed, read_answer
from microrank.rerank.repairs import Repairs

RRF_K = 60  # Cormack, Clarke & Büttcher, Reciprocal rank fusion, SIGIR 2009
SCORED = ("logprobs", "scores", "top")  # kinds of responses that have a score for each candidate
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
    subset: pa.Table,
    responses: pa.Table,
    answer_format: str,
    aggregate: str = "borda",
    catalogue: pa.Table | None = None,
) -> Reranked:
    """Read every answer and put the user's candidates into its order.

    Several passes are aggregated. A candidate that no pass named keeps the recommender's order
    behind the others and is marked `fallback`. All candidates of a user none of whose answers named
    one are marked `unread`. Ties keep the recommender's order, too.

    Args:
        subset: Table SUBSET; its ground truth is not looked at.
        responses: Table RESPONSES.
        answer_format: How the prompt asks for candidates, such as `ids` or `labels`.
        aggregate: `borda` sums ranks, `reciprocal` sums 1 / (60 + rank). Answers that score
            candidates are averaged instead: each candidate's score over the answers that have one
            for it. This mean is then the ranking's score.
        catalogue: Table ITEMS, for the titles that answers may repeat; None leaves titles unread.

    Raises:
        StudyError: A user has no answer.
    """
    lists = dict(zip(subset["user_id"].to_pylist(), subset["candidates"].to_pylist(), strict=True))
    responses = tables.rows_of(responses, subset["user_id"].to_numpy())
    users = responses["user_id"].to_pylist()
    titles = {} if catalogue is None else _titles(subset, catalogue)
    answers = _read_answers(responses, lists, answer_format, titles)
    aggregated = [
        aggregated_answers(parsed, len(candidates), aggregate)
        for parsed, candidates in zip(_by_user(users, answers, lists), lists.values(), strict=True)
    ]
    rankings = _rankings(subset, aggregated)
    from_model = rankings["source"].to_pylist().count("model")
    orders = responses["order"].to_pylist()
    if answer_format in UNLISTED_FORMATS:  # no answer can repeat an order that nothing showed
        orders = [[] for _ in orders]
    kinds = responses["kind"].to_pylist()
    counted = [
        _sorted_part(parsed) if kind == "top" else parsed
        for parsed, kind in zip(answers, kinds, strict=True)
    ]
    counts = count_answers(counted, orders, responses.select(["text", "finish_reason"]))
    repairs = _repairs(answers, len(rankings) - from_model, counts)
    return Reranked(rankings, _passes(responses, answers), repairs)


def _read_answers(
    responses: pa.Table,
    lists: Mapping[int, Sequence[int]],
    answer_format: str,
    titles: Mapping[int, Sequence[str]],
) -> list[Parsed]:
    rows = responses.select(["user_id", "order", "text", "kind", "scores"]).to_pylist()
    return [
        read_scores(row["scores"])
        if row["kind"] in SCORED
        else read_answer(
            row["text"],
            answer_format,
            lists[row["user_id"]],
            row["order"],
            titles.get(row["user_id"]),
        )
        for row in rows
    ]


def read_scores(scores: Sequence[float | None]) -> Parsed:
    """The order by scores, such as log-probabilities, larger ones first.

    Ties keep the recommender's order; candidates without a score follow in it.
    """
    scored = [position for position, score in enumerate(scores) if score is not None]
    missing = [position for position, score in enumerate(scores) if score is None]
    ranked = sorted(scored, key=lambda position: (-(scores[position] or 0.0), position))
    repairs = Counter(missing=len(missing)) if missing else Counter()
    return Parsed([*ranked, *missing], len(ranked), repairs, tuple(scores))


def _sorted_part(parsed: Parsed) -> Parsed:
    """The best k alone, where no more was sorted: the others are no part of the answer."""
    k = sum(bool(score) for score in parsed.scores or ())
    return Parsed(parsed.positions[:k], k, parsed.repairs, None) if k else parsed


def _titles(subset: pa.Table, catalogue: pa.Table) -> dict[int, list[str]]:
    """Each user's candidates' titles; an item that the catalogue lacks has none."""
    candidates = subset["candidates"].combine_chunks()
    rows = tables.find_ids(catalogue["item_id"].to_numpy(), candidates.flatten().to_numpy())
    titles = catalogue["title"].take(pa.array(rows, mask=rows < 0)).fill_null("").to_pylist()
    ends = np.cumsum(pa.compute.list_value_length(candidates).to_numpy()).tolist()
    starts = [0, *ends[:-1]]
    return {
        user: titles[start:end]
        for user, start, end in zip(subset["user_id"].to_pylist(), starts, ends, strict=True)
    }


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
    unread = np.repeat([not user.named.any() for user in aggregated], lengths)
    scores = np.concatenate([user.scores[user.order] for user in aggregated])
    return pa.table(
        {
            "user_id": np.repeat(subset["user_id"].to_numpy(), lengths),
            "rank": np.concatenate([np.arange(1, length + 1) for length in lengths]),
            "item_id": candidates.values.to_numpy()[rows],
            "source": pa.array(np.where(named, "model", np.where(unread, "unread", "fallback"))),
            "score": pa.array(scores, pa.float32(), from_pandas=True),
        }
    ).cast(tables.RANKINGS)


def _passes(responses: pa.Table, answers: Sequence[Parsed]) -> pa.Table:
    """Table PASSES."""
    order = pa.array([parsed.positions for parsed in answers], pa.list_(pa.int16()))
    named = pa.array([parsed.from_model for parsed in answers], pa.int16())
    passes = responses.select(["user_id", "pass"])
    return passes.append_column("order", order).append_column("named", named).cast(tables.PASSES)


def _repairs(answers: Sequence[Parsed], fallback_candidates: int, counts: AnswerCounts) -> Repairs:
    kinds: Counter[str] = Counter()
    for parsed in answers:
        kinds.update(parsed.repairs)
    repaired = sum(bool(parsed.repairs) for parsed in answers)
    return Repairs(len(answers), fallback_candidates, repaired, dict(kinds), counts)
