"""Known public data sets: how their files are laid out.

A preset gives defaults for the keys of an entry of `datasets`; a key of the entry itself wins.
"""

from collections.abc import Mapping
from typing import Any

ML_100K_GENRES = [
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime"),
    *("Documentary", "Drama", "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery"),
    *("Romance", "Sci-Fi", "Thriller", "War", "Western"),
]
MOVIES = {"items": "movies", "verb": "rated"}


def _columns(user: str, item: str, rating: str, timestamp: str) -> dict[str, str]:
    return {"user": user, "item": item, "rating": rating, "timestamp": timestamp}


PRESETS: dict[str, Mapping[str, Any]] = {
    # files.grouplens.org/datasets/movielens/ml-100k-README.txt: u.data and u.item
    "movielens-100k": {
        "format": {"separator": "\t", "header": ["user", "item", "rating", "timestamp"]},
        "titles_format": {
            "separator": "|",
            "encoding": "latin-1",
            "header": ["item", "title", "released", "video_released", "url", *ML_100K_GENRES],
        },
        "flags": {"genre": ML_100K_GENRES},
        "attributes": ["released", "genre"],
        "about": MOVIES,
    },
    # ml-1m-README.txt: ratings.dat and movies.dat
    "movielens-1m": {
        "format": {"separator": "::", "header": ["user", "item", "rating", "timestamp"]},
        "titles_format": {
            "separator": "::",
            "encoding": "latin-1",
            "header": ["item", "title", "genre"],
        },
        "attributes": ["genre"],
        "about": MOVIES,
    },
    # ml-latest-README.html: ratings.csv and movies.csv
    "movielens-latest": {
        "columns": _columns("userId", "movieId", "rating", "timestamp"),
        "titles_columns": {"item": "movieId", "title": "title"},
        "attributes": ["genres"],
        "about": MOVIES,
    },
    # amazon-reviews-2023.github.io: reviews and metadata of a category as JSON lines, or the csv
    "amazon-reviews-2023": {
        "columns": _columns("user_id", "parent_asin", "rating", "timestamp"),
        "titles_columns": {"item": "parent_asin", "title": "title"},
        "attributes": ["main_category", "store"],
        "time_unit": "ms",
        "about": {"items": "products", "verb": "reviewed"},
    },
    # recbole.io/docs/user_guide/data/atomic_files.html: .inter and .item
    "recbole": {
        "format": {"separator": "\t"},
        "titles_format": {"separator": "\t"},
        "about": {"items": "items", "verb": "interacted with"},
    },
    # kuairec.com: big_matrix.csv or small_matrix.csv, kuairec_caption_category.csv
    "kuairec": {
        "columns": {"user": "user_id", "item": "video_id", "timestamp": "timestamp"},
        "titles_columns": {"item": "video_id", "title": "caption"},
        "attributes": ["topic_tag", "first_level_category_name"],
        "bad_rows": "drop",  # some rows have no time
        "about": {"items": "short videos", "verb": "watched"},
    },
    # mengtingwan.github.io/data/goodreads: interactions and books as JSON lines
    "goodreads": {
        "columns": _columns("user_id", "book_id", "rating", "date_added"),
        "titles_columns": {"item": "book_id", "title": "title"},
        "attributes": ["publication_year", "publisher"],
        "about": {"items": "books", "verb": "read"},
    },
    # yelp.com/dataset/documentation: review.json and business.json
    "yelp": {
        "columns": _columns("user_id", "business_id", "stars", "date"),
        "titles_columns": {"item": "business_id", "title": "name"},
        "attributes": ["categories", "city"],
        "about": {"items": "businesses", "verb": "reviewed"},
    },
}
