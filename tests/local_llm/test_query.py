"""Local answers through the store: asked once, replayed without the model, in any shards."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from local_llm import tiny_models
from made_up_lists import catalogue, order_of, subset
from microrank import tables
from microrank.bundle import answer_keys
from microrank.errors import StudyError
from microrank.llm.about import with_about
from microrank.llm.prompts import Prompt, load_prompt
from microrank.local_llm import answers, engine, query
from microrank.local_llm.asks import ask_of
from microrank.local_llm.engine import TOLERANCE
from microrank.local_llm.planned_requests import planned_locally
from microrank.local_llm.query import query_local_llm
from microrank.local_llm.session import Session
from microrank.local_llm.weights import PACKAGED, told_apart, weights_checksum
from microrank.rerank.llm import read_scores, rerank_llm
from microrank.services.budget import Budget
from microrank.services.forecast import forecast
from microrank.services.forecast_page import forecast_page
from microrank.services.store import Store
from microrank.services.store_admin import verify
from microrank.shards import Shard

TITLES = {1: "cats", 2: "dogs cats", 3: "news", 4: "tea pies", 5: "", 6: "cars", 7: "songs"}
USERS = subset([[1], [2, 3], [4]], [[2, 5, 6, 7], [7, 6, 4, 1], [1, 2, 3, 7]])
ITEMS = catalogue(TITLES)
LISTED = "{history}\nnext\n{candidates}"
PROMPTS = {
    "likelihood": Prompt("titles", "", "watched\n{history}", "- {title}", "- {title}"),
    "first-token": Prompt(
        "labels", "", "{history}\nnext\n{candidates}", "{title}", "{label} {title}"
    ),
    "yes-no": Prompt("yes-no", "", "{history}\nnext\n{candidates}", "{title}", "{title}"),
    "order": Prompt("numbers", "", "{history}\nnext\n{candidates}", "{title}", "{number} {title}"),
}
WAYS = [
    ("likelihood", {"prior": True}),
    ("first-token", {"passes": 2, "shuffle": True, "calibrate": True}),
    ("yes-no", {}),
    ("order", {"passes": 2}),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("models") / "tiny"
    tiny_models.random_llama().save_pretrained(path)
    tiny_models.word_tokenizer().save_pretrained(path)
    return path


def session(store: Store, folder: Path, **changes) -> Session:
    section = {"adapter": "local", "model": str(folder), "dtype": "float32", "device": "cpu"}
    return Session("llms.tiny", {**section, **changes}, store)


WHOLE = Shard()


def queried(local: Session, name: str, reranker: dict, shard: Shard = WHOLE) -> pa.Table:
    ask = ask_of("tiny", {"prompt": "p", "ask": name, **reranker}, PROMPTS[name], 5)
    return query_local_llm(
        USERS,
        ITEMS,
        ask,
        local,
        seed=7,
        passes=reranker.get("passes", 1),
        shuffle=reranker.get("shuffle", False),
        shard=shard,
    )


@pytest.mark.parametrize(("name", "reranker"), WAYS)
def test_answers_are_asked_once_and_replayed_without_the_model(
    name, reranker, folder, tmp_path
) -> None:
    moved = tmp_path / "tiny"
    shutil.copytree(folder, moved)
    first = session(Store(tmp_path / "store"), moved)
    table = queried(first, name, reranker)
    shutil.rmtree(moved)
    offline = Store(tmp_path / "store", offline=True)
    again = session(offline, moved, checksum=first.settings.weights)
    assert queried(again, name, reranker).equals(table)
    assert set(table["kind"].to_pylist()) == {"text" if name == "order" else "logprobs"}
    passes = reranker.get("passes", 1)
    assert table["pass"].to_pylist() == [number for _ in range(3) for number in range(passes)]
    reranked = rerank_llm(USERS, table, PROMPTS[name].answer_format)
    for user, candidates in zip((10, 20, 30), USERS["candidates"].to_pylist(), strict=True):
        assert sorted(order_of(reranked.rankings, user)) == sorted(candidates)


@pytest.mark.parametrize(("name", "reranker"), WAYS)
def test_shards_one_after_the_other_are_the_whole_but_for_rounding(
    name, reranker, folder, tmp_path
) -> None:
    whole = queried(session(Store(tmp_path / "one"), folder), name, reranker)
    local = session(Store(tmp_path / "two"), folder)
    parts = [queried(local, name, reranker, Shard(index, 2)) for index in range(2)]
    cut = pa.concat_tables(parts)
    assert cut.drop_columns(["latency_s", "scores", "prompt_tokens"]).equals(
        whole.drop_columns(["latency_s", "scores", "prompt_tokens"])
    )
    if name != "order":
        pairs = (np.array(t["scores"].to_pylist(), float) for t in (cut, whole))
        np.testing.assert_allclose(*pairs, atol=TOLERANCE["float32"])


def test_an_empty_title_has_no_score_and_keeps_its_place_behind_the_others(
    folder, tmp_path
) -> None:
    table = queried(session(Store(tmp_path), folder), "likelihood", {})
    assert [score is None for score in table["scores"].to_pylist()[0]] == [
        False,
        True,
        False,
        False,
    ]
    rows = rerank_llm(USERS, table, "titles").rankings.to_pylist()
    assert [(row["item_id"], row["source"]) for row in rows[3:4]] == [(5, "fallback")]


def test_a_title_without_a_history_is_asked_about_once_for_all_users(folder, tmp_path) -> None:
    store = Store(tmp_path)
    table = queried(session(store, folder), "likelihood", {"prior": True})
    titles = {TITLES[item] for row in USERS["candidates"].to_pylist() for item in row} - {""}
    assert len(list(store.paths())) == 3 + len(titles)
    assert set(answer_keys(table)) == {path.stem for path in store.paths()}


def test_a_run_that_was_cut_off_goes_on_where_it_was(folder, tmp_path, monkeypatch) -> None:
    store, forward = Store(tmp_path), engine._forward

    def cut(local, rows):
        if len(list(store.paths())) >= 2:
            raise KeyboardInterrupt
        return forward(local, rows)

    monkeypatch.setattr(engine, "BATCH_TOKENS", {"cpu": 1})
    monkeypatch.setattr(engine, "_forward", cut)
    with pytest.raises(KeyboardInterrupt):
        queried(session(store, folder), "first-token", {})
    kept = list(store.paths())
    assert len(kept) == 2
    monkeypatch.setattr(engine, "_forward", forward)
    asked, answer = [], answers.answer_locally

    def counted(local, requests, store):
        asked.extend(requests)
        answer(local, requests, store)

    monkeypatch.setattr(answers, "answer_locally", counted)
    queried(session(store, folder), "first-token", {})
    assert len(asked) == 1


def test_offline_a_missing_answer_is_named_and_the_model_is_not_looked_for(tmp_path) -> None:
    store = Store(tmp_path, offline=True)
    local = session(store, tmp_path / "nowhere", checksum=f"sha256:{'0' * 64}")
    with pytest.raises(StudyError, match=r"answers are missing and store\.offline is true"):
        queried(local, "yes-no", {})


def test_with_dtype_auto_answers_of_another_machines_dtype_are_replayed(folder, tmp_path) -> None:
    store = Store(tmp_path)
    table = queried(session(store, folder, dtype="bfloat16"), "yes-no", {})
    replayed = queried(session(Store(tmp_path, offline=True), folder, dtype="auto"), "yes-no", {})
    assert replayed.equals(table)


def test_all_that_shapes_an_answer_and_nothing_else_is_in_its_key(folder, tmp_path) -> None:
    local = session(Store(tmp_path), folder)
    request = local.settings.request("likelihood", {"prefix": "a", "endings": [" b\n"]})
    assert str(folder.parent) not in json.dumps(request)
    for changes in ({"dtype": "bfloat16"}, {"checksum": "sha256:1"}, {"revision": "r"}):
        other = session(Store(tmp_path), Path("x/tiny"), **({"checksum": "sha256:2"} | changes))
        assert other.settings.request("likelihood", request["body"]) != request


def test_weights_that_are_not_those_of_the_entry_are_refused(folder, tmp_path) -> None:
    local = session(Store(tmp_path), folder, checksum=f"sha256:{'0' * 64}")
    with pytest.raises(StudyError, match="and the entry says sha256:0000"):
        _ = local.settings


def test_a_model_that_is_nowhere_is_named_with_what_to_do(tmp_path) -> None:
    with pytest.raises(StudyError, match=r"there is no file or folder .*add `revision`"):
        _ = session(Store(tmp_path), tmp_path / "nowhere").settings


SCORES = st.lists(st.none() | st.floats(-1e6, 1e6, width=32), min_size=1, max_size=30)


@settings(max_examples=200)
@given(SCORES)
def test_any_scores_give_a_permutation_with_the_unread_behind(scores) -> None:
    parsed = read_scores(scores)
    assert sorted(parsed.positions) == list(range(len(scores)))
    named = [scores[position] for position in parsed.positions[: parsed.from_model]]
    assert named == sorted((s for s in scores if s is not None), reverse=True)
    behind = parsed.positions[parsed.from_model :]
    assert behind == sorted(behind)


def test_scores_of_several_passes_are_averaged() -> None:
    rows = [
        {"user_id": 10, "pass": number, "order": [0, 1, 2, 3], "kind": "logprobs", "scores": scores}
        for number, scores in enumerate([[0.0, -1.0, -9.0, None], [0.0, -9.0, -1.5, None]])
    ]
    rows += [{"user_id": user, "pass": 0, "order": [0, 1, 2, 3], "text": ""} for user in (20, 30)]
    ranked = rerank_llm(USERS, pa.Table.from_pylist(rows, schema=tables.RESPONSES), "labels")
    assert order_of(ranked.rankings, 10) == [2, 5, 6, 7]
    rows[1]["scores"] = [0.0, -9.0, -0.5, None]
    ranked = rerank_llm(USERS, pa.Table.from_pylist(rows, schema=tables.RESPONSES), "labels")
    assert order_of(ranked.rankings, 10) == [2, 6, 5, 7]


def test_tables_of_answers_from_before_log_probabilities_are_still_read(tmp_path) -> None:
    row = {"user_id": 10, "pass": 0, "order": [0, 1], "text": "1, 2", "request_key": "k"}
    table = pa.Table.from_pylist([row], schema=tables.RESPONSES)
    old = table.drop_columns(list(tables.ADDED_LATER))
    pq.write_table(old, tmp_path / "old.parquet")
    read = tables.read_table(tmp_path / "old.parquet", tables.RESPONSES)
    assert read.schema.equals(tables.RESPONSES)
    assert read["kind"].to_pylist() == ["text"]
    keys = tables.read_table(tmp_path / "old.parquet", tables.RESPONSES, ["request_key"])
    assert keys.to_pylist() == [{"request_key": "k"}]
    pq.write_table(old.drop_columns(["text"]), tmp_path / "cut.parquet")
    with pytest.raises(StudyError, match="is expected"):
        tables.read_table(tmp_path / "cut.parquet", tables.RESPONSES)


def test_the_forecast_counts_missing_local_answers_as_free(folder, tmp_path) -> None:
    config = {
        "seed": 7,
        "store": {"path": str(tmp_path)},
        "llms": {"tiny": {"adapter": "local", "model": str(folder), "dtype": "float32"}},
        "rerankers": {"mine": {"llm": "tiny", "prompt": "p", "prior": True}},
    }
    store, prompt = Store(tmp_path), PROMPTS["likelihood"]
    budget = Budget.from_config({"requests": 1, "tokens": 1, "usd": None}, store)

    def page() -> str:
        plan = planned_locally(config, "mine", USERS, ITEMS, prompt)
        return forecast_page([plan], store, budget, "sample")

    assert "In all 0 answers are missing; besides 9 of models on this machine." in page()
    assert "| mine | llms.tiny | tiny | 9 | 0 | 9 |" in page()
    assert "`budget.tokens`: 1; used so far 0; needed 0: enough" in page()
    queried(session(store, folder), "likelihood", {"prior": True})
    assert "| mine | llms.tiny | tiny | 9 | 9 | 0 | 0 | 0 | 0 | 0 s |" in page()


def test_forecast_and_verify_keep_answers_to_chats_that_are_log_probabilities(
    folder, tmp_path
) -> None:
    config = {
        "seed": 7,
        "store": {"path": str(tmp_path)},
        "llms": {"tiny": {"adapter": "local", "model": str(folder), "dtype": "float32"}},
        "rerankers": {"mine": {"llm": "tiny", "prompt": "p"}},
    }
    store = Store(tmp_path)
    queried(session(store, folder), "first-token", {})
    plan = planned_locally(config, "mine", USERS, ITEMS, PROMPTS["first-token"])
    outlook = forecast(plan, store, set())
    assert (outlook.kept, outlook.missing) == (len(USERS), 0)
    assert verify(store) == {}


def test_no_list_that_nothing_showed_counts_as_repeated() -> None:
    rows = [
        {"user_id": user, "pass": 0, "order": [0, 1, 2, 3], "kind": "logprobs", "scores": scores}
        for user, scores in zip(
            (10, 20, 30), ([4, 3, 2, 1], [4, 3, 2, None], [None] * 4), strict=True
        )
    ]
    responses = pa.Table.from_pylist(rows, schema=tables.RESPONSES)
    counts = {
        form: rerank_llm(USERS, responses, form).repairs.counts for form in ("labels", "titles")
    }
    assert [counts[form].order_shown for form in ("labels", "titles")] == [2, 0]
    for count in counts.values():
        assert (count.answers, count.unread, count.partly_read) == (3, 1, 1)


def test_the_prompts_that_come_along_suit_the_ways_of_asking() -> None:
    for name in ("likelihood", "first-token", "yes-no"):
        prompt = load_prompt(Path(__file__).parents[2] / f"resources/prompts/{name}.yaml")
        assert ask_of("r", {"prompt": name, "ask": name}, prompt, None).name == name


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("user", "{history} {candidates}", "no list is shown; remove {candidates}"),
        ("candidate_line", "{number} {title}", "no list is shown; remove {number}"),
    ],
)
def test_a_prompt_whose_answer_is_a_title_shows_no_list(key, text, message, tmp_path) -> None:
    path = tmp_path / "p.yaml"
    lines = {"user": "{history}", "history_line": "{title}", "candidate_line": "{title}"}
    lines |= {"answer_format": "titles", "system": "", key: text}
    path.write_text(json.dumps(lines))
    with pytest.raises(StudyError, match=message):
        load_prompt(path)


def test_a_packed_study_says_which_weights_it_had(folder, tmp_path) -> None:
    own = {"adapter": "local", "model": str(folder)}
    packed = told_apart("tiny", own)
    assert packed == own | {"checksum": weights_checksum(folder)}
    for section in (
        {"adapter": "openai-chat", "model": "m", "base_url": "http://a/v1"},
        {"adapter": "local", "model": PACKAGED},
    ):
        assert told_apart("other", section) == section


class Recorder:
    """A session's model, in whose place it notes what would be asked."""

    def __init__(self, monkeypatch) -> None:
        self.requests: list[dict] = []
        monkeypatch.setattr(query, "answer", self)

    def __call__(self, session, dtype, requests) -> None:
        self.requests.extend(requests)
        raise KeyboardInterrupt  # nothing is to be answered


