"""The model of an entry of `llms`, loaded when the first answer is missing."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from microrank.local_llm.requests import DTYPES, LocalSettings
from microrank.local_llm.weights import identity, weights_folder
from microrank.services.store import Request, Store

MAX_TOKENS = 512  # of a written answer, where the entry does not say
AUTO = "auto"
Answer = Callable[[str, Sequence[Request]], None]  # answers requests in a dtype, into the store
log = logging.getLogger(__name__)


def local_settings(name: str, section: Mapping[str, Any], folder: Path | None) -> LocalSettings:
    """What of an entry of `llms` shapes answers.

    Args:
        name: of the entry, for messages.
        section: the entry.
        folder: where its weights are; None where they are not at hand.
    """
    model = Path(str(section["model"])).name
    dtype = str(section.get("dtype", AUTO))
    return LocalSettings(model, identity(name, section, folder), dtype)


def local_answers(
    name: str, section: Mapping[str, Any], folder: Path | None, store: Store, threads: int
) -> Answer:
    """What answers requests: it loads the model when it is called, and not before.

    Args:
        name: of the entry of `llms`, for messages.
        section: the entry.
        folder: where its weights are; None to look for them on this machine and on the hub.
        store: where answers are kept.
        threads: processors to use.
    """

    def answer(dtype: str, requests: Sequence[Request]) -> None:
        import torch

        from microrank.local_llm.answers import answer_locally
        from microrank.local_llm.capability import choose_device
        from microrank.local_llm.model import load_model

        torch.set_num_threads(threads)
        device = choose_device(str(section.get("device", AUTO)))
        place = weights_folder(name, section, folder)
        log.info("%s: %d answers are missing", name, len(requests))
        answer_locally(load_model(place, name, device=device, dtype=dtype), requests, store)

    return answer


def dtypes_to_try(wanted: str) -> list[str]:
    """The dtypes whose kept answers count: the one that is set, or with `auto` any."""
    return list(DTYPES) if wanted == AUTO else [wanted]


def dtype_to_ask(wanted: str, section: Mapping[str, Any]) -> str:
    """The dtype to ask in: with `auto`, the one that this machine multiplies natively."""
    if wanted != AUTO:
        return wanted
    from microrank.local_llm.capability import choose_device, native_dtype

    return native_dtype(choose_device(str(section.get("device", AUTO))))
