"""Asking a service in batches, over any number of runs: fetch what is done, send what is missing.

Before a batch is made, a note in the store says which questions it has; the note goes when their
answers are kept. So a job that is killed anywhere loses nothing and asks nothing twice:

- before the batch was asked for: nothing was made, and the note is dropped;
- before its name was noted: the service's list of batches tells it, by the name in its metadata
  or by its file;
- before its answers were kept: they are fetched again.
"""

import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from microrank.errors import StudyError
from microrank.services.batch import Batch
from microrank.services.batch_client import BatchClient, Unsure
from microrank.services.batch_finder import BatchFinder
from microrank.services.batch_lines import (
    ALWAYS,
    Form,
    Outcome,
    endpoint_of,
    form_of,
    line_of,
    read_outcomes,
    split_lines,
)
from microrank.services.batch_notes import BatchNote, BatchNotes
from microrank.services.batch_state import untold, when_to_look
from microrank.services.client import Client
from microrank.services.dispatch import Failure, listed
from microrank.services.expectation import Expectations
from microrank.services.failures import BudgetReached, Pending
from microrank.services.kept import kept_answer
from microrank.services.locks import lock_of, wait_for
from microrank.services.spent import Spent
from microrank.services.store import Entry, Request, Store
from microrank.services.tokens import Bound, chat_estimate
from microrank.services.usage import Usage

RUN_AGAIN = "run again to ask only what is missing"
log = logging.getLogger(__name__)