DESCRIBED = """\
version: 1
about: a test
answer_format: {answer_format}
system: ""
history_line: "- {{title}} {{attributes}}"
candidate_line: "{candidate_line}"
user: |
  A person {{verb}} these {{items}}:
  {{history}}
  {listed}
"""


@pytest.mark.parametrize(
    ("ask", "answer_format", "candidate_line", "listed"),
    [
        ("first-token", "labels", "{label}. {title} {attributes}", "{candidates}"),
        ("yes-no", "yes-no", "{title} {attributes}", "{candidates}"),
        ("order", "numbers", "{number}. {title} {attributes}", "{candidates}"),
        ("likelihood", "titles", "- {title}", ""),
    ],
)
def test_what_the_data_set_holds_and_its_attributes_are_filled_in_for_models_here(
    ask, answer_format, candidate_line, listed, folder, tmp_path, monkeypatch
) -> None:
    path = tmp_path / "described.yaml"
    path.write_text(
        DESCRIBED.format(answer_format=answer_format, candidate_line=candidate_line, listed=listed)
    )
    prompt = with_about(load_prompt(path), {"items": "books", "verb": "read"})
    genres = pa.array([f"genre {item}" for item in ITEMS["item_id"].to_pylist()])
    described = ITEMS.append_column("genre", genres)
    recorder = Recorder(monkeypatch)
    way = ask_of("mine", {"prompt": "described", "ask": ask}, prompt, 5)
    with pytest.raises(KeyboardInterrupt):
        query_local_llm(USERS, described, way, session(Store(tmp_path), folder), seed=7)
    [asked] = [request for request in recorder.requests if "cats" in json.dumps(request)][:1]
    text = json.dumps(asked["body"])
    assert "A person read these books:" in text
    assert "- cats (genre: genre 1)" in text
    assert ("dogs cats (genre: genre 2)" in text) == (ask != "likelihood")
    assert "{title}" not in text
    assert "{attributes}" not in text
