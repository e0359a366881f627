"""Embeddings from services: kept for each text, asked in batches, checked, halved if too large."""

import json
from itertools import chain

import numpy as np
import pytest
from microrank.errors import StudyError
from microrank.services.embedding_settings import EmbeddingSettings
from microrank.services.embeddings import embed_texts
from microrank.services.failures import Malformed
from microrank.services.store import Store
from microrank.services.vectors import read_embeddings
from services.scripted import Scripted, as_json
from werkzeug import Response

TEXTS = [f"a title {n}" for n in range(10)]


def vector_of(text: str) -> list[float]:
    return [float(len(text)), 1.0, float(sum(map(ord, text)) % 97)]


def openai_shape(request, body) -> Response:
    data = [
        {"index": index, "embedding": vector_of(text)} for index, text in enumerate(body["input"])
    ]
    return as_json(
        {"data": data[::-1], "model": "served", "usage": {"prompt_tokens": 7 * len(data)}}
    )


def hf_shape(request, body) -> Response:
    return as_json([vector_of(text) for text in body["inputs"]])


@pytest.fixture
def section(server: Scripted) -> dict:
    server.answer = openai_shape
    return {
        "adapter": "openai-embeddings",
        "base_url": server.base_url,
        "model": "e",
        "batch_size": 4,
        "concurrency": 2,
        "max_tries": 3,
        "first_wait_s": 0.01,
        "timeout_s": 5,
    }


@pytest.mark.parametrize(
    ("adapter", "answer"),
    [("openai-embeddings", openai_shape), ("tei", hf_shape), ("hf-inference", hf_shape)],
)
def test_vectors_come_in_the_order_of_the_texts_and_each_text_is_asked_once(
    server, store, section, adapter, answer
):
    server.answer = answer
    section["adapter"] = adapter
    texts = [*TEXTS, TEXTS[3]]
    vectors = embed_texts(texts, section, store)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(
        vectors, np.asarray([vector_of(text) for text in texts], np.float32)
    )
    sent = [body.get("input", body.get("inputs")) for body in server.bodies]
    assert sorted(chain(*sent)) == sorted(TEXTS)
    assert sorted(map(len, sent)) == [2, 4, 4]
    server.bodies.clear()
    np.testing.assert_array_equal(embed_texts(texts, {**section, "batch_size": 7}, store), vectors)
    assert server.bodies == []
    embed_texts(["a new title", *texts], section, store)
    assert len(server.bodies) == 1


def test_another_served_model_is_said_once(server, store, section, caplog):
    embed_texts(TEXTS, section, store)
    assert caplog.text.count("asked for e, served by served") == 1


def test_what_shapes_a_vector_changes_the_key(server, store, section):
    for change in (
        {},
        {"model": "f"},
        {"dimensions": 3},
        {"extra": {"user": "x"}},
        {"token_pooling": "first"},
        {"revision": "2"},
    ):
        embed_texts(TEXTS[:1], {**section, **change}, store)
    assert len(server.bodies) == 6


def test_a_batch_that_is_too_large_is_halved_until_it_fits(server, store, section):
    server.answer = lambda request, body: (
        openai_shape(request, body) if len(body["input"]) <= 3 else as_json({"error": "large"}, 413)
    )
    assert embed_texts(TEXTS, {**section, "batch_size": 10}, store).shape == (10, 3)
    assert sorted(len(body["input"]) for body in server.bodies) == [2, 2, 3, 3, 5, 5, 10]


def test_one_text_that_is_too_large_fails_alone(server, store, section):
    server.answer = lambda request, body: (
        openai_shape(request, body)
        if "a title 5" not in body["input"]
        else as_json({"error": "long"}, 422)
    )
    with pytest.raises(StudyError, match="1 of 10 questions"):
        embed_texts(TEXTS, section, store)
    settings = EmbeddingSettings.from_config(section)
    kept = [text for text in TEXTS if store.has(settings.request(text))]
    assert set(TEXTS) - set(kept) == {"a title 5"}
    server.answer = openai_shape
    server.bodies.clear()
    embed_texts(TEXTS, section, store)
    assert set(chain(*(body["input"] for body in server.bodies))) == set(TEXTS) - set(kept)


def test_batches_that_came_are_kept_when_another_fails(server, store, section):
    server.answer = lambda request, body: (
        openai_shape(request, body) if "a title 5" not in body["input"] else as_json({}, 500)
    )
    with pytest.raises(StudyError, match="1 of 10 questions have no answer"):
        embed_texts(TEXTS, section, store)
    server.answer = openai_shape
    server.bodies.clear()
    embed_texts(TEXTS, section, store)
    assert [body["input"] for body in server.bodies] == [TEXTS[5:6]]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (500, "input (992 tokens) is too large to process. increase the physical batch size"),
        (400, "This model's maximum context length is 512 tokens"),
        (413, "Input validation error: `inputs` must have less than 512 tokens"),
        (422, "too long"),
        (400, "cannot do it"),
        (500, "cannot do it"),
    ],
)
@pytest.mark.parametrize("place", [0, 5, 9])
def test_one_text_that_a_server_cannot_do_is_isolated_named_and_the_rest_is_kept(
    server, store, section, status, words, place
):
    server.answer = lambda request, body: (
        as_json({"error": {"message": words}}, status)
        if TEXTS[place] in body["input"]
        else openai_shape(request, body)
    )
    with pytest.raises(StudyError) as caught:
        embed_texts(TEXTS, {**section, "batch_size": 10}, store)
    message = str(caught.value)
    assert "1 of 10 questions have no answer; the 9 others are kept" in message
    assert f"the text '{TEXTS[place]}' of 9 characters" in message
    assert f"status {status}: {words}" in message
    for remedy in ("subset.history_length", "truncate_prompt_tokens", "-ub", "adapter: tei"):
        assert remedy in message
    settings = EmbeddingSettings.from_config(section)
    kept = [text for text in TEXTS if store.has(settings.request(text))]
    assert set(TEXTS) - set(kept) == {TEXTS[place]}
    assert sum(body["input"] == [TEXTS[place]] for body in server.bodies) <= section["max_tries"]


