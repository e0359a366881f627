"""Small interactions with a known right answer."""

import numpy as np
import pyarrow as pa
from microrank import tables
from microrank.recommenders.fitted import Interactions


def splits(histories: list[list[int]]) -> pa.Table:
    """Table SPLIT of users 10, 20, …"""
    rows = [
        (10 * (user + 1), item, place)
        for user, history in enumerate(histories)
        for place, item in enumerate(history)
    ]
    columns = [list(column) for column in zip(*rows, strict=True)]
    return pa.table(columns, names=tables.SPLIT.names).cast(tables.SPLIT)


def items(n: int) -> pa.Table:
    """Table ITEMS: item 100 + i has the item_index i, from 1."""
    index = np.arange(1, n + 1)
    titles = [f"title {number}" for number in index]
    columns = [100 + index, index, titles, np.ones(n, int)]
    return pa.table(columns, names=tables.ITEMS.names).cast(tables.ITEMS)


def interactions(histories: list[list[int]], n: int) -> Interactions:
    """Of item_index from 1, oldest first."""
    ids = [[100 + item for item in history] for history in histories]
    return Interactions.of([splits(ids)], items(n))


def checkerboard(users: int, n: int) -> list[list[int]]:
    """Odd users took odd items and even users even ones, but for one item each."""
    return [
        [
            item
            for item in range(1, n + 1)
            if item % 2 == user % 2 and (item - 1) // 2 != user // 2 % (n // 2)
        ]
        for user in range(users)
    ]


def random_histories(seed: int, users: int = 12, n: int = 9) -> list[list[int]]:
    random = np.random.default_rng(seed)
    return [(1 + random.permutation(n)[: random.integers(1, n - 3)]).tolist() for _ in range(users)]
