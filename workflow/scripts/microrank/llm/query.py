"""Ask a language model to re-rank each user's candidates: one question per user and pass."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from microrank import tables
from microrank.errors import StudyError
from microrank.llm.prompts import Prompt, build_messages, response_schema, shown_order
from microrank.llm.simulated import simulated_server
from microrank.services.chat import ChatSettings, ask_chat
from microrank.services.completion import read_completion
from microrank.services.settings import Service
from microrank.services.store import Store

SIMULATED = "simulated"
log = logging.getLogger(__name__)


def query_llm(
    subset: pa.Table,
    catalogue: pa.Table,
    prompt: Prompt,
    settings: ChatSettings,
    store: Store,
    *,
    service: Service,
    seed: int,
    passes: int = 1,
    shuffle: bool = False,
    budget: Mapping[str, Any] | None = None,
    shard: Sequence[int] = (0, 1),
) -> pa.Table:
    """Answers to every user's question, `passes` times each.

    Args:
        subset: table SUBSET; its ground truth is not looked at.
        catalogue: table ITEMS, for the titles.
        service: how to reach the model; it does not shape answers.
        seed: the study's seed, for the order in which candidates are shown (pass 0 in the recommender's order unless `shuffle`).
        budget: the config's `budget`.
        shard: (i, n) asks about the i-th of n runs of users; the runs' tables, one after the other, are the whole table.

    Returns:
        Table RESPONSES, sorted by user and pass.

    Raises:
        StudyError: some questions have no answer; all others are kept in the store by then.
    """
    asked = questions(
        shard_of_users(subset, shard),
        catalogue,
        prompt,
        settings,
        seed=seed,
        passes=passes,
        shuffle=shuffle,
    )
    entries = ask_chat(
        {name: request for name, (_, _, _, request) in asked.items()}, service, store, budget
    )
    rows = []
    for name, (user_id, number, order, _) in asked.items():
        entry = entries[name]
        completion = read_completion(entry.body)
        rows.append(
            {
                "user_id": user_id,
                "pass": number,
                "order": order,
                "request_key": entry.key,
                "text": completion.text,
                "finish_reason": completion.finish_reason,
                "served_model": entry.served_model,
                "prompt_tokens": completion.prompt_tokens,
                "completion_tokens": completion.completion_tokens,
                "latency_s": entry.latency_s,
            }
        )
    return pa.Table.from_pylist(rows, schema=tables.RESPONSES)


def shard_of_users(subset: pa.Table, shard: Sequence[int]) -> pa.Table:
    """The i-th of n runs of users by id, for (i, n); empty for some where there are fewer users than runs."""
    part, parts = shard
    first, last = subset.num_rows * part // parts, subset.num_rows * (part + 1) // parts
    return subset.sort_by("user_id").slice(first, last - first)


def questions(
    subset: pa.Table,
    catalogue: pa.Table,
    prompt: Prompt,
    settings: ChatSettings,
    *,
    seed: int,
    passes: int,
    shuffle: bool,
) -> dict[str, tuple[int, int, list[int], dict[str, Any]]]:
    """Every question under a name for messages: user, pass, order shown (positions among the candidates), and the request."""
    titles = _titles(subset, catalogue)
    asked = {}
    for user in subset.sort_by("user_id").select(["user_id", "history", "candidates"]).to_pylist():
        history = [titles[item] for item in user["history"]]
        candidates = [titles[item] for item in user["candidates"]]
        for number in range(passes):
            order = [
                int(position)
                for position in shown_order(seed, user["user_id"], number, shuffle, len(candidates))
            ]
            messages = build_messages(prompt, history, candidates, user["candidates"], order)
            request = settings.request(messages, number, response_schema(prompt, len(candidates)))
            asked[f"user {user['user_id']}, pass {number}"] = (
                user["user_id"],
                number,
                order,
                request,
            )
    return asked


def _titles(subset: pa.Table, catalogue: pa.Table) -> dict[int, str]:
    """Titles of the items that the subset names.

    Raises:
        StudyError: the catalogue lacks one of them.
    """
    needed = np.unique(
        np.concatenate(
            [
                subset[column].combine_chunks().flatten().to_numpy()
                for column in ("history", "candidates")
            ]
        )
    )
    known = catalogue.filter(pa.array(np.isin(catalogue["item_id"].to_numpy(), needed)))
    titles = dict(zip(known["item_id"].to_pylist(), known["title"].to_pylist(), strict=True))
    absent = [int(item) for item in needed if item not in titles]
    if absent:
        raise StudyError(
            f"item {absent[0]} of the subset is not in the catalogue; delete results/ and run again"
        )
    return titles


def chat_settings(section: Mapping[str, Any], seed: int) -> ChatSettings:
    """The shaping settings of an entry of `llms`; the simulated model's seed is the study's unless the entry has its own."""
    settings = ChatSettings.from_config(section)
    return (
        replace(settings, seed=seed)
        if section["adapter"] == SIMULATED and settings.seed is None
        else settings
    )


@contextmanager
def reachable(name: str, section: Mapping[str, Any], seed: int) -> Iterator[Service]:
    """The service of an entry of `llms`; the simulated one's server is started on this machine, and stopped again."""
    if section["adapter"] != SIMULATED:
        yield Service.from_config(name, section)
        return
    with simulated_server(seed=seed) as base_url:
        yield Service.from_config(name, section, base_url)
