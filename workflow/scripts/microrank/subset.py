"""The users whose lists are re-ranked: drawn with the study's seed, with all that a re-ranker may see of them."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from microrank import tables
from microrank.errors import StudyError
from microrank.hits import Found, find_hidden_items
from microrank.seeds import generator
from microrank.tables import Batches, rows_of


def sample_hit_users(
    recommendations: Batches,
    past: Sequence[Batches],
    test: Batches,
    *,
    seed: int,
    sample_size: int,
    history_length: int,
    population: str = "hits",
) -> pa.Table:
    """Draw `sample_size` users without replacement and give the table SUBSET, sorted by user.

    Args:
        recommendations: table RECOMMENDATIONS, the same number of items for every user.
        past: the splits before test, oldest first; together they are a user's history.
        test: table SPLIT with one row a user, the hidden item (ground truth).
        population: "hits" draws from the users whose list holds the ground truth, as the study did; "users" from all users, where
            `ground_truth_rank` is 0 if the list lacks it.

    Raises:
        StudyError: there are fewer such users than `sample_size`.
    """
    found = find_hidden_items(recommendations, test)
    eligible = np.flatnonzero(found.ranks) if population == "hits" else np.arange(len(found.users))
    if len(eligible) < sample_size:
        who = f"users whose top {found.list_length} holds the hidden item" if population == "hits" else "users"
        raise StudyError(
            f"subset.sample_size is {sample_size}, but there are only {len(eligible)} {who}; set it to {len(eligible)} or less"
        )
    return _subset(found, _draw(eligible, sample_size, seed), recommendations, past, history_length)


def sample_tuning_users(
    recommendations: Batches,
    train: Batches,
    valid: Batches,
    subset: pa.Table,
    *,
    seed: int,
    sample_size: int,
    history_length: int,
) -> pa.Table:
    """Draw at most `sample_size` users on whom something may be chosen before the test: the table SUBSET, with valid items as ground truth.

    None of them is in `subset`, the users of the test, and nothing of anybody's test item enters.

    Args:
        recommendations: table RECOMMENDATIONS, made from `train` alone.
        train, valid: tables SPLIT.

    Raises:
        StudyError: nobody's list holds the valid item.
    """
    found = find_hidden_items(recommendations, valid)
    eligible = np.flatnonzero((found.ranks > 0) & ~np.isin(found.users, subset["user_id"].to_numpy()))
    if not len(eligible):
        raise StudyError("no list made from train alone holds its user's valid item: fusions cannot be tuned; leave them out of `methods`")
    return _subset(found, _draw(eligible, min(sample_size, len(eligible)), seed), recommendations, [train], history_length)


def _draw(eligible: np.ndarray, size: int, seed: int) -> np.ndarray:
    return np.sort(generator(seed, "subset").choice(eligible, size=size, replace=False))


def _subset(found: Found, drawn: np.ndarray, recommendations: Batches, past: Sequence[Batches], history_length: int) -> pa.Table:
    """Table SUBSET of the users at places `drawn` of `found`."""
    users = found.users[drawn]
    lists = rows_of(recommendations, users).sort_by([("user_id", "ascending"), ("rank", "ascending")])["item_id"].to_numpy()
    return pa.table(
        {
            "user_id": users,
            "ground_truth": found.items[drawn],
            "ground_truth_rank": found.ranks[drawn],
            "history": _newest(past, users, history_length),
            "candidates": pa.array(list(lists.reshape(len(users), found.list_length)), pa.list_(pa.int64())),
        }
    ).cast(tables.SUBSET)


def _newest(past: Sequence[Batches], users: np.ndarray, length: int) -> pa.Array:
    """The last `length` items of each of `users` (sorted), oldest first, as a list array."""
    rows = pa.concat_tables([rows_of(split, users) for split in past])
    rows = rows.sort_by([("user_id", "ascending"), ("position", "ascending")])
    starts = np.searchsorted(rows["user_id"].to_numpy(), users, side="left")
    ends = np.searchsorted(rows["user_id"].to_numpy(), users, side="right")
    items = rows["item_id"].to_numpy()
    histories = [items[max(start, end - length) : end] for start, end in zip(starts, ends, strict=True)]
    return pa.array(histories, pa.list_(pa.int64()))
