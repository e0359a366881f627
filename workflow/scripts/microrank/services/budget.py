"""A ceiling on what may be asked: requests, tokens and dollars, over all that the store already holds and what this job asks."""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from microrank.errors import StudyError
from microrank.services.failures import AskingStopped
from microrank.services.locks import NoLocks, opened, take
from microrank.services.store import Store, read_header

FREE_ADAPTERS = frozenset({"simulated"})
LOCK = "budget.lock"
log = logging.getLogger(__name__)


@dataclass
class Spent:
    """Requests, tokens and US dollars."""

    requests: int = 0
    tokens: int = 0
    usd: float = 0.0

    def add(self, other: "Spent", sign: int = 1) -> None:
        self.requests += sign * other.requests
        self.tokens += sign * other.tokens
        self.usd += sign * other.usd


@dataclass
class Budget:
    """Limits (None: none) and what is used of them. Requests reserve their worst case before they are sent, so no limit is crossed."""

    requests: int | None = None
    tokens: int | None = None
    usd: float | None = None
    spent: Spent = field(default_factory=Spent)
    _reserved: Spent = field(default_factory=Spent)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @classmethod
    def from_config(cls, section: Mapping[str, Any] | None, store: Store) -> Self:
        """Take the limits of the config's `budget`; where there are any, count what the store's answers have used of them."""
        limits = {name: value for name, value in (section or {}).items() if value is not None}
        return cls(**limits, spent=spent_in(store) if limits else Spent())

    def reserve(self, worst: Spent) -> None:
        """Set the worst case of one request aside; wait for requests under way where only their reservations stand against it.

        Raises:
            AskingStopped: it would cross a limit.
        """
        with self._changed:
            while (crossed := self._crossed_by(worst)) is not None:
                if self._reserved.requests == 0:
                    raise AskingStopped(
                        f"the next request could cross budget.{crossed} ({getattr(self, crossed):g}; used so far: {self.used()}); "
                        f"raise `budget` in config.yaml to go on"
                    )
                self._changed.wait()
            self._reserved.add(worst)

    def settle(self, worst: Spent, actual: Spent) -> None:
        """Give the reservation back and count what the request really took."""
        with self._changed:
            self._reserved.add(worst, -1)
            self.spent.add(actual)
            self._changed.notify_all()

    def used(self) -> str:
        """What is spent, in words."""
        return (
            f"{self.spent.requests} requests, {self.spent.tokens} tokens, {self.spent.usd:.4f} USD"
        )

    def _crossed_by(self, worst: Spent) -> str | None:
        for name in ("requests", "tokens", "usd"):
            limit = getattr(self, name)
            if (
                limit is not None
                and getattr(self.spent, name) + getattr(self._reserved, name) + getattr(worst, name)
                > limit + 1e-9
            ):
                return name
        return None


@contextmanager
def spending(section: Mapping[str, Any] | None, store: Store) -> Iterator[Budget]:
    """The budget, which no other job spends while the block lasts: where there are limits, jobs of one store take turns.

    The turn is a lock on a file in the store, which ends with its process: it holds among workflows and among machines, too.

    Raises:
        StudyError: the store's file system has no locks, or cannot be written.
    """
    if all(limit is None for limit in (section or {}).values()):
        yield Budget()
        return
    with opened(store.folder / LOCK) as file:
        try:
            if not take(file, wait=False):
                log.info("another job is spending the budget; this one waits until it ends")
                take(file)
        except NoLocks as error:
            raise StudyError(
                f"{file.name}: this file system has no locks, without which jobs could overspend the budget together; "
                f"put `store.path` on another one, or take the limits out of `budget`"
            ) from error
        yield Budget.from_config(section, store)


def spent_in(store: Store) -> Spent:
    """What the answers in the store took, simulated ones aside."""
    total = Spent()
    for path in store.paths():
        try:
            header = read_header(path)
        except (ValueError, OSError):
            continue  # `verify` speaks of it
        if header["adapter"] not in FREE_ADAPTERS:
            usage = header["usage"] or {}
            tokens = (usage.get("prompt_tokens") or 0) + (usage.get("completion_tokens") or 0)
            total.add(Spent(1, tokens, header["cost_usd"] or 0.0))
    return total
