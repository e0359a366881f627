"""A small subset with titles, for tests of what re-ranks it."""

import numpy as np
import pyarrow as pa
from microrank import tables

TITLES = {
    1: "a cat on the roof",
    2: "my cat eats fish",
    3: "stock market news of today",
    4: "fish soup with rice",
    5: "how a cat hunts",
    6: "interest rates and the market",
    7: "",
}


def subset(histories: list[list[int]], candidates: list[list[int]]) -> pa.Table:
    """Table SUBSET of users 10, 20, …; the ground truth is each one's last candidate."""
    users = 10 * (1 + np.arange(len(histories)))
    return pa.table(
        {
            "user_id": users,
            "ground_truth": [row[-1] for row in candidates],
            "ground_truth_rank": [len(row) for row in candidates],
            "history": histories,
            "candidates": candidates,
        }
    ).cast(tables.SUBSET)


def catalogue(titles: dict[int, str] | None = None) -> pa.Table:
    """Table ITEMS."""
    titles = TITLES if titles is None else titles
    return pa.table(
        [list(titles), list(range(1, len(titles) + 1)), list(titles.values()), [1] * len(titles)],
        names=tables.ITEMS.names,
    ).cast(tables.ITEMS)


def order_of(rankings: pa.Table, user: int = 10) -> list[int]:
    """One user's items, best first."""
    rows = [row for row in rankings.to_pylist() if row["user_id"] == user]
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    return [row["item_id"] for row in rows]


def as_recommendations(users: np.ndarray, lists: np.ndarray) -> pa.Table:
    """Table RECOMMENDATIONS of these lists, [n_users, k], without scores that say anything."""
    n, k = lists.shape
    columns = {
        "user_id": np.repeat(users, k),
        "rank": np.tile(np.arange(1, k + 1), n),
        "item_id": lists.ravel(),
        "score": np.zeros(n * k),
    }
    return pa.table(columns).cast(tables.RECOMMENDATIONS)
