"""Ways to ask: right orders that are known beforehand, and what holds for any model's answers."""

import json
import math
import tempfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from local_llm import tiny_models
from microrank.errors import StudyError
from microrank.llm.prompts import LABELS, Prompt
from microrank.local_llm.answer_words import first_tokens, summed
from microrank.local_llm.answers import answer_locally
from microrank.local_llm.asks import ask_of
from microrank.local_llm.engine import log_probabilities
from microrank.local_llm.first_token import (
    FirstToken,
    first_token_question,
    first_token_scores,
    labels,
    read_labels,
)
from microrank.local_llm.likelihood import Likelihood, likelihood_question, read_likelihoods
from microrank.local_llm.requests import Ask, Asked, LocalSettings
from microrank.local_llm.written import Written
from microrank.local_llm.yes_no import YesNo, shared_length
from microrank.services.store import Store

COUNTING = tiny_models.local(tiny_models.counting_llama())


def best_first(scores) -> list[int]:
    return sorted(range(len(scores)), key=lambda position: -scores[position])


def prompt(answer_format: str, **changes: str) -> Prompt:
    texts = {
        "system": "",
        "user": "watched\n{history}\nnext\n{candidates}",
        "history_line": "- {title}",
        "candidate_line": "{label} {title}",
    }
    if answer_format == "titles":
        texts |= {"user": "watched\n{history}", "candidate_line": "- {title}"}
    return Prompt(answer_format, **(texts | changes))


def asked(history: list[str], titles: list[str], order: list[int] | None = None) -> Asked:
    n = len(titles)
    return Asked(1, 0, order or list(range(n)), history, titles, list(range(100, 100 + n)))


def answered(ask: Ask, user: Asked, local=COUNTING) -> list[float | None]:
    """The scores by a model, through a store of its own."""
    settings = LocalSettings("tiny", "sha256:0", "float64")
    requests = [settings.request(ask.name, body) for body in ask.bodies(user)]
    with tempfile.TemporaryDirectory() as place:
        store = Store(place)
        answer_locally(local, requests, store)
        entries = [store.get(request) for request in requests]
        return ask.scores(user, [json.loads(entry.body) for entry in entries])


def test_likelihood_ranks_titles_by_the_words_that_the_planted_model_has_read_more_often() -> None:
    user = asked(["cats cats cats", "dogs dogs", "tea"], ["pies", "cats", "tea", "dogs"])
    for per in ("title", "token"):
        scores = answered(Likelihood(prompt("titles"), per), user)
        assert best_first(scores) == [1, 3, 2, 0]


def test_less_the_prior_a_title_that_is_likely_anyhow_falls_behind() -> None:
    lead = prompt("titles", user="cats cats cats cats\n{history}")
    user = asked(["pies"], ["cats", "pies"])
    assert best_first(answered(Likelihood(lead), user)) == [0, 1]
    assert best_first(answered(Likelihood(lead, prior=True), user)) == [1, 0]


def test_a_score_a_token_does_not_favour_short_titles() -> None:
    user = asked(["x"], ["a", "b c d"])
    answer = {"log_probabilities": [-6.0, -8.0], "n_tokens": [2, 4]}
    assert Likelihood(prompt("titles"), "title").scores(user, [answer]) == [-6.0, -8.0]
    assert Likelihood(prompt("titles"), "token").scores(user, [answer]) == [-3.0, -2.0]


def test_the_token_that_ends_a_title_counts() -> None:
    row = likelihood_question(COUNTING, "-", [" cats\n", " cats dogs\n"])
    assert [n_tokens for _, n_tokens in read_likelihoods(row, np.zeros(5))] == [2, 3]


def test_a_titles_line_is_cut_where_the_title_begins() -> None:
    body, prior = Likelihood(prompt("titles"), prior=True).bodies(asked(["tea", "pies"], ["cats"]))
    assert body == {"prefix": "watched\n- tea\n- pies\n-", "endings": [" cats\n"]}
    assert prior == {"prefix": "watched\n-", "endings": [" cats\n"]}


@pytest.mark.parametrize("prior", [False, True])
def test_an_empty_title_is_unread_and_equal_titles_tie_exactly(prior) -> None:
    user = asked(["cats"], ["cats", "", "tea", " cats "])
    scores = answered(Likelihood(prompt("titles"), prior=prior), user)
    assert scores[1] is None
    assert scores[0] == scores[3] != scores[2]


def test_likelihood_by_a_shared_prefix_equals_one_question_a_title() -> None:
    local, ask = tiny_models.local(tiny_models.random_llama()), Likelihood(prompt("titles"))
    titles = ["cats", "dogs cars news", "cats cats"]
    together = answered(ask, asked(["tea", "pies"], titles), local)
    apart = [answered(ask, asked(["tea", "pies"], [title]), local)[0] for title in titles]
    np.testing.assert_allclose(together, apart, atol=1e-9)


def test_first_token_ranks_by_the_labels_that_the_planted_model_answers() -> None:
    messages = [{"role": "user", "content": "B B B B C C C D D A"}]
    row = first_token_question(COUNTING, messages, 4)
    found = read_labels(COUNTING, log_probabilities(COUNTING, [row])[0], 4)
    scores = first_token_scores(found, order=[3, 2, 1, 0])
    assert best_first(scores) == [2, 1, 0, 3]


