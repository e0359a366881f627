"""Which model really answered: where it is not the one that was asked for, the log says so once."""

import logging
import re

log = logging.getLogger(__name__)


def plain_model(name: str) -> str:
    """A model's name without organisation, provider and revision, in lower case.

    Of `meta-llama/Llama-3.1-8B-Instruct:novita` it is `llama-3.1-8b-instruct`.
    """
    return re.split("[@:]", name.partition(" by ")[0].rpartition("/")[2])[0].lower()


class ServedModels:
    """The models that one service was seen to serve."""

    def __init__(self, service_name: str) -> None:
        """Begin with none; `service_name` is for messages."""
        self._service_name = service_name
        self._seen: set[str] = set()

    def note(self, asked: str, served: str | None) -> None:
        """Log a model that was not asked for, the first time that it answers."""
        if served is not None and served not in self._seen:
            self._seen.add(served)
            if plain_model(served) != plain_model(asked):
                log.warning("%s: asked for %s, served by %s", self._service_name, asked, served)
