"""Why a method does what it does: position bias, repairs, popularity, agreement."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from microrank.evaluation.kendall import kendall_tau
from microrank.evaluation.ranks import candidate_lists, ground_truth_ranks, ranked_items, user_rows
from microrank.llm.prompts import looks_like_instructions

AGREEMENT_USERS = 2000  # how many users the agreement of each pair of methods is measured on: the first of the subset
HIT_CUTOFF = 10


def diagnose_rankings(
    rankings: Mapping[str, pa.Table],
    subset: pa.Table,
    items: pa.Table,
    responses: Mapping[str, pa.Table],
    repairs: Mapping[str, dict[str, int]],
) -> dict[str, Any]:
    """What the report tells of each method beside its metrics; plain numbers, ready for JSON.

    Args:
        rankings: method -> table RANKINGS. items: table ITEMS, for popularity. responses: method -> table RESPONSES, of language models.
        repairs: method -> `answers`, `repaired`, and a count of each kind of repair.
    """
    candidates = candidate_lists(subset)
    n, k = candidates.shape
    truth_slot = ground_truth_ranks("recommender", _rows_of(subset, candidates), subset)
    popularity = _popularity(candidates, items)
    places = {"recommender": np.tile(np.arange(k), (n, 1))}
    methods: dict[str, dict[str, Any]] = {}
    for name, ranking in rankings.items():
        places[name] = _places(ranked_items(name, ranking, subset), candidates)
        ranks = ground_truth_ranks(name, ranking, subset)
        hit = (ranks > 0) & (ranks <= HIT_CUTOFF)
        methods[name] = {
            "by_recommender_slot": _by_slot(truth_slot, hit, k),
            "flow": _flow(truth_slot, ranks, k),
            "kendall_to_recommender": _mean(kendall_tau(places[name], places["recommender"])),
            **_risen(places[name], popularity),
            **_fallback(ranking, subset, hit),
        }
        if name in responses:
            methods[name] |= _of_answers(responses[name], subset, places[name], truth_slot, hit)
        if name in repairs:
            methods[name]["repairs"] = dict(repairs[name])
    return {
        "n_users": n,
        "k": k,
        "hit_cutoff": HIT_CUTOFF,
        "titles": _titles_shown(subset, items),
        "methods": methods,
        "agreement": _agreement(places),
    }


def _titles_shown(subset: pa.Table, items: pa.Table) -> dict[str, int]:
    """How many items models are shown (history and candidates), and how many of their titles read like orders to a model."""
    shown = np.unique(np.concatenate([subset[name].combine_chunks().flatten().to_numpy() for name in ("history", "candidates")]))
    titles = items.filter(pa.array(np.isin(items["item_id"].to_numpy(), shown)))["title"].to_pylist()
    return {"shown": len(titles), "like_instructions": sum(map(looks_like_instructions, titles))}


def _rows_of(subset: pa.Table, lists: np.ndarray) -> pa.Table:
    n, k = lists.shape
    users = np.repeat(subset["user_id"].to_numpy(), k)
    return pa.table({"user_id": users, "rank": np.tile(np.arange(1, k + 1), n), "item_id": lists.ravel()})


def _places(lists: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """[n, k]: the place (from 0) of each candidate in the re-ranked list."""
    places = np.empty_like(lists)
    np.put_along_axis(places, np.argsort(candidates, axis=1), np.argsort(lists, axis=1), axis=1)
    return places


def _by_slot(slots: np.ndarray, hit: np.ndarray, k: int) -> dict[str, list[int]]:
    """Users and hits at each slot 1…k where the hidden item stood."""
    users = np.bincount(slots, minlength=k + 1)[1:]
    return {"users": users.tolist(), "hits": np.bincount(slots, weights=hit, minlength=k + 1)[1:].astype(int).tolist()}


def quarters(k: int) -> list[tuple[int, int]]:
    """The list in four (or k, if fewer) stretches of slots: first and last slot of each."""
    edges = np.linspace(0, k, min(4, k) + 1).round().astype(int)
    return [(int(low) + 1, int(high)) for low, high in pairwise(edges)]


def _flow(before: np.ndarray, after: np.ndarray, k: int) -> list[list[int]]:
    """[quarter before][quarter after]: users whose hidden item moved from the one stretch of the list to the other."""
    last = np.array([high for _, high in quarters(k)])
    found = before > 0
    of_before, of_after = np.searchsorted(last, before[found]), np.searchsorted(last, after[found])
    return np.bincount(of_before * len(last) + of_after, minlength=len(last) ** 2).reshape(len(last), -1).tolist()


def _popularity(candidates: np.ndarray, items: pa.Table) -> np.ndarray:
    """[n, k]: training count of each candidate."""
    items = items.sort_by("item_id")
    at = np.searchsorted(items["item_id"].to_numpy(), candidates)
    return items["train_count"].to_numpy()[np.minimum(at, len(items) - 1)]


def _risen(places: np.ndarray, popularity: np.ndarray) -> dict[str, float | None]:
    """Median training count of the items that the method moved up and down."""
    moved = places - np.arange(places.shape[1])
    up, down = popularity[moved < 0], popularity[moved > 0]
    return {
        "popularity_of_risen": float(np.median(up)) if len(up) else None,
        "popularity_of_fallen": float(np.median(down)) if len(down) else None,
    }


def _fallback(ranking: pa.Table, subset: pa.Table, hit: np.ndarray) -> dict[str, int]:
    """Hits, and how many of them the method itself did not name: the recommender's order put them there."""
    row = user_rows(ranking["user_id"].to_numpy(), subset)
    truth = ranking["item_id"].to_numpy() == subset["ground_truth"].to_numpy()[row]
    fallen = truth & (ranking["source"].to_numpy(zero_copy_only=False) == "fallback") & hit[row]
    return {"hits": int(hit.sum()), "hits_from_fallback": int(fallen.sum())}


def _of_answers(responses: pa.Table, subset: pa.Table, places: np.ndarray, truth_slot: np.ndarray, hit: np.ndarray) -> dict[str, Any]:
    """What depends on the order in which candidates were shown, and what the answers cost. With several passes each counts as a showing."""
    k = places.shape[1]
    row = user_rows(responses["user_id"].to_numpy(), subset)
    order = responses["order"].combine_chunks().flatten().to_numpy().reshape(-1, k).astype(np.int64)
    order, row = order[row >= 0], row[row >= 0]
    shown = np.argsort(order, axis=1)  # place at which each candidate was shown
    in_list = truth_slot[row] > 0
    slots = np.where(in_list, shown[np.arange(len(row)), np.maximum(truth_slot[row] - 1, 0)] + 1, 0)
    return {
        "by_shown_slot": _by_slot(slots, hit[row], k),
        "kendall_to_shown": _mean(kendall_tau(places[row], shown)),
        "served_models": sorted({model for model in responses["served_model"].to_pylist() if model}),
        "prompt_tokens": _total(responses, "prompt_tokens"),
        "completion_tokens": _total(responses, "completion_tokens"),
    }


def _total(responses: pa.Table, column: str) -> int:
    return int(sum(value for value in responses[column].to_pylist() if value is not None))


def _agreement(places: dict[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Mean Kendall τ of each pair of methods."""
    few = {name: values[:AGREEMENT_USERS] for name, values in places.items()}
    return {a: {b: _mean(kendall_tau(few[a], few[b])) for b in few} for a in few}


def _mean(values: np.ndarray) -> float:
    return round(float(values.mean()), 6) + 0.0
