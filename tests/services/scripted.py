"""A chat and embeddings server on this machine whose answers tests script; and questions for it."""

import json
import re
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from microrank.services.chat import ChatSettings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

Handler = Callable[[Request, dict[str, Any]], Response]


def completion(text: str = "3, 1, 2", finish_reason: str = "stop", **more: Any) -> dict[str, Any]:
    """A chat answer in OpenAI's shape."""
    return {
        "model": "tiny",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": finish_reason,
            }
        ],
        "usage": {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16},
        **more,
    }


def as_json(answer: Any, status: int = 200, **headers: str) -> Response:
    return Response(json.dumps(answer), status, headers, content_type="application/json")


def answer_well(request: Request, body: dict[str, Any]) -> Response:
    return as_json(completion())


@dataclass
class Scripted:
    """A server whose `answer` is a function; it keeps every request's body and headers."""

    base_url: str
    answer: Handler
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0
    listed: dict[str, Any] | None = None  # what GET /models answers

    def renew(self) -> None:
        """Forget what was asked; answer well."""
        self.answer, self.bodies, self.headers, self.most_at_once, self.listed = (
            answer_well,
            [],
            [],
            0,
            None,
        )

    @property
    def asked(self) -> Counter:
        """How often each question (the last message) came."""
        return Counter(body["messages"][-1]["content"] for body in self.bodies)


@contextmanager
def serving(
    answer: Handler | None = None, ssl_context: ssl.SSLContext | None = None
) -> Iterator[Scripted]:
    """A server on a port of its own; `answer` may be set later too."""
    lock = threading.Lock()
    now = 0
    with HTTPServer(host="127.0.0.1", port=0, threaded=True, ssl_context=ssl_context) as http:
        scripted = Scripted(http.url_for("/v1"), answer or answer_well)

        def handle(request: Request) -> Response:
            nonlocal now
            body = request.get_json(silent=True) or {}
            with lock:
                now += 1
                scripted.most_at_once = max(scripted.most_at_once, now)
                scripted.bodies.append(body)
                scripted.headers.append(dict(request.headers))
            try:
                return scripted.answer(request, body)
            finally:
                with lock:
                    now -= 1

        http.expect_request(re.compile("/v1/.*"), method="POST").respond_with_handler(handle)
        http.expect_request("/v1/models", method="GET").respond_with_handler(
            lambda request: (
                as_json({}, 404) if scripted.listed is None else as_json(scripted.listed)
            )
        )
        yield scripted


def questions(settings: ChatSettings, number: int, **changes: Any) -> dict[str, dict[str, Any]]:
    """That many different questions."""
    settings = replace(settings, **changes)
    return {
        f"user {n}, pass 0": settings.request([{"role": "user", "content": f"question {n}"}], 0)
        for n in range(number)
    }


def wait_until(holds: Callable[[], bool], limit_s: float = 30.0) -> None:
    end = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)
