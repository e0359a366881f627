"""Public data sets by their presets: a small made-up file in the form of each, read to the end."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from microrank import tables
from microrank.data.presets import PRESETS
from microrank.data.raw_settings import RawSettings
from microrank.data.split_raw_files import split_raw_files
from microrank.item_texts import attribute_texts

USERS = ["3", "1", "2"]
ITEMS = ["20", "10", "30", "40"]
ASINS = ["B07X", "0321", "B000", "B09Z"]
TITLE = "Toy Story (1995)"


def rows(users: list[str], items: list[str], start: int, step: int) -> list[tuple[str, str, int]]:
    """Each user's first three items of a rotated list, at growing times."""
    return [
        (user, items[(place + turn) % len(items)], start + step * (10 * place + turn))
        for place, user in enumerate(users)
        for turn in range(3)
    ]


def joined(lines: list[str], end: str = "\n") -> bytes:
    return (end.join(lines) + end).encode()


def json_lines(objects: list[dict]) -> bytes:
    return joined([json.dumps(value) for value in objects])


SECONDS, MILLISECONDS = 874724710, 1609459200123


def movielens_100k() -> tuple[bytes, bytes]:
    pairs = [f"{u}\t{i}\t4\t{t}" for u, i, t in rows(USERS, ITEMS, SECONDS, 1)]
    flags = "|".join("1" if place in (3, 5) else "0" for place in range(19))
    titles = [f"{i}|Café {TITLE}|01-Jan-1995||http://imdb|{flags}" for i in ITEMS]
    return joined(pairs), "\n".join(titles).encode("latin-1")


def movielens_1m() -> tuple[bytes, bytes]:
    pairs = [f"{u}::{i}::5::{t}" for u, i, t in rows(USERS, ITEMS, SECONDS, 1)]
    titles = [f"{i}::Café: {TITLE}::Animation|Comedy" for i in ITEMS]
    return joined(pairs), "\n".join(titles).encode("latin-1")


def movielens_latest() -> tuple[bytes, bytes]:
    pairs = [f"{u},{i},3.5,{t}" for u, i, t in rows(USERS, ITEMS, SECONDS, 1)]
    titles = [f'{i},"Café, {TITLE}",Animation|Comedy' for i in ITEMS]
    return (
        joined(["userId,movieId,rating,timestamp", *pairs], "\r\n"),
        joined(["movieId,title,genres", *titles], "\r\n"),
    )


def amazon() -> tuple[bytes, bytes]:
    pairs = [
        {"rating": 5.0, "title": "Nice", "asin": "X", "parent_asin": i, "user_id": f"AE{u}"}
        | {"timestamp": t, "helpful_vote": 0, "images": [], "verified_purchase": True}
        for u, i, t in rows(USERS, ASINS, MILLISECONDS, 1000)
    ]
    titles = [
        {"main_category": "Tools", "title": f"Café {TITLE}", "parent_asin": i, "store": None}
        | {"price": 9.5, "categories": ["Tools", "Saws"]}
        for i in ASINS
    ]
    return json_lines(pairs), json_lines(titles)


def recbole() -> tuple[bytes, bytes]:
    pairs = [f"{u}\t{i}\t{t}.0" for u, i, t in rows(USERS, ITEMS, SECONDS, 1)]
    titles = [f'{i}\tCafé "{TITLE}"\tComedy' for i in ITEMS]
    return (
        joined(["user_id:token\titem_id:token\ttimestamp:float", *pairs]),
        joined(["item_id:token\tmovie_title:token_seq\tclass:token_seq", *titles]),
    )


def kuairec() -> tuple[bytes, bytes]:
    header = "user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio"
    pairs = [
        f"{u},{i},1381,6067,2020-07-05 00:08:23.438,20200705,{t}.438,.22"
        for u, i, t in rows(USERS, ITEMS, 1593878903, 60)
    ]
    without_time = f"{USERS[0]},{ITEMS[3]},1,2,,,,.1"
    names = "video_id,manual_cover_text,caption,topic_tag,first_level_category_name"
    titles = [f'{i},UNKNOWN,"Café, {TITLE}",[],Pets' for i in ITEMS]
    return joined([header, *pairs, without_time]), joined([names, *titles])


