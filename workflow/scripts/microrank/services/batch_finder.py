"""Which batch a note is about: also one that a killed job may have made."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from microrank.errors import StudyError
from microrank.services.batch import Batch
from microrank.services.batch_client import BatchClient
from microrank.services.batch_notes import BatchNote, BatchNotes
from microrank.services.batch_state import is_of
from microrank.services.settings import Service

CLOCKS_APART_S = 86_400.0  # at most: the service's clock and ours
LONGEST_GRACE_S = 60.0


@dataclass(frozen=True)
class BatchFinder:
    """Finds the batches of notes.

    Attributes:
        api: The service's batches.
        notes: What the store remembers.
        service: How it is asked.
    """

    api: BatchClient
    notes: BatchNotes
    service: Service

    def batch_of(self, note: BatchNote) -> Batch | None:
        """The batch of a note; None where it was never made."""
        if note.batch_id is not None:
            return self.api.get(note.batch_id, str(self.notes.path(note)))
        return None if note.sent_at is None else self.found(note)

    def found(self, note: BatchNote) -> Batch | None:
        """A batch that was asked for and may have been made, from the service's list.

        A request that a killed job had under way may still be on its way: it is waited for.
        """
        grace_s = min(self.service.timeout_s, LONGEST_GRACE_S)
        sent_at = note.sent_at or 0.0
        while True:
            is_last_look = time.time() >= sent_at + grace_s
            try:
                batch = next((b for b in self._recent(sent_at) if is_of(b, note)), None)
            except StudyError as error:
                raise StudyError(
                    f"{error}; whether batch {note.name} of {len(note.keys)} questions was made is "
                    f"not known: look for its name or its file {note.file_id} in the service's "
                    f"console; delete {self.notes.path(note)} to have its questions asked again"
                ) from error
            if batch is not None:
                self.notes.write(replace(note, batch_id=batch.id))
            if batch is not None or is_last_look:
                return batch
            time.sleep(min(1.0, grace_s / 5))

    def _recent(self, since: float) -> Iterator[Batch]:
        """The service's batches that were not made long before a time."""
        for batch in self.api.listed():
            if batch.created_at is not None and batch.created_at < since - CLOCKS_APART_S:
                return
            yield batch
