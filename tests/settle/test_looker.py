"""What a look sees, through a model in this process and through a chat service."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from local_llm import tiny_models
from made_up_lists import as_recommendations, catalogue
from microrank import tables
from microrank.llm.prompts import Prompt
from microrank.services.failures import BudgetReached, Pending
from microrank.services.store import Store
from microrank.settle.looker import Looker
from services.scripted import as_json, completion, serving
from services.scripted_batches import answered, serving_batches

TITLES = dict(enumerate(["cats", "dogs", "news", "tea", "cars", "songs", "pies", "boats"], start=1))
N, K = 12, 4
PROMPTS = {
    "local": Prompt("titles", "", "watched\n{history}", "- {title}", "- {title}"),
    "chat": Prompt("ids", "", "{history}\nnext\n{candidates}", "{title}", "{id} {title}"),
}
ASKS = {"local": "likelihood", "chat": "order"}
REPORT = {"cutoffs": [1, 2, 4], "unread_share": 0.1}


def looker(folder: Path, llm: dict, method: str, **config: object) -> Looker:
    users = np.arange(N) + 10
    random = np.random.default_rng(2)
    lists = np.stack([random.permutation(len(TITLES))[:K] + 1 for _ in users])
    truth = lists[np.arange(N), np.arange(N) % K]
    return Looker(
        {
            "seed": 3,
            "subset": {"population": "hits", "sample_size": 1, "history_length": 2},
            "tuning": {"share": 0.25},
            "rerankers": {method: {"llm": "model", "prompt": "p", "ask": ASKS[method]}},
            "llms": {"model": llm},
            "store": {"path": str(folder / "store"), "offline": False},
            "budget": {},
            "report": REPORT,
            **config,
        },
        as_recommendations(users, lists),
        [split(users, lists[:, 0], 0), split(users, lists[:, 1], 1)],
        split(users, truth, 2),
        catalogue(TITLES),
        PROMPTS,
        {},
        tunes=False,
    )


def split(users: np.ndarray, items: np.ndarray, position: int) -> pa.Table:
    columns = {"user_id": users, "item_id": items, "position": np.full(N, position)}
    return pa.table(columns).cast(tables.SPLIT)


def kept(folder: Path) -> set[str]:
    return {path.name for path in Store(folder / "store").paths()}


def test_a_larger_look_asks_a_model_in_this_process_only_about_new_users(tmp_path: Path) -> None:
    tiny_models.random_llama().save_pretrained(tmp_path / "tiny")
    tiny_models.word_tokenizer().save_pretrained(tmp_path / "tiny")
    llm = {"adapter": "local", "model": str(tmp_path / "tiny"), "dtype": "float32", "device": "cpu"}
    model = looker(tmp_path, llm, "local")
    assert model.everybody == N
    small = model.see(5, ["local"])["local"]
    first = kept(tmp_path)
    assert (small.n, len(first), small.answers) == (5, 5, 5)
    large = model.see(N, ["local"])["local"]
    assert first < kept(tmp_path)
    assert len(kept(tmp_path)) == large.answers > 5, "equal questions are one"
    everything = kept(tmp_path)
    assert model.see(N, ["local"])["local"] == large
    assert kept(tmp_path) == everything
    assert large.hits - large.recommenders_hits == large.wins - large.losses
    assert large.recommenders_hits == sum(user % K < 2 for user in range(N)), "the cutoff is 2"
    assert large.problem is None
    assert large.usd is None


def test_a_budget_stops_a_look_through_a_service_and_keeps_what_was_answered(
    tmp_path: Path,
) -> None:
    with serving(lambda request, body: as_json(completion("8 7 6 5 4 3 2 1"))) as server:
        llm = {
            "adapter": "openai-chat",
            "base_url": server.base_url,
            "model": "tiny",
            "price": {"input": 1.0, "output": 2.0},
        }
        stopped = looker(tmp_path, llm, "chat", budget={"requests": 7})
        with pytest.raises(BudgetReached, match=r"budget\.requests"):
            stopped.see(N, ["chat"])
        before = kept(tmp_path)
        assert len(before) == len(server.bodies) == 7
        seen = looker(tmp_path, llm, "chat").see(N, ["chat"])["chat"]
        assert before < kept(tmp_path)
        assert len(kept(tmp_path)) == len(server.bodies) == seen.answers
    assert seen.tokens == 16 * seen.answers
    assert seen.usd == pytest.approx(21e-6 * seen.answers), "1 dollar a million in, 2 out"
    assert seen.problem is None
    assert seen.wins + seen.losses > 0


def test_a_look_in_batches_stops_until_they_are_done_and_then_asks_nothing_twice(
    tmp_path: Path,
) -> None:
    with serving_batches() as server:
        server.course = ("in_progress", "in_progress", "completed")
        server.answer = lambda line: answered(line, completion("8 7 6 5 4 3 2 1"))
        llm = {
            "adapter": "openai-chat",
            "base_url": server.base_url,
            "model": "tiny",
            "mode": "batch",
            "price": {"input": 1.0, "output": 2.0, "batch": 0.5},
        }
        for _ in range(2):
            with pytest.raises(Pending, match="run again after"):
                looker(tmp_path, llm, "chat").see(5, ["chat"])
            assert not kept(tmp_path)
        seen = looker(tmp_path, llm, "chat").see(5, ["chat"])["chat"]
        assert len(server.batches) == 1
        assert len(kept(tmp_path)) == seen.answers == sum(server.asked.values())
        assert seen.usd == pytest.approx(seen.answers * 21e-6 / 2), "half the price of direct ones"
        with pytest.raises(Pending):
            looker(tmp_path, llm, "chat").see(N, ["chat"])
        assert set(server.asked.values()) == {1}, "the larger look sent new questions alone"
