"""Small made-up logs in the forms of public data sets: pairs and titles of each preset."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

TITLE = "Toy Story (1995)"
SECONDS = 1_500_000_000  # the first click of a log


class Click(NamedTuple):
    user: str
    item: str
    time: int  # seconds since 1970

    def when(self, form: str) -> str:
        return datetime.fromtimestamp(self.time, UTC).strftime(form)


def clicks(users: Sequence[str], items: Sequence[str], each: int) -> list[Click]:
    """Each user's first items of a list that begins one item later for every user."""
    return [
        Click(user, items[(place + turn) % len(items)], SECONDS + 60 * (each * place + turn))
        for place, user in enumerate(users)
        for turn in range(each)
    ]


def joined(lines: list[str], end: str = "\n") -> bytes:
    return (end.join(lines) + end).encode()


def json_lines(objects: list[dict]) -> bytes:
    return joined([json.dumps(value) for value in objects])


def movielens_100k(log: list[Click], items: Sequence[str]) -> tuple[bytes, bytes]:
    flags = "|".join("1" if place in (3, 5) else "0" for place in range(19))
    titles = [f"{i}|Café {TITLE}|01-Jan-1995||http://imdb|{flags}" for i in items]
    return joined([f"{u}\t{i}\t4\t{t}" for u, i, t in log]), "\n".join(titles).encode("latin-1")


def movielens_1m(log: list[Click], items: Sequence[str]) -> tuple[bytes, bytes]:
    titles = [f"{i}::Café: {TITLE}::Animation|Comedy" for i in items]
    return joined([f"{u}::{i}::5::{t}" for u, i, t in log]), "\n".join(titles).encode("latin-1")


def movielens_latest(log: list[Click], items: Sequence[str]) -> tuple[bytes, bytes]:
    pairs = [f"{u},{i},3.5,{t}" for u, i, t in log]
    titles = [f'{i},"Café, {TITLE}",Animation|Comedy' for i in items]
    return (
        joined(["userId,movieId,rating,timestamp", *pairs], "\r\n"),
        joined(["movieId,title,genres", *titles], "\r\n"),
    )


def amazon(log: list[Click], items: Sequence[str]) -> tuple[bytes, bytes]:
    pairs = [
        {"rating": 5.0, "title": "Nice", "asin": "X", "parent_asin": i, "user_id": f"AE{u}"}
        | {"timestamp": 1000 * t + 123, "images": [], "verified_purchase": True}
        for u, i, t in log
    ]
    titles = [
        {"main_category": "Tools", "title": f"Café {TITLE}", "parent_asin": i, "store": None}
        | {"price": 9.5, "categories": ["Tools", "Saws"]}
        for i in items
    ]
    return json_lines(pairs), json_lines(titles)


def recbole(log: list[Click], items: Sequence[str]) -> tuple[bytes, bytes]:
    pairs = [f"{u}\t{i}\t{t}.0" for u, i, t in log]
    titles = [f'{i}\tCafé "{TITLE}"\tComedy' for i in items]
    return (
        joined(["user_id:token\titem_id:token\ttimestamp:float", *pairs]),
        joined(["item_id:token\tmovie_title:token_seq\tclass:token_seq", *titles]),
    )


def kuairec(log: list[Click], items: Sequence[str]) -> tuple[bytes, bytes]:
    header = "user_id,video_id,play_duration,video_duration,time,date,timestamp,watch_ratio"
    pairs = [f"{u},{i},1381,6067,2020-07-05 00:08:23.438,20200705,{t}.438,.22" for u, i, t in log]
    without_time = f"{log[0].user},{items[-1]},1,2,,,,.1"
    names = "video_id,manual_cover_text,caption,topic_tag,first_level_category_name"
    titles = [f'{i},UNKNOWN,"Café, {TITLE}",[],Pets' for i in items]
    return joined([header, *pairs, without_time]), joined([names, *titles])


def goodreads(log: list[Click], items: Sequence[str]) -> tuple[bytes, bytes]:
    form = "%a %b %d %H:%M:%S -0700 %Y"
    pairs = [
        {"user_id": f"8842{click.user}", "book_id": click.item, "is_read": True, "rating": 5}
        | {"date_added": click.when(form), "read_at": ""}
        for click in log
    ]
    titles = [
        {"book_id": i, "title": f"Café {TITLE}", "publication_year": "1984", "publisher": ""}
        for i in items
    ]
    return json_lines(pairs), json_lines(titles)


def yelp(log: list[Click], items: Sequence[str]) -> tuple[bytes, bytes]:
    pairs = [
        {"review_id": "r", "user_id": f"mh_-{click.user}", "business_id": f"XQf{click.item}"}
        | {"stars": 3.0, "text": "ok", "date": click.when("%Y-%m-%d %H:%M:%S")}
        for click in log
    ]
    titles = [
        {"business_id": f"XQf{i}", "name": f"Café {TITLE}", "city": "Goleta"}
        | {"categories": "Doctors, Health", "attributes": {"WiFi": "no"}}
        for i in items
    ]
    return json_lines(pairs), json_lines(titles)


FORMS: dict[str, Callable[[list[Click], Sequence[str]], tuple[bytes, bytes]]] = {
    "movielens-100k": movielens_100k,
    "movielens-1m": movielens_1m,
    "movielens-latest": movielens_latest,
    "amazon-reviews-2023": amazon,
    "recbole": recbole,
    "kuairec": kuairec,
    "goodreads": goodreads,
    "yelp": yelp,
}