@pytest.mark.parametrize("broken", [[1.0, float("nan"), 2.0], [0.0, 0.0, 0.0], None, []])
def test_one_text_whose_vector_is_broken_is_isolated_and_the_rest_is_kept(
    server, store, section, broken
):
    def answer(request, body):
        data = [
            {"index": n, "embedding": broken if text == TEXTS[5] else vector_of(text)}
            for n, text in enumerate(body["input"])
        ]
        return as_json({"data": data})

    server.answer = answer
    with pytest.raises(StudyError, match=f"the text '{TEXTS[5]}' of 9 characters: an unusable"):
        embed_texts(TEXTS, {**section, "max_tries": 1}, store)
    assert len(list(store.paths())) == 9


def test_where_no_text_can_be_embedded_asking_stops(server, store, section):
    server.answer = lambda request, body: as_json({"error": "unknown dimensions"}, 400)
    texts = [f"title {n}" for n in range(200)]
    with pytest.raises(StudyError, match=r"200 of 200 questions have no answer.*unknown dim"):
        embed_texts(texts, {**section, "batch_size": 32}, store)
    assert len(server.bodies) < 30


def test_progress_is_counted_in_texts(server, store, section, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr("microrank.services.dispatch.REPORT_EVERY_S", -1.0)
    embed_texts(TEXTS, {**section, "concurrency": 1}, store)
    assert "asked 10 of 10, 0 failed" in caplog.text
    assert "asked 4 of 10, 0 failed" in caplog.text


def test_texts_of_a_server_that_is_not_there_are_counted_one_by_one(store, section):
    with pytest.raises(StudyError, match="10 of 10 questions have no answer"):
        embed_texts(TEXTS, {**section, "base_url": "http://127.0.0.1:9/v1"}, store)


def test_offline_a_missing_vector_is_an_error_that_names_the_text(server, store, section):
    with pytest.raises(StudyError, match=r"the embedding of 'a title 0', key [0-9a-f]{64}"):
        embed_texts(TEXTS, section, Store(store.folder, offline=True))
    assert server.bodies == []


def test_the_url_of_hugging_faces_router_needs_no_base_url(caplog):
    settings = EmbeddingSettings.from_config(
        {"adapter": "hf-inference", "model": "intfloat/e5-small-v2"}
    )
    assert settings.url(settings.base_url) == (
        "https://router.huggingface.co/hf-inference/models/"
        "intfloat/e5-small-v2/pipeline/feature-extraction"
    )


def test_no_texts_need_nobody(store, section, server):
    assert embed_texts([], section, store).shape[0] == 0
    assert server.bodies == []


def test_tokens_of_a_batch_are_shared_out_among_its_texts(server, store, section):
    embed_texts(TEXTS[:4], section, store)
    settings = EmbeddingSettings.from_config(section)
    entries = [store.get(settings.request(text)) for text in TEXTS[:4]]
    assert sum(entry.usage["prompt_tokens"] for entry in entries) == 28
    assert {entry.served_model for entry in entries} == {"served"}


@pytest.mark.parametrize(
    ("answer", "pooling", "expected"),
    [
        ([[1, 2], [3, 4]], "mean", [[1, 2], [3, 4]]),
        ([[[1, 2], [3, 6]], [[5, 5]]], "mean", [[2, 4], [5, 5]]),
        ([[[1, 2], [3, 6]], [[5, 5]]], "first", [[1, 2], [5, 5]]),
        ([[[[1, 2], [3, 6]]], [[[5, 5]]]], "mean", [[2, 4], [5, 5]]),
        (
            {"data": [{"index": 1, "embedding": [3, 4]}, {"index": 0, "embedding": [1, 2]}]},
            "mean",
            [[1, 2], [3, 4]],
        ),
        ({"data": [{"embedding": [1, 2]}, {"embedding": [3, 4]}]}, "mean", [[1, 2], [3, 4]]),
    ],
)
def test_every_shape_of_answer_is_read(answer, pooling, expected):
    np.testing.assert_array_equal(
        read_embeddings(json.dumps(answer), 2, pooling)[0], np.asarray(expected, np.float32)
    )


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>",
        "[[1, 2]]",
        "[[1, 2], [3, 4], [5, 6]]",
        "[[1, 2], [3]]",
        "[[1, 2], [3, NaN]]",
        "[[1, 2], [3, Infinity]]",
        "[[1, 2], [3, 1e300]]",
        "[[1, 2], [0, 0]]",
        '[[1, 2], ["a", "b"]]',
        "[[1, 2], null]",
        "[[], []]",
        "[1, 2]",
        '{"error": "no"}',
        '{"data": [{"index": 0, "embedding": [1, 2]}, {"index": 0, "embedding": [1, 2]}]}',
        '{"data": [{"index": 0, "embedding": [1, 2]}]}',
        '{"data": [{"index": [], "embedding": [1, 2]}, {"index": 0}]}',
        '{"data": "x"}',
        '"x"',
    ],
)
def test_what_is_no_set_of_vectors_is_malformed(body: str):
    with pytest.raises(Malformed):
        read_embeddings(body, 2)
