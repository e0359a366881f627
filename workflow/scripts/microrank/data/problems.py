"""What is wrong with a raw file: gathered while it is read, and told all at once.

A problem has a kind, such as "rows without a user", and a setting that settles it. The setting
either lets the run go on, which a warning then tells, or makes the problem an error.
"""

import logging
from dataclasses import dataclass, field
from pathlib import Path

from microrank.errors import StudyError

log = logging.getLogger(__name__)

MAX_EXAMPLES = 2


@dataclass
class Problem:
    """One kind of problem.

    Attributes:
        what: one sentence without its count, such as `rows have no user`.
        what_to_do: the setting that settles it, or what happens to such rows.
        is_fatal: whether the run must stop.
        count: how many there are.
        examples: the first of them, with their lines.
    """

    what: str
    what_to_do: str
    is_fatal: bool
    count: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def without_examples(self) -> str:
        """The problem and what settles it."""
        return f"{self.count} {self.what}: {self.what_to_do}"

    def __str__(self) -> str:
        examples = f" ({', '.join(self.examples)})" if self.examples else ""
        return f"{self.count} {self.what}{examples}: {self.what_to_do}"


@dataclass
class Problems:
    """All problems of one file, by kind."""

    path: Path
    by_kind: dict[str, Problem] = field(default_factory=dict)

    def add(
        self,
        kind: str,
        what: str,
        what_to_do: str,
        *,
        is_fatal: bool,
        count: int,
        examples: list[str],
    ) -> None:
        """Count problems of one kind; examples of the first are kept."""
        if not count:
            return
        problem = self.by_kind.setdefault(kind, Problem(what, what_to_do, is_fatal))
        problem.count += count
        room = MAX_EXAMPLES - len(problem.examples)
        problem.examples += examples[: max(room, 0)]

    def counts(self) -> dict[str, int]:
        """Kind -> how many."""
        return {kind: problem.count for kind, problem in self.by_kind.items()}

    def __str__(self) -> str:
        return "; ".join(map(str, self.by_kind.values()))

    def settle(self) -> None:
        """Warn of what was settled.

        Raises:
            StudyError: something was not; names all of it.
        """
        fatal = [problem for problem in self.by_kind.values() if problem.is_fatal]
        if fatal:
            raise StudyError(f"{self.path}: " + "; ".join(str(problem) for problem in fatal))
        for problem in self.by_kind.values():
            log.warning("%s: %s", self.path, problem)
