"""Ask a language model to re-rank each user's candidates: one question per user and pass."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pyarrow as pa

from microrank import tables
from microrank.errors import StudyError
from microrank.llm.prompts import READ_FORMATS, Prompt
from microrank.llm.questions import Question, questions
from microrank.llm.simulated import simulated_server
from microrank.services.adapters import is_simulated
from microrank.services.answers import completion_of
from microrank.services.batch_lines import IN_BATCH
from microrank.services.chat import ChatSettings, ask_chat
from microrank.services.settings import Service
from microrank.services.store import Entry, Store
from microrank.shards import Shard

WHOLE = Shard()


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
    shard: Shard = WHOLE,
) -> pa.Table:
    """Answers to every user's question, `passes` times each.

    Args:
        subset: Table SUBSET; its ground truth is not looked at.
        catalogue: Table ITEMS, for the titles.
        prompt: What is asked.
        settings: The model and everything else that shapes its answers.
        store: Where answers are kept; what it holds is not asked again.
        service: How to reach the model; it does not shape answers.
        seed: The study's seed, for the orders in which candidates are shown.
        passes: Questions per user.
        shuffle: Whether pass 0 shows a shuffle, too, rather than the recommender's order.
        budget: The config's `budget`.
        shard: Which run of users by id to ask about. The shards' tables, one after the other, are
            the whole table.

    Returns:
        Table RESPONSES, sorted by user and pass.

    Raises:
        StudyError: Some questions have no answer; all others are kept in the store by then.
    """
    if prompt.answer_format in READ_FORMATS:
        raise StudyError(
            f"{service.name}: a prompt with answer_format {prompt.answer_format} asks for no "
            "written answer; it needs `ask`"
        )
    rows = shard.of(subset.num_rows)
    users = subset.sort_by("user_id").slice(rows.start, rows.stop - rows.start)
    asked = questions(users, catalogue, prompt, settings, seed=seed, passes=passes, shuffle=shuffle)
    requests = {question.name: question.request for question in asked}
    entries = ask_chat(requests, service, store, budget)
    answers = [_row(question, entries[question.name]) for question in asked]
    return pa.Table.from_pylist(answers, schema=tables.RESPONSES)


def _row(question: Question, entry: Entry) -> dict[str, Any]:
    """A row of table RESPONSES."""
    completion = completion_of(entry.request, entry.body)
    return {
        "user_id": question.user_id,
        "pass": question.pass_number,
        "order": question.order,
        "request_key": entry.key,
        "text": completion.text,
        "finish_reason": completion.finish_reason,
        "served_model": entry.served_model,
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "latency_s": entry.latency_s,
        "kind": "text",
        "cached_tokens": completion.usage.cached_tokens,
        "reasoning_tokens": completion.usage.reasoning_tokens,
        **told_by([entry]),
    }


def told_by(entries: Sequence[Entry]) -> dict[str, Any]:
    """What a row of table RESPONSES says of how its answers came, and of what was expected."""
    expected = [entry.expected for entry in entries if entry.expected is not None]
    is_known = len(expected) == len(entries)
    return {
        "in_batch": all(IN_BATCH in entry.notes for entry in entries),
        **{
            f"expected_{name}": sum(each[name] for each in expected) if is_known else None
            for name in tables.EXPECTED
        },
    }


def chat_settings(section: Mapping[str, Any], seed: int) -> ChatSettings:
    """The settings of an entry of `llms` that shape answers.

    The simulated model's seed is the study's `seed` unless the entry has its own.
    """
    settings = ChatSettings.from_config(section)
    if is_simulated(section["adapter"]) and settings.seed is None:
        return replace(settings, seed=seed)
    return settings


@contextmanager
def reachable(name: str, section: Mapping[str, Any], seed: int) -> Iterator[Service]:
    """The service of an entry of `llms`.

    The simulated model's server is started on this machine, and stopped when the block ends.
    """
    if not is_simulated(section["adapter"]):
        yield Service.from_config(name, section)
        return
    with simulated_server(seed=seed) as base_url:
        yield Service.from_config(name, section, base_url)