class Batches:
    """The batches of one job's questions."""

    def __init__(
        self,
        requests: Mapping[str, Request],
        names: Mapping[str, str],
        client: Client,
        store: Store,
        expectations: Expectations,
    ) -> None:
        """Prepare to ask.

        Args:
            requests: Key → request, all of one model.
            names: Key → the question's name, for messages.
            client: Of the service; its budget is kept.
            store: Where answers and notes are kept.
            expectations: What was expected of the answers.
        """
        self.entries: dict[str, Entry] = {}
        self._requests, self._names = requests, names
        self._service, self._budget, self._store = client.service, client.budget, store
        self._api = BatchClient(client.service, client.connection)
        self._notes = BatchNotes(store)
        self._finder = BatchFinder(self._api, self._notes, client.service)
        self._bound, self._expectations = Bound(), expectations
        self._waiting: list[tuple[BatchNote, Batch]] = []
        self._again: dict[str, Form] = {}
        self._failures: dict[str, str] = {}
        self._reached: BudgetReached | None = None

    @property
    def settled(self) -> set[str]:
        """Keys that are not to be asked by this job now: answered, failed or in a batch."""
        in_batches = {key for note, _ in self._waiting for key in note.keys}
        return {*self.entries, *self._failures, *in_batches}

    def fetch(self) -> None:
        """Keep the answers of batches that are done.

        Raises:
            StudyError: the service does not say what became of one.
        """
        if not self._notes.folder.is_dir():
            return
        with self._notes.turn():
            for note in self._fetch():
                self._notes.remove(note)

    def run(self, kept: Sequence[Entry]) -> None:
        """Keep the answers of batches that are done, and send what is in no batch yet.

        Args:
            kept: Answers of the same model, which tell in which form it is asked.

        Raises:
            StudyError: the service does not say what became of a batch, or takes none.
        """
        with self._notes.turn():
            ended = self._fetch()
            form = form_of([*kept, *self.entries.values()])
            for again in self._again.values():
                form |= again & ALWAYS
            notes = self._note_down(form)
            # Only now: the new notes remember in which form to ask what failed in the old one.
            for note in ended:
                self._notes.remove(note)
            for note in notes:
                self._send(note)

    def complain(self) -> None:
        """Say what has no answer.

        Raises:
            Pending: batches are not done.
            BudgetReached: the rest would cross it.
            StudyError: questions failed.
        """
        missing = len(self._requests.keys() - self.entries.keys())
        if not missing:
            return
        failed = {key: why for key, why in self._failures.items() if key not in self.entries}
        failures = [Failure(self._names[key], why) for key, why in failed.items()]
        parts = [f"{missing} of {len(self._requests)} questions have no answer yet"]
        if failures:
            parts.append(f"{len(failures)} failed: {listed(failures)}")
        if self._reached:
            parts.append(str(self._reached))
        batches = [batch for _, batch in self._waiting]
        when = when_to_look(batches, time.time()) if batches else RUN_AGAIN
        parts.append(when)
        line = f"{self._service.name}: {'; '.join(parts)}"
        if self._waiting:
            raise Pending(line)
        raise BudgetReached(line) if self._reached and not failures else StudyError(line)

    def _fetch(self) -> list[BatchNote]:
        """Look at each batch that has questions of this job; gives those that are over."""
        for key, request in self._requests.items():  # another job may have fetched meanwhile
            if entry := kept_answer(self._store, request):
                self.entries[key] = entry
        over = []
        for note in self._notes.read():
            if self.entries.keys() >= self._requests.keys() & set(note.keys):
                continue
            batch = self._finder.batch_of(note)
            if batch is None:
                over.append(note)
            elif batch.is_ended:
                self._keep(note, batch)
                over.append(note)
            else:
                self._waiting.append((note, batch))
        return over

    def _keep(self, note: BatchNote, batch: Batch) -> None:
        """Keep a batch's answers; note what failed, and what is to be asked again."""
        requests = self._notes.requests(note)
        path = str(self._notes.path(note))
        files = [batch.output_file_id, batch.error_file_id]
        text = "\n".join(self._api.content(name, path) for name in files if name)
        outcomes = read_outcomes(requests, frozenset(note.form), text, self._service)
        took = Spent()
        for key, request in requests.items():
            outcome = outcomes.get(key) or untold(batch, frozenset(note.form))
            took.add(self._took(outcome.usage))
            if outcome.entry is not None:
                self._bound.learn(chat_estimate(request["body"]), outcome.usage)
                entry = kept_answer(self._store, request) or self._put(outcome.entry)
                if key in self._requests:
                    self.entries[key] = entry
            elif key in self._requests and key not in self.entries:
                self._note_failure(key, outcome)
        self._budget.spent.add(note.worst, -1)
        self._budget.spent.add(took)
        n_answers = sum(outcome.entry is not None for outcome in outcomes.values())
        log.info(
            "%s: batch %s is %s: %d of %d questions are answered",
            self._service.name,
            batch.id,
            batch.status,
            n_answers,
            len(requests),
        )

    def _put(self, entry: Entry) -> Entry:
        expected = self._expectations.first(entry.request)
        return self._store.put(replace(entry, expected=expected))

    def _note_failure(self, key: str, outcome: Outcome) -> None:
        if outcome.again is not None:
            self._again[key] = outcome.again
        else:
            self._failures[key] = str(outcome.failure)
            log.warning("%s: %s", self._names[key], outcome.failure)

    def _note_down(self, form: Form) -> list[BatchNote]:
        """Note the questions that are in no batch, in files that are not too long.

        Args:
            form: In which the server takes all questions.
        """
        lines: dict[tuple[str, Form], dict[str, bytes]] = {}
        settled = self.settled
        for key, request in self._requests.items():
            if key not in settled:
                own = form | self._again.get(key, frozenset())
                group = lines.setdefault((endpoint_of(request), own), {})
                group[key] = line_of(key, request, own)
        notes = []
        for (endpoint, own), group in lines.items():
            limits = (self._service.batch_lines, self._service.batch_bytes)
            for part in split_lines(self._affordable(group), *limits):
                worst = Spent()
                for key in part:
                    worst.add(self._worst(key))
                name = secrets.token_hex(8)
                note = BatchNote(name, endpoint, part, tuple(sorted(own)), worst)
                self._notes.add(note, self._requests)
                notes.append(note)
        return notes

    def _affordable(self, lines: Mapping[str, bytes]) -> dict[str, bytes]:
        """The first of the lines, as far as the budget allows even at their worst."""
        affordable = {}
        for key, line in lines.items():
            worst = self._worst(key)
            try:
                self._budget.reserve(worst)
            except BudgetReached as reached:
                self._reached = reached
                break
            self._budget.settle(worst, worst)
            affordable[key] = line
        return affordable

    def _worst(self, key: str) -> Spent:
        return self._took(self._bound.of(chat_estimate(self._requests[key]["body"])))

    def _took(self, usage: Usage) -> Spent:
        cost_usd = self._service.in_batches.cost_usd(usage)
        return Spent(1, usage.tokens, cost_usd or 0.0)

    def _send(self, note: BatchNote) -> None:
        """Make the batch of a note.

        Raises:
            StudyError: the service does not take it: the note is dropped. Or it does not say
                whether it did: the note stays, and the next run finds out.
        """
        form = frozenset(note.form)
        for key in note.keys:  # a job that asks it directly began before this note was there
            wait_for(lock_of(self._store, key))
        unanswered = [key for key in note.keys if not self._kept_meanwhile(key)]
        if not unanswered:
            self._notes.remove(note)
            return
        lines = b"".join(line_of(key, self._requests[key], form) for key in unanswered)
        try:
            note = replace(note, file_id=self._api.upload(note.name, lines), sent_at=time.time())
            self._notes.write(note)
            batch = self._api.create(note.name, str(note.file_id), note.endpoint)
        except Unsure as unsure:
            log.warning("%s: making a batch: %s", self._service.name, unsure)
            found = self._finder.found(note)
            if found is None:
                self._drop(note)
                raise StudyError(
                    f"{self._service.name}: no batch could be made: {unsure}; run again"
                ) from unsure
            batch = found
        except StudyError:
            self._drop(note)
            raise
        note = replace(note, batch_id=batch.id)
        self._notes.write(note)
        self._waiting.append((note, batch))
        log.info("%s: sent %d questions as batch %s", self._service.name, len(unanswered), batch.id)

    def _drop(self, note: BatchNote) -> None:
        """Forget a batch that was not made."""
        self._notes.remove(note)
        self._budget.spent.add(note.worst, -1)

    def _kept_meanwhile(self, key: str) -> bool:
        entry = kept_answer(self._store, self._requests[key])
        if entry is not None:
            self.entries[key] = entry
        return entry is not None
