"""What one method would ask of a service, before anybody is asked."""

from collections.abc import Sequence
from dataclasses import dataclass

from microrank.services.adapters import FREE, IN_PROCESS
from microrank.services.settings import Service
from microrank.services.store import Request


@dataclass(frozen=True)
class PlannedRequests:
    """The requests of one re-ranker or encoder, and the service that would answer them."""

    method: str
    service: Service
    model: str
    requests: Sequence[Request]
    batch_size: int = 1  # answers to one HTTP request
    most: int | None = None  # requests in the worst case, where answers decide what is asked next
    users: Sequence[int] = ()  # whom each request is about; empty where that is nobody

    @property
    def is_free(self) -> bool:
        """Whether no service is asked: this machine gives the answers, simulated or not."""
        return bool(self.requests) and self.requests[0]["adapter"] in FREE

    @property
    def is_local(self) -> bool:
        """Whether a model in this process gives the answers."""
        return bool(self.requests) and self.requests[0]["adapter"] in IN_PROCESS
