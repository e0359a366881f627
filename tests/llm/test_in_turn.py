"""Setwise and pairwise by services over HTTP: planted orders, resumption, broken answers."""

import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_lists import catalogue, order_of, subset
from microrank.bundle import answer_keys
from microrank.errors import StudyError
from microrank.llm.planned_requests import planned_questions
from microrank.llm.prompts import LABELS, load_prompt
from microrank.llm.query import chat_settings, reachable
from microrank.llm.query_service import query_service
from microrank.llm.reading.label import read_label
from microrank.local_llm.asks import ask_of
from microrank.local_llm.requests import Asked
from microrank.rerank.llm import rerank_llm
from microrank.services.budget import Budget
from microrank.services.chat_settings import ChatSettings
from microrank.services.forecast import forecast
from microrank.services.forecast_page import forecast_page
from microrank.services.settings import Service
from microrank.services.store import Store
from microrank.services.store_admin import verify
from microrank.shards import Shard
from services.scripted import as_json, completion, serving

PROMPT = load_prompt(Path(__file__).parents[2] / "resources/prompts/first-token.yaml")
WORTH = {f"title {number}": (7 * number) % 13 for number in range(1, 13)}
TITLES = dict(enumerate(WORTH, start=1))
ITEMS = catalogue(TITLES)
LISTS = [[1, 2, 3, 4, 5, 6, 7, 8], [12, 10, 8, 6, 4, 2, 1, 3], [5, 9, 11, 7, 3, 1, 2, 4]]
USERS = subset([[9], [5, 7], [12]], LISTS)
WAYS = {"setwise": {"top": 4, "set_size": 3}, "pairwise": {"top": 3}}
WHOLE = Shard()


def right(items: list[int], k: int) -> list[int]:
    """The best k by WORTH, then the others in the recommender's order."""
    best = sorted(items, key=lambda item: -WORTH[TITLES[item]])[:k]
    return [*best, *(item for item in items if item not in best)]


def planted(request, body: dict):
    shown = dict(re.findall(r"^([A-Z])\. (.+)$", body["messages"][-1]["content"], re.MULTILINE))
    best = max(shown, key=lambda label: WORTH[shown[label]])
    return as_json(completion(f"The answer is {best}."))


def always_the_first(request, body: dict):
    return as_json(completion("A"))


@pytest.fixture(scope="module")
def one_server():
    with serving(planted) as scripted:
        yield scripted


@pytest.fixture
def server(one_server):
    one_server.renew()
    one_server.answer = planted
    return one_server


def way(name: str, **changes):
    reranker = {"prompt": "first-token", "ask": name, **WAYS[name], **changes}
    return ask_of("mine", reranker, PROMPT, None)


def queried(server, store, name, *, shard=WHOLE, budget=None, passes=1, shuffle=False, **changes):
    service = Service("llms.planted", server.base_url, first_wait_s=0.01, max_tries=2)
    return query_service(
        USERS,
        ITEMS,
        way(name, **changes),
        ChatSettings("planted", server.base_url),
        store,
        service=service,
        seed=3,
        passes=passes,
        shuffle=shuffle,
        budget=budget,
        shard=shard,
    )


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("shown", [{}, {"passes": 2, "shuffle": True}])
def test_the_planted_order_comes_out_and_is_replayed_from_the_store(
    server, tmp_path, name, shown
) -> None:
    table = queried(server, Store(tmp_path), name, **shown)
    reranked = rerank_llm(USERS, table, "labels")
    for user, items in zip((10, 20, 30), LISTS, strict=True):
        assert order_of(reranked.rankings, user) == right(items, WAYS[name]["top"])
    counts = reranked.repairs.counts
    assert (counts.unread, counts.partly_read, counts.order_shown) == (0, 0, 0)
    assert set(table["kind"].to_pylist()) == {"top"}
    n_asked = len(server.bodies)
    assert table["prompt_tokens"].to_pylist() != [11] * len(table), "of all questions together"
    again = queried(server, Store(tmp_path, offline=True), name, **shown)
    assert again.equals(table)
    assert len(server.bodies) == n_asked == len(set(answer_keys(table)))
    assert set(answer_keys(table)) == {path.stem for path in Store(tmp_path).paths()}
    assert verify(Store(tmp_path)) == {}


