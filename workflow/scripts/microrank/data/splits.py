"""The leave-one-out split.

The last interaction of each user is test, the one before it valid, the rest train.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from microrank import tables
from microrank.data.item_counts import ItemCounts
from microrank.data.raw_histories import RawHistories

SPLIT_NAMES = ("train", "valid", "test")


@dataclass(frozen=True)
class SplitSummary:
    """What a split leaves in memory.

    items: table ITEMS, sorted by item: the items that have an interaction, and no others.
    counts: name -> number, as in `splits/counts.json`.
    """

    items: pa.Table
    counts: dict[str, float]


def split_interactions(
    portions: Iterable[RawHistories], titles: pa.Table, write: Callable[[str, pa.Table], None]
) -> SplitSummary:
    """Split the histories portion by portion.

    Memory depends on the number of items, not on that of interactions. An item is in the
    catalogue if anybody interacted with it; one that has only a title cannot be recommended, and
    is counted. `train_count`, by which candidates are weighed, counts train alone: nothing that
    is tested on is in it.

    Args:
        portions: checked histories, users ascending.
        titles: (item_id, title), sorted by item.
        write: takes "train", "valid" or "test", and a table SPLIT. The tables of one name come
            sorted by user, position.
    """
    item_counts = {name: ItemCounts() for name in SPLIT_NAMES}
    n_users = 0
    for histories in portions:
        n_users += len(histories.users)
        for name, part in zip(SPLIT_NAMES, histories.split(), strict=True):
            item_counts[name].add(part["item_id"].to_numpy())
            write(name, part)
    item_ids = _items_of(item_counts.values())
    counts = {name: counts_of_split.of(item_ids) for name, counts_of_split in item_counts.items()}
    items = _catalogue(item_ids, counts["train"], titles)
    return SplitSummary(items, {"users": n_users} | _figures(counts, item_ids, titles))


def _items_of(item_counts: Iterable[ItemCounts]) -> np.ndarray:
    """[n_items] int64: all items that were counted, ascending."""
    together = ItemCounts()
    for counts in item_counts:
        together.add(counts.items())
    return together.items()


def _catalogue(item_ids: np.ndarray, train_counts: np.ndarray, titles: pa.Table) -> pa.Table:
    """Table ITEMS."""
    index = np.arange(1, len(item_ids) + 1)
    columns = [item_ids, index, titles_of(item_ids, titles), train_counts]
    return pa.table(columns, names=tables.ITEMS.names).cast(tables.ITEMS)


def titles_of(item_ids: np.ndarray, titles: pa.Table) -> pa.ChunkedArray:
    """The title of each item, empty where it has none."""
    rows = tables.find_ids(titles["item_id"].to_numpy(), item_ids)
    return titles["title"].take(pa.array(rows, mask=rows < 0)).fill_null("")


def _figures(
    counts: dict[str, np.ndarray], item_ids: np.ndarray, titles: pa.Table
) -> dict[str, float]:
    """Figures for the report.

    Args:
        counts: split -> [n_items], how often each item occurs in it.
        item_ids: [n_items].
        titles: (item_id, title).
    """
    rows = {name: int(count.sum()) for name, count in counts.items()}
    titled, never_trained = titles["item_id"].to_numpy(), counts["train"] == 0
    return {
        "items": len(item_ids),
        "interactions": sum(rows.values()),
        **{f"{name}_interactions": n for name, n in rows.items()},
        "empty_titles": int((titles["title"].to_numpy() == "").sum()),
        "items_without_title": int((~np.isin(item_ids, titled)).sum()),
        "titles_without_interaction": int((~np.isin(titled, item_ids)).sum()),
        "items_never_trained": int(never_trained.sum()),
        "test_share_never_trained": int(counts["test"][never_trained].sum()) / rows["test"],
    }
