"""Prompts that a server probably cut to its context length, without saying so."""

import numpy as np
import pyarrow as pa

from microrank.evaluation.ranks import shown_items
from microrank.llm.prompts import Prompt, build_messages
from microrank.services.tokens import prompt_probably_cut


def count_cut_prompts(
    prompt: Prompt, responses: pa.Table, subset: pa.Table, items: pa.Table
) -> int:
    """Count the answers whose server counted far fewer tokens than the prompt has.

    The prompts are built without attributes of items. So they are at most as long as those sent,
    and no whole prompt is counted.

    Args:
        prompt: How the model was asked.
        responses: Table RESPONSES; rows of users outside the subset are passed over.
        subset: Table SUBSET.
        items: Table ITEMS, for titles.
    """
    known = items.filter(pa.array(np.isin(items["item_id"].to_numpy(), shown_items(subset))))
    titles = dict(zip(known["item_id"].to_pylist(), known["title"].to_pylist(), strict=True))
    users = {user["user_id"]: user for user in subset.to_pylist()}
    n_cut = 0
    for response in responses.select(["user_id", "order", "prompt_tokens"]).to_pylist():
        user = users.get(response["user_id"])
        if user is None or response["prompt_tokens"] is None:
            continue
        history, candidates = (
            [titles.get(item) or "" for item in user[part]] for part in ("history", "candidates")
        )
        messages = build_messages(
            prompt, history, candidates, user["candidates"], response["order"]
        )
        text = "\n".join(message["content"] for message in messages)
        n_cut += prompt_probably_cut(response["prompt_tokens"], text)
    return n_cut
