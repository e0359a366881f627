"""Items and users as the user of the workflow wrote them in the raw files."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from microrank import tables


def item_names(catalogue: pa.Table, items: Iterable[int] | None = None) -> dict[int, str]:
    """Item → as it is written in the raw file.

    Args:
        catalogue: Table ITEMS, with the column `item` where the ids were texts.
        items: The items that are wanted; all where absent.
    """
    return _names(catalogue, "item_id", tables.ITEM_NAME, items)


def user_names(users: pa.Table | None, wanted: Iterable[int]) -> dict[int, str]:
    """User → as it is written in the raw file.

    Args:
        users: Table USERS; None where ids are shown as they are.
        wanted: The users that are wanted.
    """
    if users is None:
        return {int(user): str(user) for user in wanted}
    return _names(users, "user_id", "user", wanted)


def with_user_names(subset: pa.Table, users: pa.Table) -> pa.Table:
    """Table SUBSET with a further column `user`: its users as they are written.

    Args:
        subset: Table SUBSET.
        users: Table USERS.
    """
    ids = subset["user_id"].to_pylist()
    names = user_names(users, ids)
    return subset.append_column("user", pa.array([names.get(i, str(i)) for i in ids], pa.string()))


def has_text_ids(catalogue: pa.Table) -> bool:
    """Whether the items have names that are not their numbers."""
    if tables.ITEM_NAME not in catalogue.column_names:
        return False
    numbers = catalogue["item_id"].cast(pa.string())
    return not numbers.equals(catalogue[tables.ITEM_NAME])


def _names(
    table: pa.Table, id_column: str, name_column: str, wanted: Iterable[int] | None
) -> dict[int, str]:
    if wanted is not None:
        kept = np.isin(table[id_column].to_numpy(), np.array(list(wanted), np.int64))
        table = table.filter(pa.array(kept))
    ids = table[id_column].to_pylist()
    if name_column not in table.column_names:
        return {number: str(number) for number in ids}
    return dict(zip(ids, table[name_column].to_pylist(), strict=True))
