"""Answers about items whose ids are texts, such as B07XQ: read as if they were numbers.

The readers of answers know whole numbers. So each candidate gets a number that no answer holds by
chance, its id becomes that number wherever the answer has it, and rankings get the items back.
"""

import re
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from microrank import tables
from microrank.written import has_text_ids, item_names

OFFSET = 10**12


def numbered_answers(
    subset: pa.Table, responses: pa.Table, catalogue: pa.Table, answer_format: str
) -> tuple[pa.Table, pa.Table, int]:
    """Put numbers in the place of ids.

    Args:
        subset: Table SUBSET.
        responses: Table RESPONSES.
        catalogue: Table ITEMS with the column `item`.
        answer_format: Answer format of the prompt; only answers by `ids` change.

    Returns:
        The subset and the responses with such numbers, and what was added to each item. Where the
        ids are numbers already, both as they are, and 0.
    """
    if answer_format != "ids" or not has_text_ids(catalogue):
        return subset, responses, 0
    names = item_names(catalogue, subset["candidates"].combine_chunks().flatten().to_pylist())
    of_user = {
        user["user_id"]: {names[item]: item + OFFSET for item in user["candidates"]}
        for user in subset.select(["user_id", "candidates"]).to_pylist()
    }
    texts = [
        _numbered(row["text"], of_user.get(row["user_id"], {}))
        for row in responses.select(["user_id", "text"]).to_pylist()
    ]
    place = responses.schema.get_field_index("text")
    responses = responses.set_column(place, "text", pa.array(texts, pa.string()))
    candidates = subset["candidates"].combine_chunks()
    shifted = pa.ListArray.from_arrays(candidates.offsets, pc.add(candidates.values, OFFSET))
    place = subset.schema.get_field_index("candidates")
    return subset.set_column(place, "candidates", shifted), responses, OFFSET


def with_numbers(catalogue: pa.Table, offset: int) -> pa.Table:
    """The catalogue by the numbers that `numbered_answers` gave the items."""
    place = catalogue.schema.get_field_index("item_id")
    return catalogue.set_column(place, "item_id", pc.add(catalogue["item_id"], offset))


def with_items(rankings: pa.Table, offset: int) -> pa.Table:
    """Table RANKINGS of the items themselves."""
    place = rankings.schema.get_field_index("item_id")
    items = pc.subtract(rankings["item_id"], offset)
    return rankings.set_column(place, "item_id", items).cast(tables.RANKINGS)


def _numbered(text: str | None, numbers: Mapping[str, int]) -> str | None:
    if not text or not numbers:
        return text
    longest_first = sorted(numbers, key=len, reverse=True)
    ids = "|".join(map(re.escape, longest_first))
    pattern = rf'"({ids})"|(?<![\w-])({ids})(?![\w-])'
    return re.sub(pattern, lambda found: str(numbers[found[1] or found[2]]), text)
