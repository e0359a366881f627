"""The forecast before the first answer beside the bill after the last one."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from microrank.evaluation.usage import usage_of
from microrank.llm.planned_requests import planned_questions
from microrank.llm.prompts import load_prompt
from microrank.llm.query import chat_settings, query_llm
from microrank.run_preflight import made_up_question
from microrank.services.budget import Budget
from microrank.services.check_chat import check_chat
from microrank.services.expectation import ANSWERS, PREFLIGHT, TEXTS, Expectations
from microrank.services.failures import Pending
from microrank.services.forecast import Forecast, forecast
from microrank.services.price import Price
from microrank.services.settings import Service
from microrank.services.store import Store
from microrank.services.store_admin import pack, unpack
from services.scripted import completion
from services.scripted_batches import BatchServer, answered, serving_batches
from services.test_query import catalogue, subset

ROOT = Path(__file__).parents[2]
PRICE = {
    "input": 0.25,
    "cached_input": 0.025,
    "output": 2.0,
    "batch": 0.5,
    "as_of": "2026-11-27",
}


@pytest.fixture(scope="module")
def server() -> Iterator[BatchServer]:
    with serving_batches() as server:
        server.course = ("in_progress", "completed")
        server.answer = provider
        yield server


def tokens(text: str) -> int:
    """The provider's own tokenizer: pieces of words of up to five letters, and signs."""
    return len(re.findall(r"\w{1,5}|[^\w\s]", text))


def provider(line: dict) -> dict:
    """An answer with its usage.

    The model thinks for 160 to 240 tokens; the system message is cached.
    """
    system, user = (message["content"] for message in line["body"]["messages"])
    text = json.dumps({"ranking": list(range(1, 21))})
    thinking = 160 + hashlib.sha256(user.encode()).digest()[0] * 80 // 255
    prompt_tokens = tokens(system) + tokens(user) + 11
    usage = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": tokens(text) + thinking,
        "total_tokens": prompt_tokens + tokens(text) + thinking,
        "prompt_tokens_details": {"cached_tokens": tokens(system)},
        "completion_tokens_details": {"reasoning_tokens": thinking},
    }
    return answered(line, completion(text, usage=usage))


class Provided:
    """A study's questions to the scripted provider."""

    def __init__(self, server: BatchServer, store: Store, mode: str) -> None:
        self.section = {
            "adapter": "openai-chat",
            "base_url": server.base_url,
            "model": "thinker",
            "max_tokens": 4000,
            "mode": mode,
            "price": PRICE,
            "timeout_s": 5.0,
            "first_wait_s": 0.01,
        }
        self.store, self.prompt = store, load_prompt(ROOT / "resources/prompts/numbered.yaml")
        self.service = Service.from_config("llms.thinker", self.section)

    def preflight(self) -> None:
        request = made_up_question(
            chat_settings(self.section, 5), self.prompt, n_candidates=20, history_length=10
        )
        check_chat(self.service, request, Budget(), Expectations(self.store))

    def forecast(self, users: pa.Table) -> Forecast:
        config = {
            "seed": 5,
            "llms": {"thinker": self.section},
            "rerankers": {"row": {"llm": "thinker", "prompt": "numbered"}},
        }
        [plan] = planned_questions(config, ["row"], users, catalogue(), lambda _: self.prompt)
        return forecast(plan, self.store, set())

    def ask(self, users: pa.Table) -> pa.Table:
        """Ask about these users, in as many runs as it takes."""
        while True:
            try:
                return query_llm(
                    users,
                    catalogue(),
                    self.prompt,
                    chat_settings(self.section, 5),
                    self.store,
                    service=self.service,
                    seed=5,
                )
            except Pending:
                continue


@pytest.fixture(params=["direct", "batch"])
def provided(server: BatchServer, store: Store, request: pytest.FixtureRequest) -> Provided:
    return Provided(server, store, request.param)


def bill_of(store: Store) -> float:
    headers = [json.loads(path.read_bytes().split(b"\n")[0]) for path in store.paths()]
    return sum(header["cost_usd"] for header in headers)


