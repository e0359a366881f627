"""The users whose lists are re-ranked: drawn with the study's seed, with all that a re-ranker may see of them."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from microrank import tables
from microrank.errors import StudyError
from microrank.seeds import generator


def sample_hit_users(
    recommendations: pa.Table,
    past: Sequence[pa.Table],
    test: pa.Table,
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
    candidates = recommendations.sort_by([("user_id", "ascending"), ("rank", "ascending")])
    users, list_lengths = np.unique(candidates["user_id"].to_numpy(), return_counts=True)
    lists = candidates["item_id"].to_numpy().reshape(len(users), list_lengths[0])
    test = test.sort_by("user_id")
    ground_truth = test["item_id"].to_numpy()[np.searchsorted(test["user_id"].to_numpy(), users)]
    is_hit = lists == ground_truth[:, None]
    rank = np.where(is_hit.any(axis=1), is_hit.argmax(axis=1) + 1, 0)

    eligible = np.flatnonzero(rank) if population == "hits" else np.arange(len(users))
    if len(eligible) < sample_size:
        who = f"users whose top {lists.shape[1]} holds the hidden item" if population == "hits" else "users"
        raise StudyError(
            f"subset.sample_size is {sample_size}, but there are only {len(eligible)} {who}; set it to {len(eligible)} or less"
        )
    drawn = np.sort(generator(seed, "subset").choice(eligible, size=sample_size, replace=False))
    return pa.table(
        {
            "user_id": users[drawn],
            "ground_truth": ground_truth[drawn],
            "ground_truth_rank": rank[drawn],
            "history": _newest(past, users[drawn], history_length),
            "candidates": pa.array(list(lists[drawn]), pa.list_(pa.int64())),
        }
    ).cast(tables.SUBSET)


def sample_tuning_users(
    recommendations: pa.Table,
    train: pa.Table,
    valid: pa.Table,
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
    others = recommendations.filter(pa.array(~np.isin(recommendations["user_id"].to_numpy(), subset["user_id"].to_numpy())))
    valid = valid.sort_by("user_id")
    target = valid["item_id"].to_numpy()[np.searchsorted(valid["user_id"].to_numpy(), others["user_id"].to_numpy())]
    hits = int((others["item_id"].to_numpy() == target).sum())
    if not hits:
        raise StudyError("no list made from train alone holds its user's valid item: fusions cannot be tuned; leave them out of `methods`")
    return sample_hit_users(others, [train], valid, seed=seed, sample_size=min(sample_size, hits), history_length=history_length)


def _newest(past: Sequence[pa.Table], users: np.ndarray, length: int) -> pa.Array:
    """The last `length` items of each of `users` (sorted), oldest first, as a list array."""
    kept = []
    for split in past:
        mine = np.isin(split["user_id"].to_numpy(), users)
        kept.append(split.filter(pa.array(mine)))
    rows = pa.concat_tables(kept).sort_by([("user_id", "ascending"), ("position", "ascending")])
    starts = np.searchsorted(rows["user_id"].to_numpy(), users, side="left")
    ends = np.searchsorted(rows["user_id"].to_numpy(), users, side="right")
    items = rows["item_id"].to_numpy()
    histories = [items[max(start, end - length) : end] for start, end in zip(starts, ends, strict=True)]
    return pa.array(histories, pa.list_(pa.int64()))
