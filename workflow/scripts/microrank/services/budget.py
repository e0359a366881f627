"""A ceiling on requests, tokens and US dollars, over the store's answers and what this job asks."""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from filelock import FileLock

from microrank.errors import StudyError
from microrank.services.adapters import FREE
from microrank.services.batch_notes import BatchNotes
from microrank.services.failures import BudgetReached
from microrank.services.locks import NoLocks, acquire
from microrank.services.spent import Spent
from microrank.services.store import Store, read_header

LOCK = "budget.lock"
ROUNDING = 1e-9  # of sums of dollars
log = logging.getLogger(__name__)


@dataclass
class Budget:
    """Limits (None: no limit) and what is spent of them.

    A request reserves its worst case before it is sent, so that no limit is crossed.
    """

    requests: int | None = None
    tokens: int | None = None
    usd: float | None = None
    spent: Spent = field(default_factory=Spent)
    _reserved: Spent = field(default_factory=Spent)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    @classmethod
    def from_config(cls, section: Mapping[str, Any] | None, store: Store) -> Self:
        """Take the config's `budget`; with limits, count what the store's answers took.

        Batches that have not come back count with the most that they can take.
        """
        limits = {name: value for name, value in (section or {}).items() if value is not None}
        if not limits:
            return cls()
        spent = spent_in(store)
        spent.add(BatchNotes(store).worst())
        return cls(**limits, spent=spent)

    def reserve(self, worst: Spent) -> None:
        """Set the worst case of one request aside.

        Where only the reservations of requests under way stand against it, it waits for them.

        Raises:
            BudgetReached: it would cross a limit.
        """
        with self._changed:
            while (crossed := self._crossed_by(worst)) is not None:
                if self._reserved.requests == 0:
                    raise BudgetReached(
                        f"the next request could cross budget.{crossed} "
                        f"({getattr(self, crossed):g}; used so far: {self.used()}); "
                        "raise `budget` in config.yaml to go on"
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
            needed = sum(getattr(part, name) for part in (self.spent, self._reserved, worst))
            if limit is not None and needed > limit + ROUNDING:
                return name
        return None


@contextmanager
def spending(limits: Mapping[str, Any] | None, store: Store) -> Iterator[Budget]:
    """The budget, which no other job spends while the block lasts.

    Where there are limits, jobs of one store spend one after the other, also of other workflows
    and on other machines: a lock on a file in the store ends with its process.

    Args:
        limits: the config's `budget`.
        store: whose answers count.

    Raises:
        StudyError: the store's file system has no locks, or cannot be written.
    """
    if all(limit is None for limit in (limits or {}).values()):
        yield Budget()
        return
    lock = _budget_lock(store.folder / LOCK)
    try:
        yield Budget.from_config(limits, store)
    finally:
        lock.release()


def _budget_lock(path: Path) -> FileLock:
    waiting = "another job is spending the budget; this one waits until it ends"
    try:
        lock = acquire(path, waiting=waiting)
    except NoLocks as error:
        raise StudyError(
            f"{path}: this file system has no locks, "
            "without which jobs could overspend the budget together; "
            "put `store.path` on another one, or take the limits out of `budget`"
        ) from error
    assert lock is not None  # it was waited for
    return lock


def spent_in(store: Store) -> Spent:
    """What the answers in the store took, simulated ones aside."""
    total = Spent()
    for path in store.paths():
        try:
            header = read_header(path)
        except (ValueError, OSError):
            continue  # `verify` speaks of it
        if header["adapter"] not in FREE:
            usage = header["usage"] or {}
            tokens = (usage.get("prompt_tokens") or 0) + (usage.get("completion_tokens") or 0)
            total.add(Spent(1, tokens, header["cost_usd"] or 0.0))
    return total
