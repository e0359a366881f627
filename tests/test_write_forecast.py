"""The forecast joins price and power: by a guess before any answer, then by kept answers."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from made_up_lists import as_recommendations, catalogue
from microrank import tables
from microrank.llm.prompts import Prompt
from microrank.services.store import Store
from microrank.settle.looker import Looker
from microrank.write_forecast import AskedAbout, write_forecast
from services.scripted import as_json, completion, serving

N, K = 30, 4
TITLES = dict(enumerate(["cats", "dogs", "news", "tea", "cars", "songs", "pies", "boats"], start=1))
PROMPT = Prompt("ids", "", "{history}\nnext\n{candidates}", "{title}", "{id} {title}")


def split(users: np.ndarray, items: np.ndarray, position: int) -> pa.Table:
    columns = {"user_id": users, "item_id": items, "position": np.full(N, position)}
    return pa.table(columns).cast(tables.SPLIT)


def looker(folder: Path, address: str, *, offline: bool) -> Looker:
    users, random = np.arange(N) + 10, np.random.default_rng(2)
    lists = np.stack([random.permutation(len(TITLES))[:K] + 1 for _ in users])
    llm = {
        "adapter": "openai-chat",
        "base_url": address,
        "model": "tiny",
        "max_tokens": 50,
        "requests_per_minute": 60,
        "price": {"input": 1.0, "output": 2.0},
    }
    config = {
        "memory": {"titles": 0},
        "seed": 3,
        "dataset": "made-up",
        "subset": {"population": "hits", "sample_size": 25, "history_length": 2},
        "tuning": {"share": 0.25},
        "rerankers": {"chat": {"llm": "model", "prompt": "p"}},
        "llms": {"model": llm},
        "encoders": {},
        "store": {"path": str(folder / "store"), "offline": offline},
        "budget": {"requests": None, "tokens": None, "usd": None},
        "looks": {"users": [10, "all"]},
        "report": {"cutoffs": [1, 2, 4], "unread_share": 0.1, "confidence": 0.95},
    }
    return Looker(
        config,
        as_recommendations(users, lists),
        [split(users, lists[:, 0], 0), split(users, lists[:, 1], 1)],
        split(users, lists[np.arange(N), np.arange(N) % K], 2),
        catalogue(TITLES),
        {"chat": PROMPT},
        {},
        tunes=False,
    )


def page(folder: Path, address: str, n_tests: int = 1) -> str:
    counts = looker(folder, address, offline=True)
    users = counts._users(25)
    return write_forecast(
        counts.config,
        [AskedAbout(users, ["chat"])],
        counts.catalogue,
        {"p": PROMPT},
        Store(folder / "store"),
        looker=counts,
        n_tests=n_tests,
    )


def test_before_any_answer_a_guess_is_stated_and_nobody_is_asked(tmp_path: Path) -> None:
    with serving() as server:
        text = page(tmp_path, server.base_url)
        assert server.bodies == []
    assert "a guess, that 50% of users are a hit for only one of it" in text
    assert text.splitlines()[2].startswith("**To find 5 hits of 100 takes about 1,606 users")
    assert ", and only 30 can be drawn: " in text.splitlines()[2]
    assert "| `chat` | all 30 |" in text


def test_kept_answers_tell_who_differs_and_what_a_question_takes(tmp_path: Path) -> None:
    with serving(lambda request, body: as_json(completion("8 7 6 5 4 3 2 1"))) as server:
        asks = looker(tmp_path, server.base_url, offline=False)
        seen = asks.see(25, ["chat"])["chat"]
        asked = len(server.bodies)
        text = page(tmp_path, server.base_url)
        assert len(server.bodies) == asked, "nobody is asked"
    differing = (seen.wins + seen.losses) / 25
    assert f"`chat`: {differing:.0%} of the 25 users with kept answers" in text
    (row,) = (line for line in text.splitlines() if line.startswith("| `chat` | all 30"))
    n_questions = asked / 25 * 30
    assert f"| {16 * n_questions:,.0f} |" in row
    assert row.split(" | ")[6] == f"{21e-6 * n_questions:.4f}"


def test_answers_that_cannot_be_read_tell_nothing_of_who_differs(tmp_path: Path) -> None:
    with serving(lambda request, body: as_json(completion("I cannot say."))) as server:
        looker(tmp_path, server.base_url, offline=False).see(25, ["chat"])
        assert "a guess, that" in page(tmp_path, server.base_url)


def test_more_rows_ask_for_more_users(tmp_path: Path) -> None:
    def users(text: str) -> int:
        return int(text.split("takes about ")[1].split(" ", maxsplit=1)[0].replace(",", ""))

    one, three = (page(tmp_path, "http://127.0.0.1:9/v1", n_tests=n) for n in (1, 3))
    assert users(one) < users(three)
    assert "has 3 tests" in three
    assert 1.3 < users(three) / users(one) < 1.4, "(2.39 + .84)² to (1.96 + .84)²"