def _compared(provided: Provided, expected: float, bill: float) -> str:
    error = expected / bill - 1
    return f" {provided.service.mode}: {expected:.4f} for {bill:.4f} US dollars ({error:+.2%});"


def test_a_forecast_after_a_preflight_is_near_the_bill_and_stands_beside_it(
    provided: Provided, capsys: pytest.CaptureFixture
) -> None:
    users = subset(200)
    assert provided.forecast(users).source == TEXTS
    provided.preflight()
    before = provided.forecast(users)
    assert (before.source, before.kept, before.missing) == (PREFLIGHT, 0, 200)
    responses = provided.ask(users)
    bill, price, usage = bill_of(provided.store), Price(**PRICE), usage_of(responses)
    with capsys.disabled():
        error = before.cost_usd / bill - 1
        print(
            f" {provided.service.mode}: {before.cost_usd:.4f}, {bill:.4f} ({error:+.1%});", end=""
        )
    assert before.cost_usd == pytest.approx(bill, rel=0.15)
    assert usage.dollars(price) == pytest.approx(bill)
    assert usage.expected_dollars(price) == pytest.approx(before.cost_usd, rel=1e-3)
    assert usage.reasoning_tokens > 0
    assert usage.cached_tokens > 0
    mine = usage.prompt_tokens if provided.service.mode == "batch" else None
    assert usage.in_batch.get("prompt_tokens") == mine


def test_once_prompts_and_answers_of_a_first_look_are_known_the_bill_is_known_to_a_hundredth(
    provided: Provided, capsys: pytest.CaptureFixture
) -> None:
    """Planned looks at 100 and at 400 users."""
    users = subset(400)
    provided.preflight()
    at_first = provided.forecast(users).cost_usd
    provided.ask(users.slice(300))  # the first hundred by their ids
    then = provided.forecast(users)
    assert (then.source, then.kept, then.missing) == (ANSWERS, 100, 300)
    total = bill_of(provided.store) + then.cost_usd
    responses = provided.ask(users)
    bill, usage = bill_of(provided.store), usage_of(responses)
    with capsys.disabled():
        print(
            f" {provided.service.mode}: {total:.4f}, {bill:.4f} ({total / bill - 1:+.2%});", end=""
        )
    assert total == pytest.approx(bill, rel=0.01)
    assert then.prompt_tokens == pytest.approx(usage.prompt_tokens * 3 / 4, rel=0.01)
    expected = usage.expected_dollars(Price(**PRICE))
    assert expected == pytest.approx(at_first, rel=1e-3), "what was expected first stays"


def test_without_a_preflight_answers_are_taken_to_be_as_long_as_they_may_be(
    server: BatchServer, store: Store
) -> None:
    provided = Provided(server, store, "batch")
    before = provided.forecast(subset(3))
    assert before.completion_tokens == 3 * 4000
    assert before.cost_usd == pytest.approx((before.prompt_tokens * 0.25 + 12_000 * 2.0) / 2e6)


def test_a_preflight_of_another_prompt_or_setting_says_nothing(
    server: BatchServer, store: Store
) -> None:
    provided = Provided(server, store, "batch")
    provided.preflight()
    provided.section["max_tokens"] = 5000
    assert provided.forecast(subset(3)).source == TEXTS
    provided.section["max_tokens"] = 4000
    provided.prompt = dataclasses.replace(provided.prompt, system="Another one.")
    assert provided.forecast(subset(3)).source == TEXTS


def test_what_was_expected_travels_with_packed_answers(
    server: BatchServer, store: Store, tmp_path: Path
) -> None:
    provided = Provided(server, store, "batch")
    provided.preflight()
    responses = provided.ask(subset(5))
    pack(store, tmp_path / "answers.zip")
    provided.store = Store(tmp_path / "elsewhere", offline=True)
    unpack(provided.store, tmp_path / "answers.zip")
    assert provided.ask(subset(5)).equals(responses)
    assert responses["in_batch"].to_pylist() == [True] * 5