@pytest.mark.parametrize("name", WAYS)
def test_shards_one_after_the_other_are_the_whole(server, tmp_path, name) -> None:
    parts = [queried(server, Store(tmp_path), name, shard=Shard(at, 2)) for at in range(2)]
    rows = [row for part in parts for row in part.to_pylist()]
    assert rows == queried(server, Store(tmp_path), name).to_pylist()


@pytest.mark.parametrize("name", WAYS)
def test_what_was_cut_off_goes_on_where_it_was_and_asks_nothing_twice(
    server, tmp_path, name
) -> None:
    n_all = len(set(answer_keys(queried(server, Store(tmp_path / "whole"), name))))
    server.renew()
    server.answer = planted
    for requests in (2, 5, n_all - 1):
        budget = {"requests": requests, "tokens": None, "usd": None}
        with pytest.raises(StudyError, match="budget"):
            queried(server, Store(tmp_path / "cut"), name, budget=budget)
        assert len(server.bodies) == requests
    whole = queried(server, Store(tmp_path / "cut"), name)
    assert len(server.bodies) == n_all
    assert rerank_llm(USERS, whole, "labels").repairs.counts.unread == 0


@pytest.mark.parametrize("name", WAYS)
def test_a_question_that_fails_costs_its_user_alone(server, tmp_path, name) -> None:
    def fails_for_one(request, body):
        text = body["messages"][-1]["content"]
        return as_json({"error": "no"}, 500) if "- title 12\n\n" in text else planted(request, body)

    server.answer = fails_for_one
    with pytest.raises(StudyError, match=r"1 of 3 questions have no answer.*user 30, pass 0"):
        queried(server, Store(tmp_path), name)
    kept = len(list(Store(tmp_path).paths()))
    server.renew()
    server.answer = planted
    table = queried(server, Store(tmp_path), name)
    assert len(server.bodies) == len(set(answer_keys(table))) - kept < kept


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_model_that_names_the_first_shown_is_an_echo(server, tmp_path, name, shuffle) -> None:
    server.answer = always_the_first
    table = queried(server, Store(tmp_path), name, shuffle=shuffle)
    assert rerank_llm(USERS, table, "labels").repairs.counts.order_shown == len(USERS)


@pytest.mark.parametrize("name", WAYS)
def test_where_most_answers_name_nothing_the_user_is_unread(server, tmp_path, name) -> None:
    server.answer = lambda request, body: as_json(completion("I like all of them."))
    table = queried(server, Store(tmp_path), name)
    reranked = rerank_llm(USERS, table, "labels")
    assert reranked.repairs.counts.unread == len(USERS)
    assert set(reranked.rankings["source"].to_pylist()) == {"unread"}
    assert [order_of(reranked.rankings, user) for user in (10, 20, 30)] == LISTS
    assert table["text"].to_pylist()[0].endswith("questions in turn, 0 answers read")


def planned(server, folder, name):
    mine = {"llm": "planted", "prompt": "first-token", "ask": name, **WAYS[name]}
    llm = {"adapter": "openai-chat", "model": "planted", "base_url": server.base_url}
    config = {"seed": 3, "llms": {"planted": llm}, "rerankers": {"mine": mine}}
    config |= {"store": {"path": str(folder)}}
    [plan] = planned_questions(config, ["mine"], USERS, ITEMS, lambda prompt: PROMPT)
    return plan


@pytest.mark.parametrize("name", WAYS)
def test_the_forecast_says_how_many_questions_are_expected_and_at_most(
    server, tmp_path, name
) -> None:
    most = 3 * way(name).most_questions(8)
    plan = planned(server, tmp_path, name)
    outlook = forecast(plan, Store(tmp_path), set())
    assert most / 2 < outlook.missing <= outlook.most_missing == plan.most == most
    assert outlook.most.tokens >= outlook.prompt_tokens + outlook.completion_tokens
    page = forecast_page([plan], Store(tmp_path), Budget(requests=outlook.missing), "sample")
    assert f"{outlook.missing:,} are missing if they follow a random order" in page
    assert f"{most:,} at most" in page
    verdict = "enough" if most == outlook.missing else f"as long as they may be ({most})"
    assert verdict in page
    queried(server, Store(tmp_path), name)
    after = forecast(planned(server, tmp_path, name), Store(tmp_path), set())
    assert (after.missing, after.most_missing) == (0, 0)
    assert after.kept == len(server.bodies) <= most


