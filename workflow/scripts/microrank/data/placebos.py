"""The subset with other histories or another order of candidates: what a method is tried on.

A method that uses a user's own history should do worse with no history, or with another user's.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa

from microrank import tables
from microrank.errors import StudyError
from microrank.methods import SWEEP
from microrank.seeds import generator
from microrank.tables import find_ids


def change_subset(subset: pa.Table, change: str, order: np.ndarray, seed: int) -> pa.Table:
    """Change what a re-ranker sees of each user.

    Args:
        subset: Table SUBSET.
        change: A key of `CHANGES`.
        order: Ids of all users of the data set, in the order in which they are drawn.
        seed: Of the study.

    Returns:
        Table SUBSET, of the same users with the same candidates.

    Raises:
        StudyError: there is no other user whose history could be taken.
    """
    return CHANGES[change](subset, order, seed)


def _without_history(subset: pa.Table, order: np.ndarray, seed: int) -> pa.Table:
    return _with_histories(subset, [[] for _ in range(subset.num_rows)])


def _with_anothers_history(subset: pa.Table, order: np.ndarray, seed: int) -> pa.Table:
    """Two users next to each other in the seeded order swap; of an odd number the last three turn.

    So a larger sample leaves the pairs of a smaller one as they are.
    """
    if subset.num_rows < 2:
        raise StudyError(
            "placebos: another user's history needs at least two users, and the subset has "
            f"{subset.num_rows}: raise subset.sample_size, or take `another` out"
        )
    histories = subset["history"].to_pylist()
    others = _partners(np.argsort(find_ids(order, subset["user_id"].to_numpy())))
    return _with_histories(subset, [histories[other] for other in others])


def _partners(drawn: np.ndarray) -> np.ndarray:
    """[n], for each row the row whose history it gets, none its own.

    Args:
        drawn: [n], rows in the order in which their users were drawn.
    """
    n = len(drawn)
    givers = drawn.copy()
    even = n - n % 2 - (2 if n % 2 and n > 1 else 0)
    givers[0:even:2], givers[1:even:2] = drawn[1:even:2], drawn[0:even:2]
    givers[even:] = np.roll(drawn[even:], 1)
    partners = np.empty(n, np.int64)
    partners[drawn] = givers
    return partners


def _with_shuffled_history(subset: pa.Table, order: np.ndarray, seed: int) -> pa.Table:
    shuffled = [
        generator(seed, f"history of user {user}, shuffled").permutation(history).tolist()
        for user, history in zip(
            subset["user_id"].to_pylist(), subset["history"].to_pylist(), strict=True
        )
    ]
    return _with_histories(subset, shuffled)


def _with_histories(subset: pa.Table, histories: list[list[int]]) -> pa.Table:
    column = subset.column_names.index("history")
    changed = pa.array(histories, pa.list_(pa.int64()))
    return subset.set_column(column, "history", changed).cast(tables.SUBSET)


def _with_held_out_item_at(place: str) -> Callable[[pa.Table, np.ndarray, int], pa.Table]:
    def change(subset: pa.Table, order: np.ndarray, seed: int) -> pa.Table:
        rows = [_moved(row, place) for row in subset.to_pylist()]
        return pa.Table.from_pylist(rows, schema=tables.SUBSET)

    return change


def _moved(row: dict[str, object], place: str) -> dict[str, object]:
    """A row of SUBSET with the held-out item at this place; as it is where the list lacks it."""
    candidates, truth = list(row["candidates"]), row["ground_truth"]  # type: ignore[call-overload]
    if truth not in candidates:
        return row
    index = {"first": 0, "middle": len(candidates) // 2, "last": len(candidates) - 1}[place]
    candidates.remove(truth)
    candidates.insert(index, truth)
    return {**row, "candidates": candidates, "ground_truth_rank": index + 1}


CHANGES: Mapping[str, Callable[[pa.Table, np.ndarray, int], pa.Table]] = {
    "none": _without_history,
    "another": _with_anothers_history,
    "shuffled": _with_shuffled_history,
    **{place: _with_held_out_item_at(place) for place in SWEEP},
}
