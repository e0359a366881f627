"""A service with files and batches on this machine, in OpenAI's shape; tests script its faults."""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pytest_httpserver import HTTPServer
from services.scripted import as_json, completion
from werkzeug import Request, Response

COURSE = ("validating", "in_progress", "finalizing", "completed")  # a look at a batch goes one on
Line = dict[str, Any]


def good(line: Line) -> Line:
    """The output line of a question that is answered well."""
    return answered(line, completion(f"answer to {line['body']['messages'][-1]['content']}"))


def answered(line: Line, body: Any, status: int = 200) -> Line:
    response = {"status_code": status, "request_id": "r", "body": body}
    return {"id": "b", "custom_id": line["custom_id"], "response": response, "error": None}


def failed(line: Line, code: str, message: str = "so it is") -> Line:
    error = {"code": code, "message": message}
    return {"id": "b", "custom_id": line["custom_id"], "response": None, "error": error}


@dataclass
class Made:
    """One batch: the lines of its file, and how far it is."""

    id: str
    file_id: str
    metadata: dict[str, str]
    lines: list[Line]
    endpoint: str
    window: str
    looks: int = 0
    ends: str = "completed"
    created_at: int = 0
    results: list[Line] = field(default_factory=list)


@dataclass
class BatchServer:
    """What was uploaded, made and answered.

    Attributes:
        answer: Gives the result line of a question.
        course: Statuses that a batch goes through, one a look, the last one for good.
        fault: Gives a reply for a request (method and path), or None: the request is served.
        lock: Is held while a request is served.
        pause_s: Seconds before a request is served, and again before its reply.
        lists: Whether batches are listed.
        metadata_is_kept: Whether batches show the metadata that they were made with.
    """

    base_url: str
    answer: Callable[[Line], Line | None] = good
    course: tuple[str, ...] = COURSE
    errors: Any = None
    fault: Callable[[str, str], Response | None] = lambda method, path: None
    pause_s: Callable[[], float] = lambda: 0.0
    files: dict[str, str] = field(default_factory=dict)
    batches: list[Made] = field(default_factory=list)
    calls: Counter = field(default_factory=Counter)
    headers: list[dict[str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    lists: bool = True
    metadata_is_kept: bool = True

    @property
    def asked(self) -> Counter:
        """How often each question stands in a batch that was not refused as a whole."""
        return Counter(
            line["custom_id"]
            for made in self.batches
            if made.ends != "failed"
            for line in made.lines
        )

    def upload(self, request: Request) -> Response:
        assert request.form["purpose"] == "batch"
        text = request.files["file"].read().decode()
        name = f"file-{len(self.files)}"
        self.files[name] = text
        return as_json({"id": name, "object": "file", "bytes": len(text), "purpose": "batch"})

    def create(self, request: Request) -> Response:
        body = request.get_json()
        name = body["input_file_id"]
        lines = [json.loads(line) for line in self.files[name].splitlines()]
        assert len({line["custom_id"] for line in lines}) == len(lines)
        made = Made(
            f"batch_{len(self.batches)}",
            name,
            body["metadata"] if self.metadata_is_kept else {},
            lines,
            body["endpoint"],
            body["completion_window"],
            created_at=int(time.time()),
        )
        self.batches.append(made)
        return as_json(self.show(made))

    def look(self, made: Made) -> Response:
        made.looks = min(made.looks + 1, len(self.course) - 1)
        return as_json(self.show(made))

    def show(self, made: Made) -> dict[str, Any]:
        status = self.course[made.looks]
        made.ends = status
        output, errors = [], []
        is_over = status in ("completed", "expired", "cancelled")
        if is_over:
            made.results = made.results or [
                line for line in map(self.answer, made.lines) if line is not None
            ]
            for line in made.results:
                is_good = line["response"] and line["response"]["status_code"] == 200
                (output if is_good else errors).append(line)
        return {
            "id": made.id,
            "object": "batch",
            "endpoint": made.endpoint,
            "errors": self.errors if status == "failed" else None,
            "input_file_id": made.file_id,
            "completion_window": made.window,
            "status": status,
            "output_file_id": self.keep(f"{made.id}-output", output),
            "error_file_id": self.keep(f"{made.id}-error", errors) or "",
            "created_at": made.created_at,
            "expires_at": made.created_at + 86400,
            "request_counts": {
                "total": len(made.lines),
                "completed": len(output),
                "failed": len(errors),
            },
            "metadata": made.metadata or None,
        }

    def keep(self, name: str, lines: list[Line]) -> str | None:
        self.files[name] = "".join(json.dumps(line) + "\n" for line in reversed(lines))
        return name if lines else None

    def listing(self, request: Request) -> Response:
        newest_first = [self.show(made) for made in reversed(self.batches)]
        after = request.args.get("after")
        names = [batch["id"] for batch in newest_first]
        start = names.index(after) + 1 if after else 0
        page = newest_first[start : start + 2]  # short pages, so that there are several
        has_more = start + 2 < len(newest_first)
        return as_json({"object": "list", "data": page, "has_more": has_more})

    def serve(self, request: Request) -> Response:
        path = request.path.removeprefix("/v1")
        self.calls[f"{request.method} {re.sub('[-_0-9]+[a-z]*', '*', path)}"] += 1
        self.headers.append(dict(request.headers))
        if reply := self.fault(request.method, path):
            return reply
        if path == "/chat/completions":
            line = {"custom_id": "", "body": request.get_json()}
            return as_json(self.answer(line)["response"]["body"])
        if request.method == "POST":
            return self.upload(request) if path == "/files" else self.create(request)
        if path == "/batches":
            return self.listing(request) if self.lists else as_json({"error": "no"}, 404)
        if path.startswith("/batches/"):
            made = [made for made in self.batches if made.id == path.split("/")[2]]
            return self.look(made[0]) if made else as_json({"error": "no such batch"}, 404)
        text = self.files.get(path.split("/")[2]) if path.startswith("/files/") else None
        return as_json({"error": "no such file"}, 404) if text is None else Response(text)


@contextmanager
def serving_batches() -> Iterator[BatchServer]:
    """A service on a port of its own, which does one thing after the other."""
    with HTTPServer(host="127.0.0.1", port=0, threaded=True) as http:
        server = BatchServer(http.url_for("/v1"))

        def handle(request: Request) -> Response:
            time.sleep(server.pause_s())
            with server.lock:
                reply = server.serve(request)
            time.sleep(server.pause_s())
            return reply

        http.expect_request(re.compile("/v1/.*")).respond_with_handler(handle)
        yield server
