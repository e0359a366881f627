"""A simulated chat model behind real HTTP, for studies without a model.

It orders candidates by the words that they share with the history. It also misbehaves now and then,
as real services do. Which question meets which fault depends on the question and the seed alone, so
that a study with it can be repeated to the byte.
"""

import json
import math
import random
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, TypeVar

K = TypeVar("K", int | str, str)
SERVED_MODEL = "simulated-word-overlap"
FAULTS = {
    "busy": 0.05,
    "foreign": 0.04,
    "duplicate": 0.04,
    "prose": 0.08,
    "cut": 0.03,
    "thinking": 0.03,
}
# A number in brackets, or an id: one word with a digit in it, and a colon.
_CANDIDATE = re.compile(r"^(?:\[(\d+)\] |([^\s:]*\d[^\s:]*): )(.*)$")
_HISTORY = re.compile(r"^(?:- |\d+\. )(.*)$")
_LABELLED = re.compile(
    r"^([A-Za-z])\. (.*)$", re.MULTILINE
)  # a few candidates, of which one is best
_WORD = re.compile(r"\w+")


@contextmanager
def simulated_server(seed: int) -> Iterator[str]:
    """Run the server on a free port of 127.0.0.1 while the block lasts.

    Yields:
        Its base URL, which ends in /v1.
    """
    state = {"seed": seed, "turned_away": set(), "lock": threading.Lock()}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), state))
    server.daemon_threads = True
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def simulated_answer(messages: list[dict[str, str]], seed: int) -> tuple[str, str]:
    """The text that the model answers to a question, and the fault that it shows ("" for none)."""
    prompt = messages[-1]["content"]
    draw = random.Random(f"{seed}\0{prompt}")
    fault = draw.choices([*FAULTS, ""], [*FAULTS.values(), 1 - sum(FAULTS.values())])[0]
    history, candidates, numbered = _read(prompt)
    if labelled := dict(_LABELLED.findall(prompt)):
        return _misbehaving_label(_overlap(history, labelled), fault, len(history)), fault
    overlap = _overlap(history, candidates)
    if '"scores"' in prompt:
        text = json.dumps({"scores": _scores(overlap, fault, draw)})
    else:
        ranked = _ranked(overlap, fault, draw)
        text = json.dumps({"ranking": ranked}) if numbered else ", ".join(map(str, ranked))
    return _misbehaving(text, fault, len(history)), fault


def _overlap(history: list[str], candidates: Mapping[K, str]) -> dict[K, float]:
    """How much each candidate's words were liked: newer titles of the history count more."""
    liked: dict[str, float] = {}
    for age, title in enumerate(reversed(history)):
        for word in set(_WORD.findall(title.lower())):
            liked[word] = liked.get(word, 0.0) + 1 / (1 + 0.2 * age)
    # fsum: a set's order differs from one process to the next and must not show in the last bit
    return {
        name: math.fsum(liked.get(word, 0.0) for word in set(_WORD.findall(title.lower())))
        for name, title in candidates.items()
    }


def _ranked(overlap: dict[int | str, float], fault: str, draw: random.Random) -> list[int | str]:
    """The candidates by overlap, with a foreign or a repeated one where that is the fault."""
    ranked = sorted(overlap, key=lambda name: -overlap[name])
    if fault == "foreign":
        foreign_place = draw.randrange(len(ranked) + 1)
        ranked.insert(foreign_place, _foreign(overlap, draw))
    if fault == "duplicate" and ranked:
        ranked.insert(draw.randrange(len(ranked)), draw.choice(ranked))
    return ranked


def _scores(
    overlap: dict[int | str, float], fault: str, draw: random.Random
) -> dict[int | str, int]:
    """Every candidate's overlap as a whole number from 0 to 10, the largest 10."""
    largest = max(overlap.values(), default=0.0) or 1.0
    scores = {name: round(10 * value / largest) for name, value in overlap.items()}
    if fault == "foreign":
        scores[_foreign(scores, draw)] = 10
    return scores


def _foreign(known: Mapping[int | str, float], draw: random.Random) -> int:
    """A number that is no candidate's."""
    return max((name for name in known if isinstance(name, int)), default=0) + draw.randrange(
        1, 1000
    )


def _misbehaving(text: str, fault: str, n_history: int) -> str:
    if fault == "cut":
        return text[: len(text) * 2 // 3]
    if fault == "prose":
        return f"Here is the order that suits this viewer best:\n\n{text}\n\nEnjoy!"
    if fault == "thinking":
        return f"<think>The first {n_history} titles say a lot.</think>{text}"
    return text


def _misbehaving_label(overlap: dict[str, float], fault: str, n_history: int) -> str:
    """The label of the candidate with the largest overlap, the first of equal ones."""
    best = max(overlap, key=overlap.__getitem__)
    if fault == "foreign":
        return "Z"
    if fault == "cut":
        return "The best one is"
    return _misbehaving(best, fault, n_history)


def _read(prompt: str) -> tuple[list[str], dict[int | str, str], bool]:
    """What the prompt shows.

    Returns:
        The history's titles, oldest first; the candidates' titles by the name to answer with; and
        whether these names are numbers 1…n.
    """
    history: list[str] = []
    candidates: dict[int | str, str] = {}
    numbered = False
    for line in prompt.splitlines():
        if candidate := _CANDIDATE.match(line):
            numbered = numbered or candidate[1] is not None
            name = candidate[1] or candidate[2]
            candidates[int(name) if name.isdigit() and name == str(int(name)) else name] = (
                candidate[3]
            )
        elif not candidates and (seen := _HISTORY.match(line)):
            history.append(seen[1])
    return history, candidates, numbered


class _Handler(BaseHTTPRequestHandler):
    """POST /v1/chat/completions and GET /v1/models, in OpenAI's shapes."""

    protocol_version = "HTTP/1.1"
    seed: ClassVar[int]
    turned_away: ClassVar[set[str]]
    lock: ClassVar[threading.Lock]

    def do_GET(self) -> None:
        self._reply(
            200,
            {
                "object": "list",
                "data": [{"id": SERVED_MODEL, "object": "model", "owned_by": "simulated"}],
            },
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            messages = json.loads(body)["messages"]
            text, fault = simulated_answer(messages, self.seed)
        except (ValueError, KeyError, TypeError, IndexError):
            self._reply(400, {"error": {"message": "simulated server: not a chat request"}})
            return
        if fault == "busy" and self._is_new(messages[-1]["content"]):
            busy = {"error": {"message": "simulated server: too many requests"}}
            self._reply(429, busy, {"Retry-After": "0"})
        else:
            self._reply(200, _completion(messages, text))

    def _is_new(self, question: str) -> bool:
        with self.lock:
            is_new = question not in self.turned_away
            self.turned_away.add(question)
        return is_new

    def _reply(
        self, status: int, content: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(data)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: the client's log says what happened."""


def _completion(messages: list[dict[str, str]], text: str) -> dict[str, Any]:
    """An answer in OpenAI's shape; words pass for tokens."""
    asked = sum(len(message["content"].split()) for message in messages)
    answered = len(text.split())
    message = {"role": "assistant", "content": text}
    return {
        "id": "simulated",
        "object": "chat.completion",
        "model": SERVED_MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": asked,
            "completion_tokens": answered,
            "total_tokens": asked + answered,
        },
    }
