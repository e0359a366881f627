"""Files and batches of one service over HTTP, in OpenAI's shape, which several providers serve."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NoReturn, TypeVar

from urllib3.filepost import encode_multipart_formdata

from microrank.errors import StudyError
from microrank.services.batch import NAME, Batch
from microrank.services.completion import json_answer
from microrank.services.connection import BROKEN, Connection, Reply, complaint
from microrank.services.failures import Malformed, Refused
from microrank.services.rate_limit import backoff
from microrank.services.setbacks import SERVER_ERROR, Setback, setback_of
from microrank.services.settings import Service

GOOD = frozenset({200, 201})
NOT_FOUND = (404, 405)
LIST_LIMIT = 100  # batches a page
MAX_FILE_BYTES = 1 << 30
NO_BATCHES = "files and batches are not served there: check `base_url`, or set `mode: direct`"
GONE = (
    "it was deleted, or belongs to another account than the token's: delete {note} to have its "
    "questions asked again"
)
T = TypeVar("T")


class Unsure(Exception):
    """No whole reply came: whether the batch was made is not known."""


class BatchClient:
    """Uploads files, makes batches and asks what became of them."""

    def __init__(self, service: Service, connection: Connection) -> None:
        """Reach `service` through `connection`."""
        self._service, self._connection = service, connection

    def upload(self, name: str, lines: bytes) -> str:
        """Upload a file of questions; gives its id.

        Raises:
            StudyError: it cannot be uploaded.
        """
        file = (f"{name}.jsonl", lines, "application/jsonl")
        data, content_type = encode_multipart_formdata([("purpose", "batch"), ("file", file)])
        send = self._sender("POST", "/files", data, content_type, is_file=True)
        return self._try(send, lambda reply: _id(json_answer(reply.body)), NO_BATCHES)

    def create(self, name: str, file_id: str, endpoint: str) -> Batch:
        """Make a batch of an uploaded file, once.

        Args:
            name: goes into its metadata, by which `listed` tells it.
            file_id: from `upload`.
            endpoint: the path that answers its questions, such as /v1/chat/completions.

        Raises:
            Unsure: no whole reply came.
            StudyError: the service refused it; nothing was made.
        """
        body = {
            "input_file_id": file_id,
            "endpoint": endpoint,
            "completion_window": self._service.completion_window,
            "metadata": {NAME: name},
        }
        send = self._sender("POST", "/batches", _json_bytes(body))

        def send_once() -> Reply:
            try:
                reply = send()
            except (Malformed, *BROKEN) as error:
                raise Unsure(self._problem(error)) from error
            if reply.status >= SERVER_ERROR:
                raise Unsure(f"status {reply.status}: {complaint(reply)}")
            return reply

        def read(reply: Reply) -> Batch:
            try:
                return Batch.from_json(json_answer(reply.body))
            except Malformed as error:
                raise Unsure(f"an unusable answer: {error}") from error

        return self._try(send_once, read, NO_BATCHES)

    def get(self, batch_id: str, note: str) -> Batch:
        """What the service says of a batch.

        Args:
            batch_id: from `create`.
            note: where it is remembered, for the error.

        Raises:
            StudyError: the service does not say.
        """
        send = self._sender("GET", f"/batches/{batch_id}")
        return self._try(
            send, lambda reply: Batch.from_json(json_answer(reply.body)), GONE.format(note=note)
        )

    def listed(self) -> Iterator[Batch]:
        """All batches of the account, the newest first.

        Raises:
            StudyError: the service does not say.
        """
        after = ""
        while True:
            send = self._sender("GET", f"/batches?limit={LIST_LIMIT}{after}")
            batches, has_more = self._try(send, _page, "batches are not listed there")
            yield from batches
            if not has_more or not batches:
                return
            after = f"&after={batches[-1].id}"

    def content(self, file_id: str, note: str) -> str:
        """The lines of a file.

        Args:
            file_id: of a batch.
            note: where the batch is remembered, for the error.

        Raises:
            StudyError: the file cannot be had.
        """
        send = self._sender("GET", f"/files/{file_id}/content", is_file=True)
        return self._try(send, lambda reply: reply.body, GONE.format(note=note))

    def _sender(
        self,
        method: str,
        path: str,
        data: bytes | None = None,
        content_type: str | None = None,
        *,
        is_file: bool = False,
    ) -> Callable[[], Reply]:
        """One request, ready to be sent; a file may take as long as a question may wait."""
        limits: dict[str, Any] = {}
        if is_file:
            limits = {"timeout_s": self._service.max_wait_s, "max_bytes": MAX_FILE_BYTES}
        url = f"{self._service.base_url}{path}"
        return partial(
            self._connection.send, method, url, data, content_type=content_type, **limits
        )

    def _try(self, send: Callable[[], Reply], read: Callable[[Reply], T], if_absent: str) -> T:
        """Send until the reply can be read; waits are those of `Service`."""
        started, failures = time.monotonic(), 0
        while True:
            try:
                reply = send()
                if reply.status in GOOD:
                    return read(reply)
                setback = self._setback(reply, if_absent)
            except (Malformed, *BROKEN) as error:
                setback = Setback(self._problem(error))
            failures += 1
            self._wait(setback, failures, time.monotonic() - started)

    def _setback(self, reply: Reply, if_absent: str) -> Setback:
        if reply.status in NOT_FOUND:
            problem = f"status {reply.status}: {complaint(reply)}"
            raise StudyError(
                f"{self._service.name}: {self._service.base_url}: {problem}; {if_absent}"
            )
        try:
            return setback_of(reply, {}, self._service)
        except Refused as refused:
            raise StudyError(str(refused)) from refused

    def _problem(self, error: Exception) -> str:
        if isinstance(error, Malformed):
            return f"an unusable answer: {error}"
        return self._connection.problem(error)

    def _wait(self, setback: Setback, failures: int, waited_s: float) -> None:
        service = self._service
        if failures >= service.max_tries:
            self._give_up(f"{setback.problem} (tried {failures} times)")
        hint_s = setback.wait_hint()
        wait_s = backoff(failures, service.first_wait_s) if hint_s is None else hint_s
        if waited_s + wait_s > service.max_wait_s:
            self._give_up(f"{setback.problem} (max_wait_s is {service.max_wait_s:g})")
        time.sleep(wait_s)

    def _give_up(self, problem: str) -> NoReturn:
        service = self._service
        raise StudyError(
            f"{service.name}: {service.base_url}: {problem}; nothing is lost: run again later"
        )


def _page(reply: Reply) -> tuple[list[Batch], bool]:
    answer = json_answer(reply.body)
    data = answer.get("data")
    if not isinstance(data, list):
        raise Malformed("no list of batches")
    batches = [Batch.from_json(batch) for batch in data if isinstance(batch, dict)]
    return batches, answer.get("has_more") is True


def _id(answer: Mapping[str, Any]) -> str:
    value = answer.get("id")
    if not isinstance(value, str) or not value:
        raise Malformed("no file: it lacks an id")
    return value


def _json_bytes(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body).encode()
