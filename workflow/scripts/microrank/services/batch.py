"""What a service says of a batch, in OpenAI's shape."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from microrank.services.failures import Malformed

NAME = "microrank"  # of the metadata that tells our batches from others
ENDED = frozenset({"completed", "failed", "expired", "cancelled", "canceled"})


@dataclass(frozen=True)
class Batch:
    """What a service says of a batch; None where it does not say.

    Attributes:
        id: The service's name of it.
        status: In lower case; one of ENDED where nothing more happens to it.
        name: Our name of it, from its metadata.
        input_file_id: The file with its questions.
        output_file_id: The file with its answers.
        error_file_id: The file with what has no answer.
        total: Questions.
        answered: Questions with an answer.
        failed: Questions that have none and never will.
        created_at: Seconds since 1970.
        expires_at: Seconds since 1970; what is not answered then never will be.
        problems: Why it failed as a whole.
    """

    id: str
    status: str
    name: str | None = None
    input_file_id: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    total: int = 0
    answered: int = 0
    failed: int = 0
    created_at: float | None = None
    expires_at: float | None = None
    problems: tuple[str, ...] = ()

    @property
    def is_ended(self) -> bool:
        """Whether nothing more happens to it, and the file with its answers is there, if any."""
        return self.status in ENDED and bool(self.output_file_id or not self.answered)

    @property
    def done(self) -> int:
        """Questions that are answered or have failed."""
        return self.answered + self.failed

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> Self:
        """Read a service's batch.

        Raises:
            Malformed: it is none.
        """
        batch_id, status = answer.get("id"), answer.get("status")
        if not isinstance(batch_id, str) or not batch_id or not isinstance(status, str):
            raise Malformed("no batch: it lacks an id or a status")
        counts, metadata = _mapping(answer.get("request_counts")), _mapping(answer.get("metadata"))
        return cls(
            id=batch_id,
            status=status.strip().lower(),
            name=_text(metadata.get(NAME)),
            input_file_id=_text(answer.get("input_file_id")),
            output_file_id=_text(answer.get("output_file_id")),
            error_file_id=_text(answer.get("error_file_id")),
            total=int(_number(counts.get("total")) or 0),
            answered=int(_number(counts.get("completed")) or 0),
            failed=int(_number(counts.get("failed")) or 0),
            created_at=_number(answer.get("created_at")),
            expires_at=_number(answer.get("expires_at")),
            problems=tuple(_problems(answer.get("errors"))),
        )


def _problems(errors: Any) -> Iterator[str]:
    """The lines of a batch's `errors`: a list, a list below `data`, or a text."""
    if isinstance(errors, Mapping):
        errors = errors.get("data")
    if isinstance(errors, str) and errors.strip():
        yield errors.strip()
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, Mapping):
            words = [error.get(name) for name in ("code", "message")]
            line = error.get("line")
            where = f" (line {line})" if isinstance(line, int) else ""
            yield ": ".join(word for word in words if isinstance(word, str)) + where


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return float(value) if is_number else None
