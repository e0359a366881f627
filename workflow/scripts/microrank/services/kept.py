"""Answers of chat models that the store keeps, and that are whole."""

from microrank.services.answers import whole_answer
from microrank.services.failures import Malformed
from microrank.services.store import Entry, Request, Store


def kept_answer(store: Store, request: Request) -> Entry | None:
    """The kept answer to a chat request; None where there is none.

    What older versions kept and is no whole answer is set aside, like a damaged file.
    """
    entry = store.get(request)
    if entry is None:
        return None
    try:
        whole_answer(request, entry.body)
    except Malformed as error:
        store.set_aside(entry.key, f"not a whole answer ({error})")
        return None
    return entry
