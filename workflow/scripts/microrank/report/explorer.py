"""What the page's user explorer shows: histories, lists before and after, prompts and answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from microrank.evaluation.ranks import candidate_lists, ranked_items, shown_items, user_rows
from microrank.item_texts import attribute_texts
from microrank.llm.prompts import Prompt, build_messages
from microrank.report.study import Study
from microrank.report.verdicts import asked_by
from microrank.written import item_names, user_names

ANSWER_LENGTH = 20_000  # characters of a raw answer that are shown
IN_TURN_NOTE = (
    "Each question of this row shows a few of the candidates, chosen by the answers before it. The "
    "one below has the same words, shows all of them, and was not asked itself."
)


@dataclass(frozen=True)
class Exchange:
    """What a language model was asked and what it answered.

    Attributes:
        prompt: How it was asked.
        responses: Table RESPONSES.
    """

    prompt: Prompt
    responses: pa.Table


@dataclass(frozen=True)
class Users:
    """The users whom the page shows one by one.

    Attributes:
        subset: Table SUBSET.
        items: Table ITEMS, for titles.
        rankings: Method -> table RANKINGS.
        exchanges: Method, or part of a fusion, that asked a language model -> what was said.
        shown: How many users are shown at most.
        names: Table USERS, for users whose ids are texts.
        verb: What they did with the items of their history.
    """

    subset: pa.Table
    items: pa.Table
    rankings: Mapping[str, pa.Table]
    exchanges: Mapping[str, Exchange]
    shown: int
    names: pa.Table | None = None
    verb: str = "watched"


def explorer_data(study: Study, users: Users) -> dict[str, Any]:
    """Collect the explorer's data, ready for JSON.

    The users shown are spread evenly over the subset by id. Ids are strings: JavaScript's numbers
    do not hold 64 bits.
    """
    everybody = users.subset.sort_by("user_id")
    subset = everybody.take(spread(len(everybody), users.shown))
    lists = {"recommender": candidate_lists(subset)}
    for name, ranking in users.rankings.items():
        lists[name] = ranked_items(name, _of_users(ranking, subset), subset)
    fallback = {name: _fallback(ranking, subset) for name, ranking in users.rankings.items()}
    titles = _titles(subset, users.items)
    attributes = dict.fromkeys(titles, "") | attribute_texts(users.items, list(titles))
    ids = sorted({*titles, *subset["ground_truth"].to_pylist()})  # one that no list holds, too
    names = {item: str(item) for item in ids} | item_names(users.items, ids)
    people = user_names(users.names, subset["user_id"].to_pylist())
    answers = {
        name: _answers(exchange, subset, titles, names, attributes)
        for name, exchange in users.exchanges.items()
    }
    return {
        "recommender": study.lists_name,
        "verb": users.verb,
        "methods": [
            {
                "name": name,
                "label": study.label(name),
                "asked": asked_by(study, name),
            }
            for name in users.rankings
        ],
        "users": [
            {
                "id": people[user["user_id"]],
                "truth": names[user["ground_truth"]],
                "history": [names[item] for item in user["history"]],
                "lists": {
                    name: [names[item] for item in of[i].tolist()] for name, of in lists.items()
                },
                "fallback": {name: of[i] for name, of in fallback.items() if of[i]},
                "asked": {name: of[i] for name, of in answers.items()},
            }
            for i, user in enumerate(subset.to_pylist())
        ],
        "in_subset": len(everybody),
        "titles": {names[item]: title for item, title in titles.items()},
    }


def spread(n: int, wanted: int) -> list[int]:
    """Choose at most `wanted` of the places 0…n − 1 evenly, the first and last among them."""
    return np.unique(np.linspace(0, n - 1, min(n, wanted)).round().astype(int)).tolist()


def _of_users(ranking: pa.Table, subset: pa.Table) -> pa.Table:
    is_shown = np.isin(ranking["user_id"].to_numpy(), subset["user_id"].to_numpy())
    return ranking.filter(pa.array(is_shown))


def _fallback(ranking: pa.Table, subset: pa.Table) -> list[list[int]]:
    """Return for each user the places (from 0) that the recommender's order filled."""
    places: list[list[int]] = [[] for _ in range(len(subset))]
    row = user_rows(ranking["user_id"].to_numpy(), subset)
    is_fallback = ranking["source"].to_numpy(zero_copy_only=False) != "model"
    chosen = is_fallback & (row >= 0)
    ranks = ranking["rank"].to_numpy()[chosen].tolist()
    for user, rank in zip(row[chosen].tolist(), ranks, strict=True):
        places[user].append(rank - 1)
    return [sorted(of_user) for of_user in places]


def _titles(subset: pa.Table, items: pa.Table) -> dict[int, str]:
    shown = shown_items(subset)
    known = items.filter(pa.array(np.isin(items["item_id"].to_numpy(), shown)))
    titles = dict(zip(known["item_id"].to_pylist(), known["title"].to_pylist(), strict=True))
    return {item: titles.get(item) or "" for item in shown.tolist()}


def _answers(
    exchange: Exchange,
    subset: pa.Table,
    titles: Mapping[int, str],
    names: Mapping[int, str],
    attributes: Mapping[int, str],
) -> list[list[dict[str, Any]]]:
    """Return for each user a question and its answer for every pass."""
    users = subset.to_pylist()
    answers: list[list[dict[str, Any]]] = [[] for _ in users]
    in_subset = user_rows(exchange.responses["user_id"].to_numpy(), subset) >= 0
    responses = exchange.responses.filter(pa.array(in_subset)).sort_by(
        [("user_id", "ascending"), ("pass", "ascending")]
    )
    rows = user_rows(responses["user_id"].to_numpy(), subset).tolist()
    for row, response in zip(rows, responses.to_pylist(), strict=True):
        user = users[row]
        is_query = exchange.prompt.answer_format == "relevance"
        history = user["history"][:: -1 if is_query else 1]  # a query has the newest first
        messages = build_messages(
            exchange.prompt,
            [titles[item] for item in history],
            [titles[item] for item in user["candidates"]],
            [names[item] for item in user["candidates"]],
            response["order"],
            attributes=(
                [attributes[item] for item in history],
                [attributes[item] for item in user["candidates"]],
            ),
        )
        answers[row].append(
            {
                "messages": messages,
                "text": (response["text"] or "")[:ANSWER_LENGTH],
                "served_model": response["served_model"],
                "note": IN_TURN_NOTE if response["kind"] == "top" else "",
            }
        )
    return answers
