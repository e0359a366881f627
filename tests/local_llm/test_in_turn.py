"""Setwise and pairwise by models in this process: planted orders, rounds, shards and replay."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from local_llm import tiny_models
from made_up_lists import catalogue, order_of, subset
from microrank.bundle import answer_keys
from microrank.errors import StudyError
from microrank.llm.prompts import Prompt
from microrank.local_llm import query_in_turn
from microrank.local_llm.asks import ask_of
from microrank.local_llm.planned_requests import planned_locally
from microrank.local_llm.query import query_local_llm
from microrank.local_llm.session import Session
from microrank.rerank.llm import rerank_llm
from microrank.services.forecast import forecast
from microrank.services.store import Entry, Store
from microrank.shards import Shard

WORTH = {"cats": 3, "dogs": 5, "news": 1, "tea": 4, "cars": 2, "songs": 6}
TITLES = dict(enumerate(WORTH, start=1))
LISTS = [[1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1], [3, 1, 5, 4, 2, 6]]
USERS = subset([[1], [2, 3], [4]], LISTS)
ITEMS = catalogue(TITLES)
PROMPT = Prompt("labels", "", "{history}\nnext\n{candidates}", "- {title}", "{label} {title}")
WAYS = {"setwise": {"top": 3, "set_size": 3}, "pairwise": {"top": 2}}
WHOLE = Shard()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("models") / "tiny"
    tiny_models.random_llama().save_pretrained(path)
    tiny_models.word_tokenizer().save_pretrained(path)
    return path


def session(store: Store, folder: Path, **changes) -> Session:
    section = {"adapter": "local", "model": str(folder), "dtype": "float32", "device": "cpu"}
    return Session("llms.tiny", {**section, **changes}, store)


def queried(local: Session, name: str, shard: Shard = WHOLE, **shown) -> pa.Table:
    ask = ask_of("tiny", {"prompt": "p", "ask": name, **WAYS[name]}, PROMPT, 5)
    return query_local_llm(USERS, ITEMS, ask, local, seed=7, shard=shard, **shown)


def planted(session: Session, dtype: str, requests, loaded) -> None:
    """In the place of a model: labels' log-probabilities by the worth of the titles shown."""
    for request in requests:
        text = request["body"]["messages"][-1]["content"]
        labels = dict(re.findall(r"^([A-Z]) (\w+)$", text, re.MULTILINE))
        assert len(labels) == request["body"]["n_labels"]
        body = {"labels": {label: WORTH[title] - 9.0 for label, title in labels.items()}}
        session.store.put(Entry(request, json.dumps(body), usage={"prompt_tokens": 3}))


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("shown", [{}, {"passes": 2, "shuffle": True}])
def test_the_planted_order_comes_out(name, shown, folder, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(query_in_turn, "answer", planted)
    table = queried(session(Store(tmp_path), folder), name, **shown)
    ranked = rerank_llm(USERS, table, "labels").rankings
    top = WAYS[name]["top"]
    for user, items in zip((10, 20, 30), LISTS, strict=True):
        best = sorted(items, key=lambda item: -WORTH[TITLES[item]])[:top]
        assert order_of(ranked, user) == [*best, *(item for item in items if item not in best)]


@pytest.mark.parametrize("name", WAYS)
def test_answers_of_a_real_model_are_kept_and_replayed_without_it(name, folder, tmp_path) -> None:
    moved = tmp_path / "tiny"
    shutil.copytree(folder, moved)
    local = session(Store(tmp_path / "store"), moved)
    parts = [queried(local, name, Shard(at, 2)) for at in range(2)]
    weights = local.settings.weights
    shutil.rmtree(moved)
    offline = Store(tmp_path / "store", offline=True)
    whole = queried(session(offline, moved, checksum=weights), name)
    assert [row for part in parts for row in part.to_pylist()] == whole.to_pylist()
    assert set(answer_keys(whole)) == {path.stem for path in offline.paths()}
    assert set(whole["kind"].to_pylist()) == {"top"}
    ranked = rerank_llm(USERS, whole, "labels").rankings
    assert [sorted(order_of(ranked, user)) for user in (10, 20, 30)] == [[1, 2, 3, 4, 5, 6]] * 3


def test_the_model_is_loaded_once_for_all_rounds(folder, tmp_path, monkeypatch) -> None:
    from microrank.local_llm import answering

    loads, load = [], answering._loaded

    def counted(*given):
        loads.append(given)
        return load(*given)

    monkeypatch.setattr(answering, "_loaded", counted)
    queried(session(Store(tmp_path), folder), "setwise")
    assert len(loads) == 1


def test_offline_a_missing_answer_is_named_and_another_dtypes_answers_count(
    folder, tmp_path
) -> None:
    store = Store(tmp_path)
    with pytest.raises(StudyError, match="the first is a question in turn"):
        queried(session(Store(tmp_path, offline=True), folder), "setwise")
    table = queried(session(store, folder, dtype="bfloat16"), "setwise")
    replayed = queried(session(Store(tmp_path, offline=True), folder, dtype="auto"), "setwise")
    assert replayed.equals(table)


def test_the_forecast_counts_expected_and_most_questions(folder, tmp_path) -> None:
    mine = {"llm": "tiny", "prompt": "p", "ask": "pairwise", "top": 2}
    config = {
        "seed": 7,
        "store": {"path": str(tmp_path)},
        "llms": {"tiny": {"adapter": "local", "model": str(folder), "dtype": "float32"}},
        "rerankers": {"mine": mine},
    }
    plan = planned_locally(config, "mine", USERS, ITEMS, PROMPT)
    outlook = forecast(plan, Store(tmp_path), set())
    assert plan.most / 2 < outlook.missing <= outlook.most_missing == plan.most
    assert plan.is_free
    queried(session(Store(tmp_path), folder), "pairwise")
    plan = planned_locally(config, "mine", USERS, ITEMS, PROMPT)
    assert forecast(plan, Store(tmp_path), set()).missing == 0
    assert np.isin([10, 20, 30], plan.users).all()
