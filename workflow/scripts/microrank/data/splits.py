"""Train, valid and test: leave-one-out, or by two dates for all users.

Leave-one-out: the last interaction of each user is test, the one before it valid, the rest train.
Global time: what lies before the first date is train; each user's first interaction from the first
date on is valid, and the first from the second date on is test. What lies between them is left out,
so nothing from a date on trains what is tested before it (Meng et al. 2020).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from microrank import tables
from microrank.data.item_counts import ItemCounts
from microrank.data.raw_histories import RawHistories, split_table

SPLIT_NAMES = ("train", "valid", "test")
Division = Callable[[RawHistories], tuple[pa.Table, pa.Table, pa.Table]]


@dataclass
class SplitCounts:
    """What a split leaves in memory.

    Attributes:
        n_users: who have a test item.
        n_read: all users that were given.
        by_split: name -> how often each item occurs in the split.
    """

    n_users: int = 0
    n_read: int = 0
    by_split: dict[str, ItemCounts] = field(
        default_factory=lambda: {name: ItemCounts() for name in SPLIT_NAMES}
    )

    @property
    def items(self) -> np.ndarray:
        """[n_items] int64: all items that have an interaction, ascending."""
        together = ItemCounts()
        for counts in self.by_split.values():
            together.add(counts.items())
        return together.items()


def split_interactions(
    portions: Iterable[RawHistories],
    write: Callable[[str, pa.Table], None],
    divide: Division | None = None,
) -> SplitCounts:
    """Split the histories portion by portion.

    Memory depends on the number of items, not on that of interactions.

    Args:
        portions: checked histories, users ascending.
        write: takes "train", "valid" or "test", and a table SPLIT. The tables of one name come
            sorted by user, position.
        divide: gives the three tables of a portion; `leave_one_out` where absent.
    """
    counts = SplitCounts()
    for histories in portions:
        parts = (divide or leave_one_out)(histories)
        counts.n_users += len(parts[-1])
        counts.n_read += len(histories.users)
        for name, part in zip(SPLIT_NAMES, parts, strict=True):
            counts.by_split[name].add(part["item_id"].to_numpy())
            write(name, part)
    return counts


def leave_one_out(histories: RawHistories) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Tables SPLIT: all but the last two items of each user, the last but one, the last."""
    ends = np.cumsum(histories.lengths) - 1
    return _divided(histories, histories.lengths - 2, ends - 1, ends)


def by_dates(valid_from: int, test_from: int) -> Division:
    """The split by two dates.

    Args:
        valid_from: microseconds since 1970.
        test_from: microseconds since 1970, later than `valid_from`.
    """

    def divide(histories: RawHistories) -> tuple[pa.Table, pa.Table, pa.Table]:
        times, users = histories.times, histories.user_index
        assert times is not None
        n_users = len(histories.users)
        n_trained = np.bincount(users[times < valid_from], minlength=n_users)
        n_before_test = np.bincount(users[times < test_from], minlength=n_users)
        is_left = (n_trained > 0) & (n_before_test > n_trained)
        is_left &= histories.lengths > n_before_test
        starts = histories.starts[is_left]
        n_trained, n_before_test = n_trained[is_left], n_before_test[is_left]
        left = histories.users_where(is_left)
        shift = left.starts - starts
        valid, test = starts + n_trained + shift, starts + n_before_test + shift
        return _divided(left, n_trained, valid, test)

    return divide


def _divided(
    histories: RawHistories, n_trained: np.ndarray, valid: np.ndarray, test: np.ndarray
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Tables SPLIT.

    Args:
        histories: users ascending.
        n_trained: [n_users], how many of each user's oldest items are train.
        valid: [n_users], the row of each user's valid item.
        test: [n_users], the row of each user's test item.
    """
    firsts = np.cumsum(n_trained) - n_trained
    position = np.arange(n_trained.sum(), dtype=np.int32)
    position -= np.repeat(firsts.astype(np.int32), n_trained)
    rows = np.repeat(histories.starts, n_trained)
    rows += position
    users, items = histories.users, histories.items
    return (
        split_table(np.repeat(users, n_trained), items[rows], position),
        split_table(users, items[valid], n_trained),
        split_table(users, items[test], n_trained + 1),
    )


def make_catalogue(counts: SplitCounts, titles: pa.Table) -> pa.Table:
    """The items that have an interaction, and no others: table ITEMS, sorted by item.

    An item that has only a title cannot be recommended. `train_count`, by which candidates are
    weighed, counts train alone: nothing that is tested on is in it.

    Args:
        counts: of the split.
        titles: table TITLES, sorted by item; further columns are taken over.
    """
    item_ids = counts.items
    rows = tables.find_ids(titles["item_id"].to_numpy(), item_ids)
    taken = pa.array(rows, mask=rows < 0)
    columns = {
        "item_id": item_ids,
        "item_index": np.arange(1, len(item_ids) + 1),
        "title": titles["title"].take(taken).fill_null(""),
        "train_count": counts.by_split["train"].of(item_ids),
    }
    items = pa.table(columns).cast(tables.ITEMS)
    for name in titles.column_names[2:]:
        items = items.append_column(name, titles[name].take(taken).fill_null(""))
    return items


def figures(counts: SplitCounts, titles: pa.Table, n_unknown_titles: int = 0) -> dict[str, float]:
    """Name -> number, as in `splits/counts.json`.

    Args:
        counts: of the split.
        titles: table TITLES.
        n_unknown_titles: titles of items that no interaction names, besides those of `titles`.
    """
    item_ids = counts.items
    of_split = {name: of_name.of(item_ids) for name, of_name in counts.by_split.items()}
    rows = {name: int(of_item.sum()) for name, of_item in of_split.items()}
    titled, never_trained = titles["item_id"].to_numpy(), of_split["train"] == 0
    n_never_trained = int(of_split["test"][never_trained].sum())
    n_without_interaction = int((~np.isin(titled, item_ids)).sum()) + n_unknown_titles
    return {
        "users": counts.n_users,
        "items": len(item_ids),
        "interactions": sum(rows.values()),
        **{f"{name}_interactions": n for name, n in rows.items()},
        "empty_titles": int((titles["title"].to_numpy() == "").sum()),
        "items_without_title": int((~np.isin(item_ids, titled)).sum()),
        "titles_without_interaction": n_without_interaction,
        "items_never_trained": int(never_trained.sum()),
        "test_share_never_trained": n_never_trained / rows["test"],
    }
