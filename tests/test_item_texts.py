"""What encoders, BM25 and prompts see of an item besides its title."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from made_up_lists import catalogue, order_of, subset
from microrank.encoders.embed_titles import embed_titles
from microrank.errors import StudyError
from microrank.item_texts import attribute_texts, with_text
from microrank.rerank.bm25 import rank_by_bm25

TITLES = {1: "red cat", 2: "blue hat", 3: "old bat", 4: "new rat"}
GENRES = ["spy", "", "love", "spy"]


def with_genres() -> pa.Table:
    items = catalogue(TITLES)
    items = items.append_column("item", items["item_id"].cast(pa.string()))
    return items.append_column("genre", pa.array(GENRES))


def test_a_text_is_made_of_title_and_attributes() -> None:
    texts = with_text(with_genres(), "{title}. {genre}")["title"].to_pylist()
    assert texts == ["red cat. spy", "blue hat.", "old bat. love", "new rat. spy"]
    assert with_text(with_genres(), None).equals(with_genres())


def test_bm25_finds_by_an_attribute_what_no_title_shares() -> None:
    lists = subset([[1]], [[2, 3, 4]])
    assert order_of(rank_by_bm25(lists, with_genres())) == [2, 3, 4]
    by_genre = rank_by_bm25(lists, with_text(with_genres(), "{title}. {genre}"))
    assert order_of(by_genre) == [4, 2, 3]


@pytest.mark.parametrize("template", ["{brand}", "{title!r}", "{title:>9}", "{0}", "{genre.x}"])
def test_what_is_no_attribute_is_refused_with_those_that_are_known(template: str) -> None:
    with pytest.raises(StudyError, match=r"there is no attribute .*; known: title, genre; name"):
        with_text(with_genres(), template)


def test_prompts_show_named_attributes_and_leave_out_empty_ones() -> None:
    items = with_genres().append_column("year", pa.array(["1999", "2001", "", ""]))
    assert attribute_texts(items, [1, 2, 3]) == {
        1: "genre: spy; year: 1999",
        2: "year: 2001",
        3: "genre: love",
    }
    assert attribute_texts(catalogue(TITLES), [1]) == {1: ""}


def test_encoders_read_the_text_that_their_entry_asks_for() -> None:
    asked: list[str] = []

    def embed(texts: Sequence[str]) -> np.ndarray:
        asked.extend(texts)
        return np.ones((len(texts), 2))

    embed_titles(subset([[1]], [[3]]), with_genres(), {"text": "{title}. {genre}"}, embed)
    assert sorted(asked) == ["old bat. love", "red cat. spy"]
