"""How a model of `llms` is asked in this process; nothing here needs torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from microrank.local_llm.requests import DTYPES, LocalSettings
from microrank.local_llm.weights import identity
from microrank.services.adapters import CROSS_ENCODER
from microrank.services.store import Store

AUTO = "auto"
CROSS_ENCODER_DTYPE = "float32"  # small models: a narrower one would save nothing


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
        adapter = self.section["adapter"]
        model = Path(self.section["model"]).name
        return LocalSettings(model, weights, self.dtypes[0], adapter=adapter)

    @property
    def dtypes(self) -> list[str]:
        """The dtypes whose kept answers count: the one that is set, or with `auto` any."""
        if self.section["adapter"] == CROSS_ENCODER:
            return [CROSS_ENCODER_DTYPE]
        wanted = self.section.get("dtype", AUTO)
        return list(DTYPES) if wanted == AUTO else [wanted]
