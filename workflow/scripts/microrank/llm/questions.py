"""The questions that a re-ranking asks: one request for each user and pass."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from microrank.errors import StudyError
from microrank.item_texts import attribute_texts
from microrank.llm.prompts import Prompt, build_messages, response_schema, shown_order
from microrank.services.chat import ChatSettings
from microrank.written import has_text_ids, item_names


@dataclass(frozen=True)
class Question:
    """One question about one user's candidates.

    Attributes:
        user_id: The user.
        pass_number: Which of the user's questions this is, from 0.
        order: [n_candidates] Positions among the candidates, in the order in which they are shown.
        request: What is sent, as `ChatSettings.request` makes it.
        user: The user as messages show them.
    """

    user_id: int
    pass_number: int
    order: list[int]
    request: dict[str, Any]
    user: str

    @property
    def name(self) -> str:
        """What messages to the user of the workflow call the question; no two share a name."""
        return f"user {self.user}, pass {self.pass_number}"


class ShownItems(NamedTuple):
    """What prompts show of items.

    Attributes:
        titles: Item -> title.
        names: Item -> id as it is written.
        attributes: Item -> attributes.
        have_text_ids: Whether ids are texts.
    """

    titles: dict[int, str]
    names: dict[int, str]
    attributes: dict[int, str]
    have_text_ids: bool


def questions(
    subset: pa.Table,
    catalogue: pa.Table,
    prompt: Prompt,
    settings: ChatSettings,
    *,
    seed: int,
    passes: int,
    shuffle: bool,
) -> list[Question]:
    """Every user's questions, sorted by user and pass.

    Args:
        subset: Table SUBSET, and `user` where messages are to show users as they are written; its
            ground truth is not looked at.
        catalogue: Table ITEMS, for the titles.
        prompt: What is asked.
        settings: The model and everything else that shapes its answers.
        seed: The study's seed, for the orders in which candidates are shown.
        passes: Questions per user.
        shuffle: Whether pass 0 shows a shuffle, too, rather than the recommender's order.

    Raises:
        StudyError: The catalogue lacks an item of the subset.
    """
    titles = titles_of(subset, catalogue)
    shown = ShownItems(
        titles,
        item_names(catalogue, titles),
        attribute_texts(catalogue, list(titles)),
        has_text_ids(catalogue),
    )
    columns = {"user_id", "history", "candidates", "user"} & set(subset.column_names)
    users = subset.sort_by("user_id").select(sorted(columns)).to_pylist()
    return [
        _question(user, shown, prompt, settings, number=number, order=order)
        for user in users
        for number, order in _orders(user, seed, passes, shuffle)
    ]


def _orders(
    user: dict[str, Any], seed: int, passes: int, shuffle: bool
) -> Iterator[tuple[int, list[int]]]:
    """Each pass's number and the order in which it shows the candidates."""
    for number in range(passes):
        order = shown_order(seed, user["user_id"], number, shuffle, len(user["candidates"]))
        yield number, order.tolist()


def _question(
    user: dict[str, Any],
    items: ShownItems,
    prompt: Prompt,
    settings: ChatSettings,
    *,
    number: int,
    order: list[int],
) -> Question:
    history, candidates = user["history"], user["candidates"]
    messages = build_messages(
        prompt,
        [items.titles[item] for item in history],
        [items.titles[item] for item in candidates],
        [items.names[item] for item in candidates],
        order,
        attributes=(
            [items.attributes[item] for item in history],
            [items.attributes[item] for item in candidates],
        ),
    )
    schema = response_schema(prompt, len(candidates), text_ids=items.have_text_ids)
    request = settings.request(messages, number, schema)
    return Question(user["user_id"], number, order, request, user.get("user", str(user["user_id"])))


def titles_of(subset: pa.Table, catalogue: pa.Table) -> dict[int, str]:
    """Titles of the items that the subset names.

    Raises:
        StudyError: The catalogue lacks one of them.
    """
    lists = [subset[column].combine_chunks().flatten() for column in ("history", "candidates")]
    needed = np.unique(np.concatenate([items.to_numpy() for items in lists]))
    known = catalogue.filter(pa.array(np.isin(catalogue["item_id"].to_numpy(), needed)))
    titles = dict(zip(known["item_id"].to_pylist(), known["title"].to_pylist(), strict=True))
    if absent := [int(item) for item in needed if item not in titles]:
        raise StudyError(
            f"item {absent[0]} of the subset is not in the catalogue; delete results/ and run again"
        )
    return titles
