"""Ways to ask: right orders that are known beforehand, and what holds for any model's answers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from local_llm import tiny_models
from microrank.errors import StudyError
from microrank.local_llm.answer_words import first_tokens, summed
from microrank.local_llm.engine import log_probabilities
from microrank.local_llm.first_token import (
    LETTERS,
    first_token_question,
    first_token_scores,
    labels,
    read_labels,
)
from microrank.local_llm.likelihood import (
    Likelihood,
    likelihood_question,
    likelihood_scores,
    read_likelihoods,
)
from microrank.local_llm.yes_no import (
    read_yes_no,
    shared_length,
    yes_no_question,
    yes_no_scores,
)

COUNTING = tiny_models.local(tiny_models.counting_llama())


def best_first(scores) -> list[int]:
    return sorted(range(len(scores)), key=lambda position: -scores[position])


def likelihoods(local, prefix: str, titles: list[str]) -> dict[str, Likelihood]:
    row = likelihood_question(local, prefix, [f" {title}\n" for title in titles])
    return dict(zip(titles, read_likelihoods(row, log_probabilities(local, [row])[0]), strict=True))


def test_likelihood_ranks_titles_by_the_words_that_the_planted_model_has_read_more_often() -> None:
    titles = ["pies", "cats", "tea", "dogs"]
    history = "- cats cats cats\n- dogs dogs\n- tea\n-"
    scores = likelihood_scores(titles, likelihoods(COUNTING, history, titles), None, "title")
    assert [titles[position] for position in best_first(scores)] == ["cats", "dogs", "tea", "pies"]


def test_less_the_prior_a_title_that_is_likely_anyhow_falls_behind() -> None:
    titles = ["cats", "pies"]
    with_history, without = "cats cats pies -", "cats cats cats cats -"
    given_, prior = (likelihoods(COUNTING, text, titles) for text in (with_history, without))
    assert best_first(likelihood_scores(titles, given_, None, "title")) == [0, 1]
    assert best_first(likelihood_scores(titles, given_, prior, "title")) == [1, 0]


def test_a_score_a_token_does_not_favour_short_titles() -> None:
    given_ = {"a": Likelihood(-6.0, 2), "b c d": Likelihood(-8.0, 4)}
    assert likelihood_scores(["a", "b c d"], given_, None, "title") == [-6.0, -8.0]
    assert likelihood_scores(["a", "b c d"], given_, None, "token") == [-3.0, -2.0]


def test_the_token_that_ends_a_title_counts() -> None:
    row = likelihood_question(COUNTING, "-", [" cats\n", " cats dogs\n"])
    assert [likelihood.n_tokens for likelihood in read_likelihoods(row, np.zeros(5))] == [2, 3]


def test_an_empty_title_is_unread_and_equal_titles_tie_exactly() -> None:
    given_ = likelihoods(COUNTING, "- cats -", ["cats", "tea"])
    scores = likelihood_scores(["cats", "", "tea", "cats"], given_, None, "token")
    assert scores[1] is None
    assert scores[0] == scores[3]


def test_first_token_ranks_by_the_labels_that_the_planted_model_answers() -> None:
    messages = [{"role": "user", "content": "B B B B C C C D D A"}]
    row = first_token_question(COUNTING, messages, 4)
    found = read_labels(COUNTING, log_probabilities(COUNTING, [row])[0], 4)
    scores = first_token_scores(found, order=[3, 2, 1, 0])
    assert best_first(scores) == [2, 1, 0, 3]


def test_yes_no_ranks_by_the_words_that_the_planted_model_likes() -> None:
    titles = ["cars cars", "cats dogs songs", "cats cars", "news"]
    questions = [[{"role": "user", "content": f"watched tea\nnext {title}"}] for title in titles]
    row = yes_no_question(COUNTING, questions)
    values = read_yes_no(COUNTING, log_probabilities(COUNTING, [row])[0])
    scores = yes_no_scores(values[:, 0], values[:, 1])
    assert best_first(scores)[:2] == [1, 2]
    assert scores[0] < scores[2]


def test_yes_no_by_a_shared_prefix_equals_one_question_a_candidate() -> None:
    local = tiny_models.local(tiny_models.random_llama())
    questions = [
        [{"role": "user", "content": f"watched tea\nnext {title}"}]
        for title in ("cats", "dogs cars news", "cats cats")
    ]
    together = read_yes_no(local, log_probabilities(local, [yes_no_question(local, questions)])[0])
    rows = [yes_no_question(local, [question]) for question in questions]
    apart = [read_yes_no(local, readings)[0] for readings in log_probabilities(local, rows)]
    np.testing.assert_allclose(together, apart, atol=1e-9)


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
    assert len(set(labels(len(LETTERS)))) == 52
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
