"""What the page's user explorer shows: histories, lists before and after, prompts and raw answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from microrank.evaluation.ranks import candidate_lists, ranked_items, user_rows
from microrank.llm.prompts import Prompt, build_messages

ANSWER_LENGTH = 20_000  # characters of a raw answer that are shown


@dataclass(frozen=True)
class Asked:
    """What a language model was asked and what it answered. responses: table RESPONSES."""

    prompt: Prompt
    responses: pa.Table


def explorer_data(
    subset: pa.Table,
    items: pa.Table,
    rankings: Mapping[str, pa.Table],
    labels: Mapping[str, str],
    *,
    asked: Mapping[str, Asked],
    rerankers: Mapping[str, Mapping[str, Any]],
    n_users: int,
    recommender: str,
) -> dict[str, Any]:
    """`n_users` users, evenly spread over the subset by id, ready for JSON. Ids are strings: JavaScript's numbers do not hold 64 bits.

    Args:
        subset: table SUBSET. items: table ITEMS, for titles. rankings: method -> table RANKINGS. labels: method -> name to show.
        asked: method, or part of one -> question and answers, of language models. rerankers: method -> its settings: a fusion's parts are
            `of` there. recommender: what the recommender is called.
    """
    subset = subset.sort_by("user_id")
    shown = spread(len(subset), n_users)
    in_subset, subset = len(subset), subset.take(shown)
    lists = {"recommender": candidate_lists(subset)} | {
        name: ranked_items(name, _of(ranking, subset), subset) for name, ranking in rankings.items()
    }
    fallback = {name: _fallback(ranking, subset) for name, ranking in rankings.items()}
    titles = _titles(subset, items)
    answers = {name: _answers(one, subset, titles) for name, one in asked.items()}
    users = []
    for i, user in enumerate(subset.to_pylist()):
        users.append(
            {
                "id": str(user["user_id"]),
                "truth": str(user["ground_truth"]),
                "history": [str(item) for item in user["history"]],
                "lists": {
                    name: [str(item) for item in of_all[i].tolist()]
                    for name, of_all in lists.items()
                },
                "fallback": {name: of[i] for name, of in fallback.items() if of[i]},
                "asked": {name: of[i] for name, of in answers.items()},
            }
        )
    return {
        "recommender": recommender,
        "methods": [
            {"name": name, "label": labels[name], "asked": _asked_by(name, rerankers, asked)}
            for name in rankings
        ],
        "users": users,
        "in_subset": in_subset,
        "titles": {str(item): title for item, title in titles.items()},
    }


def spread(n: int, wanted: int) -> list[int]:
    """At most `wanted` of the places 0…n − 1, the first and the last among them, at even distances; all, if there are no more."""
    return np.unique(np.linspace(0, n - 1, min(n, wanted)).round().astype(int)).tolist()


def _of(ranking: pa.Table, subset: pa.Table) -> pa.Table:
    return ranking.filter(
        pa.array(np.isin(ranking["user_id"].to_numpy(), subset["user_id"].to_numpy()))
    )


def _asked_by(
    method: str, rerankers: Mapping[str, Mapping[str, Any]], asked: Mapping[str, Asked]
) -> list[str]:
    """Whose answers a method's order rests on: its own, or those of a fusion's parts."""
    parts = [
        name
        for part in rerankers.get(method, {}).get("of", [])
        for name in _asked_by(part, rerankers, asked)
    ]
    return list(dict.fromkeys([method] * (method in asked) + parts))


def _fallback(ranking: pa.Table, subset: pa.Table) -> list[list[int]]:
    """Of each user, the places (from 0) that the recommender's order filled."""
    places: list[list[int]] = [[] for _ in range(len(subset))]
    row = user_rows(ranking["user_id"].to_numpy(), subset)
    chosen = (ranking["source"].to_numpy(zero_copy_only=False) == "fallback") & (row >= 0)
    for user, rank in zip(
        row[chosen].tolist(), ranking["rank"].to_numpy()[chosen].tolist(), strict=True
    ):
        places[user].append(rank - 1)
    return [sorted(one) for one in places]


def _titles(subset: pa.Table, items: pa.Table) -> dict[int, str]:
    columns = [
        subset[name].combine_chunks().flatten().to_numpy() for name in ("history", "candidates")
    ]
    needed = np.unique(np.concatenate([*columns, subset["ground_truth"].to_numpy()]))
    known = items.filter(pa.array(np.isin(items["item_id"].to_numpy(), needed)))
    found = dict(zip(known["item_id"].to_pylist(), known["title"].to_pylist(), strict=True))
    return {int(item): found.get(int(item)) or "" for item in needed}


def _answers(
    asked: Asked, subset: pa.Table, titles: Mapping[int, str]
) -> list[list[dict[str, Any]]]:
    """Of each user, a question and its answer for every pass."""
    users = subset.to_pylist()
    told: list[list[dict[str, Any]]] = [[] for _ in users]
    rows = user_rows(asked.responses["user_id"].to_numpy(), subset)
    wanted = asked.responses.filter(pa.array(rows >= 0)).sort_by(
        [("user_id", "ascending"), ("pass", "ascending")]
    )
    for row, one in zip(
        user_rows(wanted["user_id"].to_numpy(), subset).tolist(), wanted.to_pylist(), strict=True
    ):
        user = users[row]
        history, candidates = (
            [titles[item] for item in user[key]] for key in ("history", "candidates")
        )
        messages = build_messages(
            asked.prompt, history, candidates, user["candidates"], one["order"]
        )
        told[row].append(
            {
                "messages": messages,
                "text": (one["text"] or "")[:ANSWER_LENGTH],
                "served_model": one["served_model"],
            }
        )
    return told
