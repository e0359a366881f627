"""The leave-one-out split: each user's last interaction is test, the one before it valid, the rest train."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from microrank import tables

SPLIT_NAMES = ("train", "valid", "test")


@dataclass(frozen=True)
class SplitSummary:
    """What remains in memory of a split: the catalogue, and figures for the report.

    items: table ITEMS, sorted by item; all items that have an interaction, and no others.
    counts: name -> number, as `splits/counts.json` holds them.
    """

    items: pa.Table
    counts: dict[str, float]


@dataclass
class ItemTally:
    """How often each item occurs, added up block by block."""

    items: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    counts: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))

    def add(self, items: np.ndarray) -> None:
        """Count a block: [n] int64."""
        distinct, counts = np.unique(items, return_counts=True)
        merged, index = np.unique(np.concatenate([self.items, distinct]), return_inverse=True)
        self.counts = np.bincount(index, np.concatenate([self.counts, counts]), len(merged)).astype(np.int64)
        self.items = merged

    def of(self, items: np.ndarray) -> np.ndarray:
        """[n] int64: the count of each of `items`, 0 for those never seen."""
        if not len(self.items):
            return np.zeros(len(items), np.int64)
        index = np.minimum(np.searchsorted(self.items, items), len(self.items) - 1)
        return np.where(self.items[index] == items, self.counts[index], 0)


def split_interactions(pairs: Iterable[pa.Table], titles: pa.Table, write: Callable[[str, pa.Table], None]) -> SplitSummary:
    """Split block by block, so that memory depends on the number of items and not on that of interactions.

    An item is in the catalogue if anybody interacted with it. An item that has only a title cannot be recommended; it is counted. The
    counts by which candidates are weighed (`train_count`) come from train alone: nothing that is tested on is in them.

    Args:
        pairs: tables SPLIT of whole users, at least three rows each, users ascending.
        titles: (item_id, title), sorted by item.
        write: takes "train", "valid" or "test", and a table SPLIT; tables of one name come sorted by user, position.
    """
    tallies = {name: ItemTally() for name in SPLIT_NAMES}
    n_users = 0
    for block in pairs:
        for name, part in split_users(block).items():
            tallies[name].add(part["item_id"].to_numpy())
            write(name, part)
            n_users += part.num_rows if name == "test" else 0
    item_ids = np.unique(np.concatenate([tally.items for tally in tallies.values()]))
    train_count = tallies["train"].of(item_ids)
    items = pa.table([item_ids, np.arange(1, len(item_ids) + 1), titles_of(item_ids, titles), train_count], names=tables.ITEMS.names)
    return SplitSummary(items.cast(tables.ITEMS), _counted(n_users, tallies, item_ids, titles))


def split_users(pairs: pa.Table) -> dict[str, pa.Table]:
    """Split a table SPLIT of whole users into train, valid and test by each row's place from the user's end."""
    users = pairs["user_id"].to_numpy()
    ends = np.append(np.flatnonzero(users[1:] != users[:-1]), len(users) - 1)
    in_train = np.ones(len(users), bool)
    in_train[ends] = False
    in_train[ends - 1] = False
    return {"train": pairs.filter(pa.array(in_train)), "valid": pairs.take(pa.array(ends - 1)), "test": pairs.take(pa.array(ends))}


def titles_of(item_ids: np.ndarray, titles: pa.Table) -> pa.ChunkedArray:
    """The title of each item, empty where it has none."""
    titled = titles["item_id"].to_numpy()
    index = np.searchsorted(titled, item_ids)
    found = np.append(titled, -1)[index] == item_ids
    return titles["title"].take(pa.array(index, mask=~found)).fill_null("")


def _counted(n_users: int, tallies: dict[str, ItemTally], item_ids: np.ndarray, titles: pa.Table) -> dict[str, float]:
    train, test = tallies["train"], tallies["test"]
    titled = titles["item_id"].to_numpy()
    rows = {name: int(tally.counts.sum()) for name, tally in tallies.items()}
    untrained = int(test.counts[train.of(test.items) == 0].sum())
    return {
        "users": n_users,
        "items": len(item_ids),
        "interactions": sum(rows.values()),
        **{f"{name}_interactions": n for name, n in rows.items()},
        "empty_titles": int((titles["title"].to_numpy() == "").sum()),
        "items_without_title": int((~np.isin(item_ids, titled)).sum()),
        "titles_without_interaction": int((~np.isin(titled, item_ids)).sum()),
        "items_never_trained": int((train.of(item_ids) == 0).sum()),
        "test_share_never_trained": untrained / rows["test"],
    }
