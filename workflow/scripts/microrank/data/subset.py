"""The users whose lists are re-ranked: drawn with the study's seed, with all that a re-ranker may see of them."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from microrank import tables
from microrank.errors import StudyError
from microrank.evaluation.hits import HeldOutItems, find_held_out_items
from microrank.seeds import generator
from microrank.tables import Batches, rows_of, users_of


def sample_hit_users(
    recommendations: Batches,
    past: Sequence[Batches],
    test: Batches,
    *,
    seed: int,
    sample_size: int | str,
    history_length: int,
    population: str = "hits",
    tuning_share: float = 0.0,
) -> pa.Table:
    """Draw `sample_size` users without replacement, or "all", and give the table SUBSET, sorted by user.

    Users who are set aside for tuning are never drawn.

    Args:
        recommendations: table RECOMMENDATIONS, the same number of items for every user.
        past: the splits before test, oldest first; together they are a user's history.
        test: table SPLIT with one row a user, the held-out item (ground truth).
        population: "hits" draws from the users whose list holds the ground truth, as the study did; "users" from all users, where
            `ground_truth_rank` is 0 if the list lacks it.
        tuning_share: as in `set_aside_for_tuning`.

    Raises:
        StudyError: there are fewer such users than `sample_size`, or none.
    """
    found = find_held_out_items(recommendations, test)
    testable = ~np.isin(found.users, set_aside_for_tuning(users_of([test]), tuning_share, seed))
    eligible = np.flatnonzero(testable & (found.ranks > 0) if population == "hits" else testable)
    size = max(len(eligible), 1) if isinstance(sample_size, str) else sample_size
    if len(eligible) < size:
        who = (
            f"users whose top {found.list_length} holds the held-out item"
            if population == "hits"
            else "users"
        )
        what = (
            f"set it to {len(eligible)} or less"
            if len(eligible)
            else "set subset.population to users, or a larger top_k"
        )
        raise StudyError(
            f"subset.sample_size is {sample_size}, but there are only {len(eligible)} {who} (besides those whom tuning.share sets "
            f"aside); {what}"
        )
    return _subset(
        found,
        _draw(eligible, size, generator(seed, "subset")),
        recommendations,
        past,
        history_length,
    )


def set_aside_for_tuning(users: np.ndarray, share: float, seed: int) -> np.ndarray:
    """The users who may tune and are never tested, ascending: this share of all, drawn before anything is known of any of them.

    Args:
        users: ids of all users of the splits, each once.
    """
    return np.sort(
        generator(seed, "users set aside for tuning").permutation(np.sort(users))[
            : round(share * len(users))
        ]
    )


def sample_tuning_users(
    recommendations: Batches,
    train: Batches,
    valid: Batches,
    *,
    seed: int,
    sample_size: int,
    history_length: int,
    tuning_share: float,
) -> pa.Table:
    """Draw at most `sample_size` users on whom something may be chosen before the test: table SUBSET, with valid items as ground truth.

    They are drawn from those set aside for it, so none of them is tested; nobody's test item enters, nor who was drawn for the test.

    Args:
        recommendations: table RECOMMENDATIONS, made from `train` alone.
        train, valid: tables SPLIT.
        tuning_share: as in `set_aside_for_tuning`.

    Raises:
        StudyError: of nobody who is set aside the list holds the valid item.
    """
    found = find_held_out_items(recommendations, valid)
    aside = set_aside_for_tuning(users_of([valid]), tuning_share, seed)
    eligible = np.flatnonzero((found.ranks > 0) & np.isin(found.users, aside))
    if not len(eligible):
        raise StudyError(
            f"of the {len(aside)} users whom tuning.share sets aside, no list made from train alone holds the valid item: fusions cannot "
            "be tuned; raise it, or leave fusions out of `methods`"
        )
    drawn = _draw(eligible, min(sample_size, len(eligible)), generator(seed, "tuning users"))
    return _subset(found, drawn, recommendations, [train], history_length)


def _draw(eligible: np.ndarray, size: int, random: np.random.Generator) -> np.ndarray:
    return np.sort(random.choice(eligible, size=size, replace=False))


def _subset(
    found: HeldOutItems,
    drawn: np.ndarray,
    recommendations: Batches,
    past: Sequence[Batches],
    history_length: int,
) -> pa.Table:
    """Table SUBSET of the users at places `drawn` of `found`."""
    users = found.users[drawn]
    lists = (
        rows_of(recommendations, users)
        .sort_by([("user_id", "ascending"), ("rank", "ascending")])["item_id"]
        .to_numpy()
    )
    return pa.table(
        {
            "user_id": users,
            "ground_truth": found.items[drawn],
            "ground_truth_rank": found.ranks[drawn],
            "history": _newest(past, users, history_length),
            "candidates": pa.array(
                list(lists.reshape(len(users), found.list_length)), pa.list_(pa.int64())
            ),
        }
    ).cast(tables.SUBSET)


def _newest(past: Sequence[Batches], users: np.ndarray, length: int) -> pa.Array:
    """The last `length` items of each of `users` (sorted), oldest first, as a list array."""
    rows = pa.concat_tables([rows_of(split, users) for split in past])
    rows = rows.sort_by([("user_id", "ascending"), ("position", "ascending")])
    starts = np.searchsorted(rows["user_id"].to_numpy(), users, side="left")
    ends = np.searchsorted(rows["user_id"].to_numpy(), users, side="right")
    items = rows["item_id"].to_numpy()
    histories = [
        items[max(start, end - length) : end] for start, end in zip(starts, ends, strict=True)
    ]
    return pa.array(histories, pa.list_(pa.int64()))