def goodreads() -> tuple[bytes, bytes]:
    pairs = [
        {"user_id": f"8842{u}", "book_id": i, "review_id": "r", "is_read": True, "rating": 5}
        | {"date_added": f"Fri Aug 25 13:{t:02d}:02 -0700 2017", "read_at": ""}
        for u, i, t in rows(USERS, ITEMS, 10, 1)
    ]
    titles = [
        {"book_id": i, "title": f"Café {TITLE}", "publication_year": "1984", "publisher": ""}
        for i in ITEMS
    ]
    return json_lines(pairs), json_lines(titles)


def yelp() -> tuple[bytes, bytes]:
    pairs = [
        {"review_id": "r", "user_id": f"mh_-{u}", "business_id": f"XQf{i}", "stars": 3.0}
        | {"text": "ok", "date": f"2018-07-07 22:{t:02d}:11"}
        for u, i, t in rows(USERS, ITEMS, 10, 1)
    ]
    titles = [
        {"business_id": f"XQf{i}", "name": f"Café {TITLE}", "city": "Goleta"}
        | {"categories": "Doctors, Health", "attributes": {"WiFi": "no"}}
        for i in ITEMS
    ]
    return json_lines(pairs), json_lines(titles)


FILES: dict[str, tuple[Callable[[], tuple[bytes, bytes]], str]] = {
    "movielens-100k": (movielens_100k, "released: 01-Jan-1995; genre: Animation, Comedy"),
    "movielens-1m": (movielens_1m, "genre: Animation|Comedy"),
    "movielens-latest": (movielens_latest, "genres: Animation|Comedy"),
    "amazon-reviews-2023": (amazon, "main_category: Tools"),
    "recbole": (recbole, ""),
    "kuairec": (kuairec, "topic_tag: []; first_level_category_name: Pets"),
    "goodreads": (goodreads, "publication_year: 1984"),
    "yelp": (yelp, "categories: Doctors, Health; city: Goleta"),
}


def test_every_preset_has_a_file() -> None:
    assert set(FILES) == set(PRESETS)


@pytest.mark.parametrize("preset", FILES)
def test_the_files_of_a_preset_are_split_with_ids_titles_and_attributes_as_written(
    preset: str, tmp_path: Path
) -> None:
    make, attributes = FILES[preset]
    pairs, titles = make()
    (tmp_path / "pairs").write_bytes(pairs)
    (tmp_path / "titles").write_bytes(titles)
    names = ("train", "valid", "test", "users", "catalogue")
    outputs = {name: str(tmp_path / f"{name}.parquet") for name in names}
    settings = RawSettings.from_config("mine", {"preset": preset})
    counts = split_raw_files([tmp_path / "pairs"], tmp_path / "titles", settings, outputs)
    assert (counts["users"], counts["interactions"], counts["items_without_title"]) == (3, 9, 0)
    users = dict(zip(*pq.read_table(outputs["users"]).to_pydict().values(), strict=True))
    catalogue = tables.read_catalogue(outputs["catalogue"])
    items = dict(zip(catalogue["item_id"].to_pylist(), catalogue["item"].to_pylist(), strict=True))
    histories: dict[str, list[str]] = {user: [] for user in users.values()}
    for name in ("train", "valid", "test"):
        for row in pq.read_table(outputs[name]).to_pylist():
            histories[users[row["user_id"]]].append(items[row["item_id"]])
    ends = {user[-1]: [item[-4:] for item in history] for user, history in histories.items()}
    kinds = ASINS if preset == "amazon-reviews-2023" else ITEMS
    suffix = "XQf" if preset == "yelp" else ""
    assert ends == {
        user: [f"{suffix}{kinds[(place + turn) % 4]}"[-4:] for turn in range(3)]
        for place, user in enumerate(USERS)
    }
    assert all(TITLE in title and "Café" in title for title in catalogue["title"].to_pylist())
    assert set(attribute_texts(catalogue, list(items)).values()) == {attributes}
