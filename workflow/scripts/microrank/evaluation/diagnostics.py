"""Why a method does what it does: position bias, repairs, popularity, agreement."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from microrank.errors import StudyError
from microrank.evaluation.kendall import kendall_tau
from microrank.evaluation.ranks import candidate_lists, ground_truth_ranks, ranked_items, user_rows
from microrank.llm.prompts import looks_like_instructions

AGREEMENT_USERS = 2000  # how many users the agreement of each pair of methods is measured on: the first of the subset
HIT_CUTOFF = 10
_USAGE = ["request_key", "served_model", "prompt_tokens", "completion_tokens"]


class Answers(NamedTuple):
    """What a language model answered about the subset. responses: table RESPONSES. passes: table PASSES, what was read in them.

    repairs: `answers`, `repaired`, and a count of each kind of repair. tuning: table RESPONSES about the users on whom a fusion with this
    model was tuned, None where there is none.
    """

    responses: pa.Table
    passes: pa.Table
    repairs: Mapping[str, int]
    tuning: pa.Table | None = None


def diagnose_rankings(
    rankings: Mapping[str, pa.Table],
    subset: pa.Table,
    items: pa.Table,
    answers: Mapping[str, Answers],
) -> dict[str, Any]:
    """What the report tells of each method beside its metrics; plain numbers, ready for JSON.

    Position bias is that of single answers: each one's own order is held against the order in which it was shown the candidates, before
    several passes are aggregated. Where candidates are shown in the recommender's order (`shuffle: false`, first pass), it cannot be told
    from agreement with the recommender.

    Args:
        rankings: method -> table RANKINGS. items: table ITEMS, for popularity.
        answers: of the methods, and parts of fusions, that asked a language model.

    Raises:
        StudyError: answers and what was read in them do not belong together.
    """
    candidates = candidate_lists(subset)
    n, k = candidates.shape
    truth_position = ground_truth_ranks("recommender", _rows_of(subset, candidates), subset)
    popularity = _popularity(candidates, items)
    places = {"recommender": np.tile(np.arange(k), (n, 1))}
    methods: dict[str, dict[str, Any]] = {}
    for name, ranking in rankings.items():
        places[name] = _places(ranked_items(name, ranking, subset), candidates)
        ranks = ground_truth_ranks(name, ranking, subset)
        hit = (ranks > 0) & (ranks <= HIT_CUTOFF)
        methods[name] = {
            "by_recommender_position": _by_position(truth_position, hit, k),
            "flow": _flow(truth_position, ranks, k),
            "kendall_to_recommender": _mean(kendall_tau(places[name], places["recommender"])),
            **_promoted(places[name], popularity),
            **_fallback(ranking, subset, hit),
        }
        if name in answers:
            methods[name] |= _position_bias(name, answers[name], subset, truth_position, k)
    return {
        "n_users": n,
        "k": k,
        "hit_cutoff": HIT_CUTOFF,
        "titles": _titles_shown(subset, items),
        "methods": methods,
        "shuffle": _promoted_in_a_shuffle(popularity),
        "asked": {name: _asked(one) for name, one in answers.items()},
        "agreement": _agreement(places),
    }


def _titles_shown(subset: pa.Table, items: pa.Table) -> dict[str, int]:
    """How many items models are shown (history and candidates), and how many of their titles read like orders to a model."""
    shown = np.unique(
        np.concatenate(
            [
                subset[name].combine_chunks().flatten().to_numpy()
                for name in ("history", "candidates")
            ]
        )
    )
    titles = items.filter(pa.array(np.isin(items["item_id"].to_numpy(), shown)))[
        "title"
    ].to_pylist()
    return {"shown": len(titles), "like_instructions": sum(map(looks_like_instructions, titles))}


def _rows_of(subset: pa.Table, lists: np.ndarray) -> pa.Table:
    n, k = lists.shape
    users = np.repeat(subset["user_id"].to_numpy(), k)
    return pa.table(
        {"user_id": users, "rank": np.tile(np.arange(1, k + 1), n), "item_id": lists.ravel()}
    )


def _places(lists: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """[n, k]: the place (from 0) of each candidate in the re-ranked list."""
    places = np.empty_like(lists)
    np.put_along_axis(places, np.argsort(candidates, axis=1), np.argsort(lists, axis=1), axis=1)
    return places


def _by_position(positions: np.ndarray, hit: np.ndarray, k: int) -> dict[str, list[int]]:
    """Users and hits at each position 1…k where the held-out item stood."""
    users = np.bincount(positions, minlength=k + 1)[1:]
    return {
        "users": users.tolist(),
        "hits": np.bincount(positions, weights=hit, minlength=k + 1)[1:].astype(int).tolist(),
    }


def quarters(k: int) -> list[tuple[int, int]]:
    """The list in four (or k, if fewer) bins of positions: first and last position of each."""
    edges = np.linspace(0, k, min(4, k) + 1).round().astype(int)
    return [(int(low) + 1, int(high)) for low, high in pairwise(edges)]


def _flow(before: np.ndarray, after: np.ndarray, k: int) -> list[list[int]]:
    """[quarter before][quarter after]: users whose held-out item moved from the one bin of the list to the other."""
    last = np.array([high for _, high in quarters(k)])
    found = before > 0
    of_before, of_after = np.searchsorted(last, before[found]), np.searchsorted(last, after[found])
    return (
        np.bincount(of_before * len(last) + of_after, minlength=len(last) ** 2)
        .reshape(len(last), -1)
        .tolist()
    )


def _popularity(candidates: np.ndarray, items: pa.Table) -> np.ndarray:
    """[n, k]: training count of each candidate."""
    items = items.sort_by("item_id")
    at = np.searchsorted(items["item_id"].to_numpy(), candidates)
    return items["train_count"].to_numpy()[np.minimum(at, len(items) - 1)]


def _promoted(places: np.ndarray, popularity: np.ndarray) -> dict[str, float | None]:
    """Median training count of the items that the method moved up and down."""
    moved = places - np.arange(places.shape[1])
    up, down = popularity[moved < 0], popularity[moved > 0]
    return {
        "popularity_of_promoted": float(np.median(up)) if len(up) else None,
        "popularity_of_demoted": float(np.median(down)) if len(down) else None,
    }


def _promoted_in_a_shuffle(popularity: np.ndarray) -> dict[str, float | None]:
    """The same of all shuffles together: the item at place j of k (from 0) rises in j of k of them, and falls in k − 1 − j of k."""
    n, k = popularity.shape
    place = np.tile(np.arange(k), (n, 1))
    return {
        "popularity_of_promoted": _weighted_median(popularity.ravel(), place.ravel()),
        "popularity_of_demoted": _weighted_median(popularity.ravel(), k - 1 - place.ravel()),
    }


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float | None:
    """The median of `values`, each repeated as often as its whole-numbered weight says; None of nothing."""
    order = np.argsort(values, kind="stable")
    values, up_to = values[order], np.cumsum(weights[order])
    total = int(up_to[-1])
    if not total:
        return None
    low, high = np.searchsorted(up_to, [(total - 1) // 2, total // 2], side="right")
    return float(values[low] + values[high]) / 2


def _fallback(ranking: pa.Table, subset: pa.Table, hit: np.ndarray) -> dict[str, int]:
    """Hits, and how many of them the method itself did not name: the recommender's order put them there."""
    row = user_rows(ranking["user_id"].to_numpy(), subset)
    truth = ranking["item_id"].to_numpy() == subset["ground_truth"].to_numpy()[row]
    from_fallback = (
        truth & (ranking["source"].to_numpy(zero_copy_only=False) == "fallback") & hit[row]
    )
    return {"hits": int(hit.sum()), "hits_from_fallback": int(from_fallback.sum())}


