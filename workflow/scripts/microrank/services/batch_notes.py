"""Which questions are in which batch, remembered in the store from before a batch is made.

A note is `batches/{name}.json` in the store's folder; `batches/{name}.jsonl` beside it holds the
batch's requests. It is removed when every answer of the batch is kept. Neither holds a token.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from microrank.files import read_json, write_text
from microrank.services.locks import hold
from microrank.services.spent import Spent
from microrank.services.store import Request, Store, canonical, request_key

FOLDER = "batches"
LOCK = ".lock"
WAITING = "another job is sending or fetching batches; this one waits until it is done"


@dataclass(frozen=True)
class BatchNote:
    """What is remembered of one batch.

    Attributes:
        name: Ours; it is in the batch's metadata, too.
        endpoint: The path that answers its questions.
        keys: Keys of its requests.
        form: How the bodies that were sent differ from the requests, as entries note it.
        worst: The most that it can take.
        file_id: The service's name of its file.
        sent_at: When the service was asked to make it, in seconds since 1970.
        batch_id: The service's name of it.
    """

    name: str
    endpoint: str
    keys: tuple[str, ...]
    form: tuple[str, ...] = ()
    worst: Spent = field(default_factory=Spent)
    file_id: str | None = None
    sent_at: float | None = None
    batch_id: str | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `asdict` gave."""
        lists = {"keys": tuple(data["keys"]), "form": tuple(data["form"])}
        return cls(**{**data, **lists, "worst": Spent(**data["worst"])})


class BatchNotes:
    """The notes of one store."""

    def __init__(self, store: Store) -> None:
        """Nothing is read or made yet."""
        self.folder = store.folder / FOLDER
        self._store = store
        self._seen: frozenset[Path] = frozenset()
        self._keys: frozenset[str] = frozenset()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Have the notes alone while the block lasts: jobs of one store take turns.

        Raises:
            StudyError: the store cannot be written.
        """
        with hold(self.folder / LOCK, waiting=WAITING):
            self._tidy()
            yield

    def path(self, note: BatchNote) -> Path:
        """The note's file."""
        return self.folder / f"{note.name}.json"

    def read(self) -> list[BatchNote]:
        """All notes, sorted by name.

        Raises:
            StudyError: one is damaged.
        """
        return [BatchNote.from_json(read_json(path)) for path in sorted(self._paths())]

    def add(self, note: BatchNote, requests: Mapping[str, Request]) -> None:
        """Remember a batch that is about to be made, with its requests."""
        lines = [canonical(requests[key]) for key in note.keys]
        write_text(self._requests_path(note), "\n".join(lines) + "\n")
        self.write(note)

    def write(self, note: BatchNote) -> None:
        """Remember what has become of a batch."""
        write_text(self.path(note), json.dumps(asdict(note)) + "\n")

    def requests(self, note: BatchNote) -> dict[str, Request]:
        """A batch's requests by their keys."""
        lines = self._requests_path(note).read_text(encoding="utf-8").splitlines()
        requests = [json.loads(line) for line in lines]
        return {request_key(request): request for request in requests}

    def remove(self, note: BatchNote) -> None:
        """Forget a batch whose answers are kept, or that was never made."""
        self.path(note).unlink(missing_ok=True)
        self._requests_path(note).unlink(missing_ok=True)

    def holds(self, key: str) -> bool:
        """Whether a batch has this question; for many keys in a row."""
        paths = frozenset(self._paths())
        if paths != self._seen:
            notes = self.read()
            self._seen = frozenset(map(self.path, notes))
            self._keys = frozenset(key for note in notes for key in note.keys)
        return key in self._keys

    def worst(self) -> Spent:
        """The most that all batches can take."""
        total = Spent()
        for note in self.read():
            total.add(note.worst)
        return total

    def tidy(self) -> None:
        """Delete what killed jobs left."""
        if self.folder.is_dir():
            with self.turn():
                pass

    def _tidy(self) -> None:
        for note in self.read():
            if all(self._store.path(key).exists() for key in note.keys):
                self.remove(note)
        requests = set(self.folder.glob("[!.]*.jsonl"))
        orphans = {path for path in requests if not path.with_suffix(".json").exists()}
        for leftover in orphans | set(self.folder.glob(".*.part")):
            leftover.unlink(missing_ok=True)

    def _paths(self) -> Iterator[Path]:
        return self.folder.glob("[!.]*.json") if self.folder.is_dir() else iter(())

    def _requests_path(self, note: BatchNote) -> Path:
        return self.folder / f"{note.name}.jsonl"
