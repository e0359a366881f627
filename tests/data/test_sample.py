"""The synthetic sample: well-formed, the same for the same seed, and odd where real files are."""

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from microrank.data.pairs import read_pairs
from microrank.data.sample import SampleSettings, make_sample
from microrank.data.sample_words import TOPICS
from microrank.data.titles import read_titles
from microrank.errors import StudyError

SETTINGS = SampleSettings(users=2000, items=400, topics=8)


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> tuple[pa.Table, pa.Table]:
    folder: Path = tmp_path_factory.mktemp("sample")
    for name, text in zip(("pairs.tsv", "titles.csv"), make_sample(SETTINGS, seed=1), strict=True):
        (folder / name).write_text(text, newline="")
    return read_pairs(folder / "pairs.tsv"), read_titles(folder / "titles.csv")


def test_the_same_seed_gives_the_same_text_and_another_seed_another() -> None:
    assert make_sample(SETTINGS, 1) == make_sample(SETTINGS, 1)
    assert make_sample(SETTINGS, 1)[0] != make_sample(SETTINGS, 2)[0]


def test_users_have_5_to_40_items(sample: tuple[pa.Table, pa.Table]) -> None:
    users, lengths = np.unique(sample[0]["user_id"].to_numpy(), return_counts=True)
    assert users.tolist() == list(range(1, 2001))
    assert lengths.min() == 5
    assert lengths.max() <= 40
    assert sample[0]["item_id"].to_numpy().max() <= 400


def test_popularity_has_a_long_tail(sample: tuple[pa.Table, pa.Table]) -> None:
    counts = np.sort(np.unique(sample[0]["item_id"].to_numpy(), return_counts=True)[1])[::-1]
    assert counts[:40].sum() > 0.2 * counts.sum()
    assert counts[0] > 10 * counts[-1]


def test_titles_are_as_odd_as_real_ones(sample: tuple[pa.Table, pa.Table]) -> None:
    titles = dict(
        zip(sample[1]["item_id"].to_pylist(), sample[1]["title"].to_pylist(), strict=True)
    )
    texts = list(titles.values())
    assert "" in texts
    assert len(set(texts)) < len(texts)
    assert any(text.isdigit() for text in texts)
    assert any(not text.isascii() for text in texts)
    assert any(", " in text for text in texts)
    assert any("# " in text for text in texts)
    assert set(titles) - set(range(1, 401))
    assert set(range(1, 401)) - set(titles)


def test_titles_of_a_users_items_share_words_more_often_than_those_of_two_users(
    sample: tuple[pa.Table, pa.Table],
) -> None:
    vocabulary = {word for themes in TOPICS.values() for theme in themes for word in theme.split()}
    titles = zip(sample[1]["item_id"].to_pylist(), sample[1]["title"].to_pylist(), strict=True)
    words = {item: set(re.findall(r"[a-z-]+", title)) & vocabulary for item, title in titles}
    users, items = sample[0]["user_id"].to_numpy(), sample[0]["item_id"].to_pylist()
    own = [
        bool(words.get(a, set()) & words.get(b, set()))
        for a, b, same in zip(items, items[1:], users[1:] == users[:-1], strict=False)
        if same
    ]
    foreign = [
        bool(words.get(a, set()) & words.get(b, set()))
        for a, b in zip(items, np.roll(items, 5000).tolist(), strict=True)
    ]
    assert np.mean(own) > 3 * np.mean(foreign)


def test_tastes_drift(sample: tuple[pa.Table, pa.Table]) -> None:
    """The last item shares a topic with the last but one more often than with the first."""
    hashtag = {}
    for item, title in zip(
        sample[1]["item_id"].to_pylist(), sample[1]["title"].to_pylist(), strict=True
    ):
        hashtag[item] = next((topic for topic in TOPICS if f"# {topic}" in title), None)
    table = sample[0]
    users = table["user_id"].to_numpy()
    topics = np.array([hashtag.get(item) or "" for item in table["item_id"].to_pylist()])
    ends = np.append(np.flatnonzero(users[1:] != users[:-1]), len(users) - 1)
    starts = np.append(0, ends[:-1] + 1)
    late = (topics[ends] == topics[ends - 1])[(topics[ends] != "") & (topics[ends - 1] != "")]
    early = (topics[ends] == topics[starts])[(topics[ends] != "") & (topics[starts] != "")]
    assert late.mean() > early.mean() + 0.05


def test_a_sample_too_small_for_its_topics_is_refused() -> None:
    with pytest.raises(
        StudyError, match=r"synthetic\.items is 100; with 8 topics at least 192 are needed"
    ):
        SampleSettings.from_config({"users": 10, "items": 100, "topics": 8})
    with pytest.raises(
        StudyError, match=r"synthetic\.topics is 25, but there are words for 24 only"
    ):
        SampleSettings.from_config({"users": 10, "items": 1000, "topics": 25})


def test_one_user_and_one_topic_are_enough() -> None:
    pairs, titles = make_sample(
        SampleSettings.from_config({"users": 1, "items": 80, "topics": 1}), 0
    )
    assert pairs.count("\r\n") == 1
    assert titles.count("\r\n") > 80 - 3