def _position_bias(
    name: str, answers: Answers, subset: pa.Table, truth_position: np.ndarray, k: int
) -> dict[str, Any]:
    """Of single answers: hits by the position at which the held-out item was shown, and Kendall's τ of the answer to the order shown."""
    shown_to, read = answers.responses, answers.passes
    if not shown_to.select(["user_id", "pass"]).equals(read.select(["user_id", "pass"])):
        raise StudyError(
            f"passes of {name}: not those of its responses; delete passes/{name}.parquet and run again"
        )
    row = user_rows(shown_to["user_id"].to_numpy(), subset)
    shown, answered = (
        _places_of_candidates(table["order"], k)[row >= 0] for table in (shown_to, read)
    )
    row = row[row >= 0]
    in_list = truth_position[row] > 0
    truth = np.arange(len(row)), np.maximum(truth_position[row] - 1, 0)
    hit = in_list & (answered[truth] < HIT_CUTOFF)
    return {
        "by_shown_position": _by_position(np.where(in_list, shown[truth] + 1, 0), hit, k),
        "kendall_to_shown": _mean(kendall_tau(answered, shown)),
    }


def _places_of_candidates(orders: pa.ChunkedArray, k: int) -> np.ndarray:
    """[n, k]: the place (from 0) of each candidate in each of n orders of the candidates."""
    return np.argsort(orders.combine_chunks().flatten().to_numpy().reshape(-1, k), axis=1)


def _asked(answers: Answers) -> dict[str, Any]:
    tuning = {} if answers.tuning is None else {"tuning": _usage([answers.tuning])}
    return {"repairs": dict(answers.repairs), "subset": _usage([answers.responses]), **tuning}


def _usage(responses: Sequence[pa.Table]) -> dict[str, Any]:
    """Who answered, and the tokens that it took; an answer that several methods share counts once, one whose server did not tell apart."""
    answers = {
        row["request_key"]: row for table in responses for row in table.select(_USAGE).to_pylist()
    }
    told = [
        row
        for row in answers.values()
        if row["prompt_tokens"] is not None and row["completion_tokens"] is not None
    ]
    return {
        "answers": len(answers),
        "without_usage": len(answers) - len(told),
        "prompt_tokens": sum(row["prompt_tokens"] for row in told),
        "completion_tokens": sum(row["completion_tokens"] for row in told),
        "served_models": sorted(
            {row["served_model"] for row in answers.values() if row["served_model"]}
        ),
    }


def _agreement(places: dict[str, np.ndarray]) -> dict[str, dict[str, float | None]]:
    """Mean Kendall τ of each pair of methods."""
    few = {name: values[:AGREEMENT_USERS] for name, values in places.items()}
    return {a: {b: _mean(kendall_tau(few[a], few[b])) for b in few} for a in few}


def _mean(values: np.ndarray) -> float | None:
    """None where it is of nothing, as τ of lists of one item."""
    mean = float(values.mean()) if len(values) else np.nan
    return None if np.isnan(mean) else round(mean, 6) + 0.0
