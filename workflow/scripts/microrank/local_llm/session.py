"""How a model of `llms` is asked in this process; nothing here needs torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from microrank.local_llm.requests import DTYPES, LocalSettings
from microrank.local_llm.weights import identity
from microrank.services.store import Store

AUTO = "auto"


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
