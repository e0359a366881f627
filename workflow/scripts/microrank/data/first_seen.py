"""The day of each item's first interaction."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from microrank.data.raw_histories import RawHistories
from microrank.data.raw_keys import FIRST_INTERACTION
from microrank.errors import StudyError
from microrank.tables import find_ids

FIRST_SEEN = pa.schema([pa.field("item_id", pa.int64()), pa.field("day", pa.string())])


def find_first_seen(portions: Iterable[RawHistories], where: str) -> pa.Table:
    """Find the day of each item's first interaction.

    Args:
        portions: The interactions.
        where: What messages call the data set.

    Returns:
        Table FIRST_SEEN, items ascending; `day` is YYYY-MM-DD, in UTC.

    Raises:
        StudyError: The interactions have no times.
    """
    items, first = np.empty(0, np.int64), np.empty(0, np.int64)
    for portion in portions:
        if portion.times is None:
            raise StudyError(
                f"config: {where}.item_date: {FIRST_INTERACTION} needs times, and the interactions "
                "have none: name their column as columns.timestamp, or an attribute that has the "
                "items' dates, or take item_date out"
            )
        items, first = _earliest(
            np.concatenate([items, portion.items]), np.concatenate([first, portion.times])
        )
    days = np.datetime_as_string(first.astype("datetime64[us]"), unit="D")
    return pa.table({"item_id": items, "day": days}).cast(FIRST_SEEN)


def with_first_seen(catalogue: pa.Table, first_seen: pa.Table) -> pa.Table:
    """Add the days to table ITEMS, as attribute `first-interaction`; empty where there is none."""
    place = find_ids(first_seen["item_id"].to_numpy(), catalogue["item_id"].to_numpy())
    days = [*first_seen["day"].to_pylist(), ""]  # -1: an item without an interaction
    return catalogue.append_column(FIRST_INTERACTION, pa.array([days[row] for row in place]))


def _earliest(items: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each item once, ascending, with its smallest time."""
    order = np.lexsort((times, items))
    distinct, rows = np.unique(items[order], return_index=True)
    return distinct, times[order][rows]