def test_half_kept_answers_are_followed_by_the_forecast(server, tmp_path) -> None:
    with pytest.raises(StudyError):
        queried(server, Store(tmp_path), "setwise", budget={"requests": 6})
    plan = planned(server, tmp_path, "setwise")
    outlook = forecast(plan, Store(tmp_path), set())
    assert outlook.kept == 6
    assert outlook.missing + 6 <= outlook.most_missing + 6 == plan.most


@given(
    st.sampled_from(sorted(WAYS)),
    st.integers(1, 20),
    st.integers(1, 25),
    st.integers(2, 6),
    st.randoms(use_true_random=False),
)
def test_any_answers_however_inconsistent_give_scores_within_the_bound(
    name, n, top, set_size, mixed: random.Random
) -> None:
    changes = {"top": top} | ({"set_size": set_size} if name == "setwise" else {})
    ask = way(name, **changes)
    titles = [f"t{number}" for number in range(n)]
    order = mixed.sample(range(n), n)
    turns = ask.turns(Asked(1, 0, order, [], titles, list(range(n))))
    n_asked = 0
    try:
        questions = next(turns)
        while True:
            n_asked += len(questions)
            answers = [_any_answer(question, mixed) for question in questions]
            questions = turns.send(answers)
    except StopIteration as stop:
        outcome = stop.value
    assert outcome.n_asked == n_asked <= ask.most_questions(n)
    k = min(top, n)
    wanted = [None] * n if 2 * outcome.n_read < n_asked else [0.0] * (n - k)
    if wanted and wanted[0] is None:
        assert outcome.scores == wanted
    else:
        assert sorted(outcome.scores) == [*wanted, *(float(place) for place in range(1, k + 1))]


def _any_answer(question, mixed: random.Random) -> dict:
    labels = mixed.sample(LABELS[: question.body["n_labels"]], mixed.randint(0, 2))
    return {"labels": {label: mixed.choice([0.0, -1.0, float("nan")]) for label in labels}}


@pytest.mark.parametrize(
    ("text", "label"),
    [
        *(("B", "B"), (" b\n", "B"), ("**B**", "B"), ("(B)", "B"), ("[B].", "B"), ('"B"', "B")),
        *(("B. a title, and more", "B"), ("Answer: B", "B"), ("The answer is B.", "B")),
        *(("Candidate B", "B"), ("A good choice is B", "B"), ("I would say B, of course", "B")),
        ("<think>A or C? A fits.</think>B", "B"),
        *(("A", "A"), ("A or B", None), ("A is best", "A"), ("", None), ("D", None)),
        ("none of them", None),
        *(("The best one is", None), ("42", None), ("It's a tie", None)),
    ],
)
def test_a_written_answer_names_one_label_or_none(text, label) -> None:
    assert read_label(text, 3) == label


@given(st.text(max_size=30), st.integers(2, 26))
def test_any_text_names_a_label_that_was_shown_or_none(text, n) -> None:
    assert read_label(text, n) in {None, *LABELS[:n]}


@pytest.mark.parametrize("name", WAYS)
def test_the_simulated_server_picks_the_label_of_the_most_shared_words(tmp_path, name) -> None:
    section = {"adapter": "simulated", "model": "simulated-word-overlap", "first_wait_s": 0.01}
    titles = {1: "red tea", 2: "red tea pots", 3: "old cars", 4: "a cup of tea", 5: "news"}
    users = subset([[1]], [[5, 3, 4, 2]])
    with reachable("llms.simulated", section, 3) as service:
        table = query_service(
            users,
            catalogue(titles),
            way(name),
            chat_settings(section, 3),
            Store(tmp_path),
            service=service,
            seed=3,
        )
    assert order_of(rerank_llm(users, table, "labels").rankings)[:2] == [2, 4]