def test_first_token_through_the_store_follows_the_labels_of_the_order_shown() -> None:
    ask = FirstToken(prompt("labels", user="B B B C C A\n{history}\n{candidates}"))
    scores = answered(ask, asked(["tea"], ["one", "two", "three"], order=[2, 0, 1]))
    assert best_first(scores) == [0, 1, 2]
    calibrated = FirstToken(ask.prompt, calibrate=True)
    assert [len(way.bodies(asked(["tea"], ["one"]))) for way in (ask, calibrated)] == [1, 2]


def test_yes_no_ranks_by_the_words_that_the_planted_model_likes() -> None:
    titles = ["cars cars", "cats dogs songs", "cats cars", "news"]
    scores = answered(YesNo(prompt("yes-no")), asked(["tea"], titles))
    assert best_first(scores)[:2] == [1, 2]
    assert scores[0] < scores[2]


def test_yes_no_by_a_shared_prefix_equals_one_question_a_candidate() -> None:
    local, ask = tiny_models.local(tiny_models.random_llama()), YesNo(prompt("yes-no"))
    titles = ["cats", "dogs cars news", "cats cats"]
    together = answered(ask, asked(["tea"], titles), local)
    apart = [answered(ask, asked(["tea"], [title]), local)[0] for title in titles]
    np.testing.assert_allclose(together, apart, atol=1e-9)


@pytest.mark.parametrize(
    ("ask", "answer_format", "way"),
    [
        ("likelihood", "titles", Likelihood),
        ("first-token", "labels", FirstToken),
        ("yes-no", "yes-no", YesNo),
        ("order", "numbers", Written),
        ("scores", "scores", Written),
    ],
)
def test_a_way_of_asking_is_chosen_by_its_name_or_by_the_prompts_format(
    ask, answer_format, way
) -> None:
    reranker = {"prompt": "some"}
    assert isinstance(ask_of("r", reranker, prompt(answer_format), None), way)
    assert isinstance(ask_of("r", {**reranker, "ask": ask}, prompt(answer_format), None), way)


def test_a_prompt_that_does_not_suit_the_way_of_asking_is_refused() -> None:
    reranker = {"prompt": "numbered", "ask": "likelihood"}
    with pytest.raises(StudyError, match="needs a prompt with answer_format titles, and numbered"):
        ask_of("mine", reranker, prompt("numbers"), None)


NUMBERS = st.floats(-50, 0, allow_nan=False)


@given(st.data(), st.integers(1, 30))
def test_any_log_probabilities_of_labels_give_every_candidate_a_score_or_none(data, n) -> None:
    order = data.draw(st.permutations(range(n)))
    seen = data.draw(st.dictionaries(st.sampled_from(labels(n)), NUMBERS))
    scores = first_token_scores(seen, order)
    assert len(scores) == n
    if not seen:
        assert scores == [None] * n
        return
    assert all(math.isfinite(score) for score in scores)
    assert sorted(best_first(scores)) == list(range(n))
    missing = [order[place] for place, label in enumerate(labels(n)) if label not in seen]
    assert {scores[position] for position in missing} <= {min(seen.values()) - 1}


@given(st.lists(NUMBERS, min_size=2, max_size=12), st.data())
def test_label_order_does_not_matter_after_all_turns_are_averaged(worth, data) -> None:
    n = len(worth)
    bias = data.draw(st.lists(NUMBERS, min_size=n, max_size=n))
    start = data.draw(st.permutations(range(n)))
    passes = []
    for turn in range(n):
        order = [*start[turn:], *start[:turn]]
        given_ = {
            label: worth[position] + bias[place]
            for place, (label, position) in enumerate(zip(labels(n), order, strict=True))
        }
        passes.append(first_token_scores(given_, order))
    mean = np.mean(passes, axis=0)
    np.testing.assert_allclose(mean - mean[0], np.array(worth) - worth[0], atol=1e-9)


@given(st.lists(NUMBERS, min_size=2, max_size=12), st.data())
def test_calibration_takes_out_what_the_model_says_without_a_history(worth, data) -> None:
    n = len(worth)
    bias = data.draw(st.lists(NUMBERS, min_size=n, max_size=n))
    given_ = dict(zip(labels(n), np.add(worth, bias), strict=True))
    calibration = dict(zip(labels(n), bias, strict=True))
    scores = first_token_scores(given_, range(n), calibration)
    np.testing.assert_allclose(scores, worth, atol=1e-9)


def test_a_list_longer_than_the_alphabet_is_refused_with_a_way_out() -> None:
    assert len(set(labels(len(LABELS)))) == 52
    with pytest.raises(StudyError, match="a list has 53; lower top_k"):
        labels(53)


def test_labels_that_share_a_first_token_are_refused() -> None:
    with pytest.raises(StudyError, match="'a' has no first token of its own"):
        first_tokens(COUNTING, [["a"], ["b"]])  # both unknown to the tokenizer


def test_spellings_of_an_answer_are_summed_as_probabilities() -> None:
    readings = np.log([[0.1, 0.2, 0.3]])
    np.testing.assert_allclose(summed(readings, [[7, 8], [9]]), np.log([[0.3, 0.3]]))


def test_what_questions_begin_with_is_shared_but_never_a_whole_question() -> None:
    assert shared_length([[1, 2, 3], [1, 2, 4, 5]]) == 2
    assert shared_length([[1, 2, 3], [1, 2, 3, 4]]) == 2
    assert shared_length([[1, 2, 3]]) == 2
