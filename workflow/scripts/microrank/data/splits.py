"""The leave-one-out split: each user's last interaction is test, the one before it valid, the rest train."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from microrank import tables
from microrank.data.item_counts import ItemCounts
from microrank.data.raw_histories import Histories

SPLIT_NAMES = ("train", "valid", "test")


@dataclass(frozen=True)
class SplitSummary:
    """What remains in memory of a split: the catalogue, and figures for the report.

    items: table ITEMS, sorted by item; all items that have an interaction, and no others.
    counts: name -> number, as `splits/counts.json` holds them.
    """

    items: pa.Table
    counts: dict[str, float]


def split_interactions(
    portions: Iterable[Histories], titles: pa.Table, write: Callable[[str, pa.Table], None]
) -> SplitSummary:
    """Split portion by portion, so that memory depends on the number of items and not on that of interactions.

    An item is in the catalogue if anybody interacted with it. An item that has only a title cannot be recommended; it is counted. The
    counts by which candidates are weighed (`train_count`) come from train alone: nothing that is tested on is in them.

    Args:
        portions: checked histories, users ascending.
        titles: (item_id, title), sorted by item.
        write: takes "train", "valid" or "test", and a table SPLIT; tables of one name come sorted by user, position.
    """
    item_counts = {name: ItemCounts() for name in SPLIT_NAMES}
    n_users = 0
    for histories in portions:
        n_users += len(histories.users)
        for name, part in zip(SPLIT_NAMES, histories.split(), strict=True):
            item_counts[name].add(part["item_id"].to_numpy())
            write(name, part)
    catalogue = ItemCounts()
    for counts_of_split in item_counts.values():
        catalogue.add(counts_of_split.items())
    item_ids = catalogue.items()
    counts = {name: counts_of_split.of(item_ids) for name, counts_of_split in item_counts.items()}
    columns = [
        item_ids,
        np.arange(1, len(item_ids) + 1),
        titles_of(item_ids, titles),
        counts["train"],
    ]
    items = pa.table(columns, names=tables.ITEMS.names).cast(tables.ITEMS)
    return SplitSummary(items, {"users": n_users} | _counted(counts, item_ids, titles))


def titles_of(item_ids: np.ndarray, titles: pa.Table) -> pa.ChunkedArray:
    """The title of each item, empty where it has none."""
    titled = titles["item_id"].to_numpy()
    index = np.searchsorted(titled, item_ids)
    found = np.append(titled, -1)[index] == item_ids
    return titles["title"].take(pa.array(index, mask=~found)).fill_null("")


def _counted(
    counts: dict[str, np.ndarray], item_ids: np.ndarray, titles: pa.Table
) -> dict[str, float]:
    """Figures for the report; `counts`: split -> [n_items]."""
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
