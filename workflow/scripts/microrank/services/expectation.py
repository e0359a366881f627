"""What an answer is expected to take: by other answers, by a preflight, or by texts alone.

The store remembers two things of each way of asking (the model with all that shapes its answers,
and the prompt's system message), in its folder `forecasts/`: what a preflight's question took, and
what was expected when the first question of a study was asked. The latter is never changed: an
answer is kept with what was expected of it before the first one, which the report sets beside what
it took.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from microrank.files import read_json, write_text
from microrank.local_llm.requests import local_estimate
from microrank.services.adapters import IN_PROCESS
from microrank.services.answers import is_question
from microrank.services.locks import hold
from microrank.services.store import Entry, Request, Store, canonical
from microrank.services.tokens import Estimate, chat_estimate, texts_estimate

FOLDER = "forecasts"
LOCK = ".lock"
PREFLIGHT, FIRST = "preflight", "first"
TEXTS = "texts"  # a source: nothing but the lengths of texts and limits
ANSWERS = "answers"  # a source: kept answers of the same questions


@dataclass(frozen=True)
class Expectation:
    """What is expected of each answer.

    Attributes:
        source: How it is known: TEXTS, PREFLIGHT or ANSWERS.
        prompt_ratio: True tokens in by those that are estimated from a text's length.
        completion_tokens: Mean tokens out, reasoning included; None: as many as are allowed.
        cached_share: Share of the tokens in that the service has cached.
    """

    source: str = TEXTS
    prompt_ratio: float = 1.0
    completion_tokens: float | None = None
    cached_share: float = 0.0

    def of(self, requests: Collection[Request]) -> "Expected":
        """What these requests are expected to take."""
        estimates = [estimate(request) for request in requests]
        prompt_tokens = sum(each.prompt_tokens for each in estimates) * self.prompt_ratio
        completion_tokens: float = sum(each.completion_tokens for each in estimates)
        if self.completion_tokens is not None:
            completion_tokens = len(requests) * self.completion_tokens
        return Expected(prompt_tokens, completion_tokens, prompt_tokens * self.cached_share)


@dataclass(frozen=True)
class Expected:
    """Tokens that are expected; no whole numbers, so that their sum is not rounded."""

    prompt_tokens: float
    completion_tokens: float
    cached_tokens: float

    def to_json(self) -> dict[str, float]:
        """As an entry keeps it."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def estimate(request: Request) -> Estimate:
    """Tokens of a request by its texts alone."""
    body = request["body"]
    if request["adapter"] in IN_PROCESS:
        return local_estimate(body)
    return chat_estimate(body) if is_question(body) else texts_estimate([body["input"]])


def observed(entries: Collection[Entry], source: str = ANSWERS) -> Expectation | None:
    """What answers tell of others like them; None where no server counted their tokens."""
    counted = [entry for entry in entries if entry.usage and entry.usage.get("prompt_tokens")]
    if not counted:
        return None
    usages = [entry.usage or {} for entry in counted]
    prompt_tokens = sum(usage["prompt_tokens"] for usage in usages)
    estimated = sum(estimate(entry.request).prompt_tokens for entry in counted)
    cached = sum(usage.get("cached_tokens", 0) for usage in usages)
    completion_tokens = sum(usage.get("completion_tokens", 0) for usage in usages)
    return Expectation(
        source, prompt_tokens / estimated, completion_tokens / len(counted), cached / prompt_tokens
    )


class Expectations:
    """What a store remembers of what was expected."""

    def __init__(self, store: Store) -> None:
        """Nothing is read or made yet."""
        self._folder = store.folder / FOLDER
        self._known: dict[str, Expectation] = {}

    def now(self, request: Request, kept: Collection[Entry]) -> Expectation:
        """What is expected now of a request.

        Args:
            request: A question of the study.
            kept: Answers of the same way of asking.
        """
        preflight = self._read(_way_of_asking(request), PREFLIGHT)
        return observed(kept) or preflight or Expectation()

    def note_preflight(self, entry: Entry) -> None:
        """Remember what the question of a preflight took."""
        expectation = observed([entry], PREFLIGHT)
        if expectation is None:
            return
        with hold(self._folder / LOCK, waiting=""):
            self._write(_way_of_asking(entry.request), PREFLIGHT, expectation)

    def note_first(self, request: Request, kept: Collection[Entry]) -> None:
        """Remember what is expected of a way of asking, unless that was done before.

        Args:
            request: A question that is about to be asked.
            kept: Answers of the same way of asking.
        """
        way = _way_of_asking(request)
        if way in self._known:
            return
        with hold(self._folder / LOCK, waiting=""):
            first = self._read(way, FIRST)
            if first is None:
                first = self.now(request, kept)
                self._write(way, FIRST, first)
        self._known[way] = first

    def first(self, request: Request) -> Mapping[str, float] | None:
        """What was expected of a question before the first was asked; None: nobody noted it."""
        way = _way_of_asking(request)
        expectation = self._known.get(way) or self._read(way, FIRST)
        if expectation is None:
            return None
        self._known[way] = expectation
        return expectation.of([request]).to_json()

    def _path(self, way: str, kind: str) -> Path:
        return self._folder / f"{way}.{kind}.json"

    def _read(self, way: str, kind: str) -> Expectation | None:
        path = self._path(way, kind)
        return Expectation(**read_json(path)) if path.exists() else None

    def _write(self, way: str, kind: str, expectation: Expectation) -> None:
        write_text(self._path(way, kind), json.dumps(asdict(expectation)) + "\n")


def _way_of_asking(request: Request) -> str:
    """SHA-256 of all that shapes an answer but the user's own texts."""
    body: dict[str, Any] = dict(request["body"])
    messages = body.pop("messages", [])
    for texts in ("prompt", "query", "documents", "texts", "top_n"):
        body.pop(texts, None)
    system = [message for message in messages if message["role"] == "system"]
    own = {key: value for key, value in request.items() if key != "answer"}
    shape = {**own, "body": body, "pass": 0, "system": system}
    return hashlib.sha256(canonical(shape).encode()).hexdigest()
