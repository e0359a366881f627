"""Whom a model in this process is asked about, and in which order it sees candidates."""

from collections.abc import Iterator

import pyarrow as pa

from microrank.item_texts import attribute_texts
from microrank.llm.prompts import shown_order
from microrank.llm.questions import titles_of
from microrank.local_llm.in_turn import InTurn
from microrank.local_llm.requests import Ask, Asked
from microrank.written import item_names


def asked_users(
    users: pa.Table,
    catalogue: pa.Table,
    ask: Ask | InTurn,
    *,
    seed: int,
    passes: int,
    shuffle: bool,
) -> Iterator[Asked]:
    """Each user as each pass shows them; where no list is shown there is one pass.

    Args:
        users: table SUBSET, or a part of it.
        catalogue: table ITEMS, with the columns `item` and attributes where there are any.
        ask: the way of asking.
        seed: of the orders shown.
        passes: questions a user.
        shuffle: whether pass 0 shows a shuffle, too.
    """
    titles = titles_of(users, catalogue)
    names, attributes = item_names(catalogue, titles), attribute_texts(catalogue, list(titles))
    for user in users.select(["user_id", "history", "candidates"]).to_pylist():
        history, candidates = (
            [titles[item] for item in user[column]] for column in ("history", "candidates")
        )
        of_history, of_candidates = (
            [attributes[item] for item in user[column]] for column in ("history", "candidates")
        )
        for number in range(passes if ask.shows_a_list else 1):
            is_shuffled = shuffle and ask.shows_a_list
            order = shown_order(seed, user["user_id"], number, is_shuffled, len(candidates))
            yield Asked(
                user["user_id"],
                number,
                order.tolist(),
                history,
                candidates,
                [names[item] for item in user["candidates"]],
                (of_history, of_candidates),
            )
