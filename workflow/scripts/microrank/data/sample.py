"""A synthetic set in the MicroLens format, for a study that needs neither network nor licence.

Users have tastes over topics, which drift. The popularity of items falls as a power of their rank
and moves with time. Titles hold words of the item's theme. None of it imitates the figures of a
real service; it gives every stage something true to find.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from microrank.data.sample_words import CLOSERS, EMOJI, HASHTAGS, MIDDLES, OPENERS, TOPICS
from microrank.errors import StudyError
from microrank.seeds import generator

MIN_LENGTH, MAX_LENGTH = 5, 40  # interactions of a user
MEAN_EXTRA = 3.5  # mean of the interactions beyond MIN_LENGTH
MIN_ITEMS = 2 * MAX_LENGTH
WORDS_OF_THEME, WORDS_OF_TOPIC = 3, 12
ERAS = 4  # parts of a user's time between which the popularity of items moves
FASHION = 0.8  # share of an item's popularity that comes and goes
ZIPF = 0.7  # popularity of the item of rank r within its theme: r^-ZIPF
# How wide a user's taste is, interaction by interaction.
SHARES = {"word": 0.4, "theme": 0.15, "topic": 0.1, "all": 0.35}


@dataclass(frozen=True)
class SampleSettings:
    """The section `datasets.{name}.synthetic`."""

    users: int
    items: int
    topics: int

    @classmethod
    def from_config(cls, section: dict[str, Any]) -> "SampleSettings":
        """Check what the schema cannot."""
        settings = cls(**section)
        if settings.topics > len(TOPICS):
            raise StudyError(
                f"config: synthetic.topics is {settings.topics}, but there are words for "
                f"{len(TOPICS)} only"
            )
        least = max(MIN_ITEMS, 2 * WORDS_OF_TOPIC * settings.topics)
        if settings.items < least:
            raise StudyError(
                f"config: synthetic.items is {settings.items}; with {settings.topics} topics at "
                f"least {least} are needed"
            )
        return settings


class Catalogue(NamedTuple):
    """The items, those of a word side by side, words of a theme and themes of a topic likewise.

    item_ids: [n_items].
    word_of_item: [n_items].
    starts: [n_words + 1], the first item of each word.
    sums: [ERAS * n_items + 1], the running sum of popularity, era after era.
    topic_share: [n_topics].
    """

    item_ids: np.ndarray
    word_of_item: np.ndarray
    starts: np.ndarray
    sums: np.ndarray
    topic_share: np.ndarray


def make_sample(settings: SampleSettings, seed: int) -> tuple[str, str]:
    """Make both files, with the CRLF of MicroLens.

    Returns:
        The text of `pairs.tsv`, and that of `titles.csv`, which has bare lines `id, title`.
    """
    random = generator(seed, "sample")
    catalogue = make_catalogue(settings, random)
    lengths, items = draw_interactions(catalogue, settings.users, random)
    lists = np.split(catalogue.item_ids[items].astype(str), np.cumsum(lengths)[:-1])
    pairs = "".join(f"{user}\t{' '.join(row)}\r\n" for user, row in enumerate(lists, start=1))
    titles = make_titles(catalogue, random)
    return pairs, "".join(f"{item}, {titles[item]}\r\n" for item in sorted(titles))


def make_catalogue(settings: SampleSettings, random: np.random.Generator) -> Catalogue:
    """Give each item a word to be about, and a popularity.

    The popularity is a power of its rank. The larger part of it has its moment and passes.
    """
    n_words = settings.topics * WORDS_OF_TOPIC
    word_of_item = np.sort(random.integers(n_words, size=settings.items))
    starts = np.searchsorted(word_of_item, np.arange(n_words + 1))
    rank = np.arange(settings.items) - starts[word_of_item] + 1
    now, moment = (np.arange(ERAS)[:, None] + 0.5) / ERAS, random.random(settings.items)
    passing = 1 - FASHION + FASHION * np.exp(-(((now - moment) / 0.3) ** 2))
    popularity = rank**-ZIPF * random.lognormal(0, 0.5, settings.items) * passing
    sums = np.concatenate([[0.0], popularity.ravel().cumsum()])
    return Catalogue(
        random.permutation(settings.items) + 1,
        word_of_item,
        starts,
        sums,
        random.dirichlet(np.full(settings.topics, 4.0)),
    )


def draw_interactions(
    catalogue: Catalogue, n_users: int, random: np.random.Generator, mean_extra: float = MEAN_EXTRA
) -> tuple[np.ndarray, np.ndarray]:
    """Draw what each user interacts with; no item comes twice for a user.

    Returns:
        lengths: [n_users], interactions of each user.
        items: [n_rows], indices of items, oldest first, one user after the other.
    """
    n_items, n_topics = len(catalogue.item_ids), len(catalogue.topic_share)
    lengths = np.minimum(
        MIN_LENGTH + random.geometric(1 / (1 + mean_extra), n_users) - 1, MAX_LENGTH
    )
    users = np.repeat(np.arange(n_users), lengths)
    time = (np.arange(len(users)) - np.repeat(np.cumsum(lengths) - lengths, lengths)) / np.repeat(
        lengths, lengths
    )
    era = (time * ERAS).astype(int)

    tastes = random.choice(n_topics, size=(2, n_users), p=catalogue.topic_share) * WORDS_OF_TOPIC
    early, late = tastes + random.integers(WORDS_OF_TOPIC, size=(2, n_users))
    word = np.where(random.random(len(users)) < 0.2 + 0.6 * time, late[users], early[users])
    widths = [1, WORDS_OF_THEME, WORDS_OF_TOPIC, n_topics * WORDS_OF_TOPIC]
    width = random.choice(widths, size=len(users), p=list(SHARES.values()))
    first, last = (
        catalogue.starts[word // width * width],
        catalogue.starts[(word // width + 1) * width],
    )

    items = _draw_items(catalogue, era, first, last, random)
    attempt = 0
    while len(again := _repeated(users * n_items + items)):
        attempt += 1
        if attempt > 10:  # the user has seen nearly all of a small range
            first[again], last[again] = 0, n_items
        items[again] = _draw_items(catalogue, era[again], first[again], last[again], random)
    return lengths, items


def make_titles(catalogue: Catalogue, random: np.random.Generator) -> dict[int, str]:
    """Item id -> title, with the oddities of real title files planted in them."""
    words = _words(len(catalogue.topic_share))
    titles = {
        item: _title(words[word], random)
        for item, word in zip(catalogue.item_ids.tolist(), catalogue.word_of_item, strict=True)
    }
    _plant_oddities(titles, random)
    return titles


def _draw_items(
    catalogue: Catalogue,
    era: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    random: np.random.Generator,
) -> np.ndarray:
    """Draw an item by its popularity in the era from each range `first` to `last` (not included).

    Where a range is empty, the item is drawn from all.
    """
    n_items = len(catalogue.item_ids)
    first, last = np.where(first < last, first, 0), np.where(first < last, last, n_items)
    low, high = catalogue.sums[era * n_items + first], catalogue.sums[era * n_items + last]
    at = low + random.random(len(era)) * (high - low)
    items = np.searchsorted(catalogue.sums, at, side="right") - 1 - era * n_items
    return np.clip(items, first, last - 1)


def _repeated(keys: np.ndarray) -> np.ndarray:
    """Indices of all but the first occurrence of each key."""
    again = np.ones(len(keys), bool)
    again[np.unique(keys, return_index=True)[1]] = False
    return np.flatnonzero(again)


def _words(n_topics: int) -> list[tuple[str, str, tuple[str, ...]]]:
    """The words that items can be about; those of a theme, and of a topic, side by side.

    Returns:
        (topic, word, the theme's other words) of each.
    """
    words = []
    for topic, themes in list(TOPICS.items())[:n_topics]:
        for theme in themes:
            words += [
                (topic, word, tuple(other for other in theme.split() if other != word))
                for word in theme.split()
            ]
    return words


def _title(about: tuple[str, str, tuple[str, ...]], random: np.random.Generator) -> str:
    topic, word, others = about
    pair = random.permutation([word, _pick(others, random)])
    title = f"{_pick(OPENERS, random)} {pair[0]} {_pick(MIDDLES, random)} {pair[1]}"
    roll = random.random(5)
    if roll[0] < 0.5:
        title += f", {_pick(CLOSERS, random)}"
    if roll[1] < 0.25:
        title += _pick(EMOJI, random)
    if roll[2] < 0.6:
        title += f" # {topic}"
    if roll[3] < 0.3:
        title += f" # {_pick(HASHTAGS, random)}"
    return title + " " if roll[4] < 0.08 else title


def _pick(words: tuple[str, ...], random: np.random.Generator) -> str:
    return words[random.integers(len(words))]


def _plant_oddities(titles: dict[int, str], random: np.random.Generator) -> None:
    """Make the titles as odd as real ones.

    There are empty and shared titles, numbers, an item without a title, and titles of items that
    nobody interacted with.
    """
    n = max(1, len(titles) // 200)
    ids = random.choice(np.array(sorted(titles)), size=5 * n, replace=False).tolist()
    for item in ids[:n]:
        titles[item] = ""
    for item, other in zip(ids[n : 2 * n], ids[2 * n : 3 * n], strict=True):
        titles[item] = titles[other]
    for item in ids[3 * n : 4 * n]:
        titles[item] = str(item) if item % 2 else f"{item % 90 + 10}"
    for item in ids[4 * n : 4 * n + 2]:
        del titles[item]
    beyond = max(titles) + 1
    for item in range(beyond, beyond + 3):
        titles[item] = "uploaded a moment ago, nobody has seen it yet"
