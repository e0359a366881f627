"""Ask a language model behind a service, in whichever way a re-ranker asks."""

from typing import Any

import pyarrow as pa

from microrank.llm.query import query_llm
from microrank.llm.query_in_turn import query_in_turn
from microrank.llm.query_logprobs import query_logprobs
from microrank.llm.service_asks import SERVICE_ASKS
from microrank.local_llm.in_turn import InTurn
from microrank.local_llm.requests import Ask
from microrank.local_llm.written import Written
from microrank.services.chat_settings import ChatSettings
from microrank.services.store import Store


def query_service(
    subset: pa.Table,
    catalogue: pa.Table,
    ask: Ask | InTurn,
    settings: ChatSettings,
    store: Store,
    **how: Any,
) -> pa.Table:
    """Answers to every user's questions: written ones, log-probabilities or scores.

    Args:
        subset: Table SUBSET; its ground truth is not looked at.
        catalogue: Table ITEMS, for the titles.
        ask: The way of asking.
        settings: The model and everything else that shapes its answers.
        store: Where answers are kept; what it holds is not asked again.
        how: The keyword arguments of `query_llm` and `query_logprobs`.

    Returns:
        Table RESPONSES, sorted by user and pass.

    Raises:
        StudyError: Some questions have no answer; all others are kept in the store by then.
    """
    if isinstance(ask, InTurn):
        return query_in_turn(subset, catalogue, ask, settings, store, **how)
    if isinstance(ask, Written):
        return query_llm(subset, catalogue, ask.prompt, settings, store, **how)
    if ask.name not in SERVICE_ASKS:
        raise ValueError(f"no service is asked by {ask.name}")
    return query_logprobs(subset, catalogue, ask, settings, store, **how)
