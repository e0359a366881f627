"""A model of `llms` in this process, loaded when the first answer is missing."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from microrank.local_llm.requests import DTYPES, LocalSettings
from microrank.local_llm.weights import identity, weights_folder
from microrank.services.store import Request, Store

AUTO = "auto"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Session:
    """How one entry of `llms` is asked.

    Attributes:
        name: of the entry, for messages.
        section: the entry.
        store: where answers are kept.
        folder: where its weights are; None to look for them on this machine and on the hub.
        threads: processors to use.
    """

    name: str
    section: Mapping[str, Any]
    store: Store
    folder: Path | None = None
    threads: int = 1

    @cached_property
    def settings(self) -> LocalSettings:
        """What of the entry shapes answers; a dtype `auto` stands for several."""
        weights = identity(self.name, self.section, self.folder)
        return LocalSettings(Path(self.section["model"]).name, weights, self.dtypes[0])

    @property
    def dtypes(self) -> list[str]:
        """The dtypes whose kept answers count: the one that is set, or with `auto` any."""
        wanted = self.section.get("dtype", AUTO)
        return list(DTYPES) if wanted == AUTO else [wanted]

    def dtype_to_ask(self) -> str:
        """The dtype to ask in: with `auto`, the one that this machine multiplies natively."""
        if len(self.dtypes) == 1:
            return self.dtypes[0]
        from microrank.local_llm.capability import choose_device, native_dtype

        return native_dtype(choose_device(self.section.get("device", AUTO)))

    def answer(self, dtype: str, requests: Sequence[Request]) -> None:
        """Load the model and answer the requests, into the store."""
        import torch

        from microrank.local_llm.answers import answer_locally
        from microrank.local_llm.capability import choose_device
        from microrank.local_llm.model import load_model

        torch.set_num_threads(self.threads)
        device = choose_device(self.section.get("device", AUTO))
        place = weights_folder(self.name, self.section, self.folder)
        log.info("%s: %d answers are missing", self.name, len(requests))
        local = load_model(place, self.name, device=device, dtype=dtype)
        answer_locally(local, requests, self.store)
