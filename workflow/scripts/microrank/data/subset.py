"""The users whose lists are re-ranked, with all that a re-ranker may see of them."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from microrank import tables
from microrank.errors import StudyError
from microrank.evaluation.hits import HeldOutItems, find_held_out_items
from microrank.seeds import generator
from microrank.tables import Batches, find_ids, rows_of, users_of

log = logging.getLogger(__name__)


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
    tunes: bool = True,
    strict: bool = False,
    beside: Sequence[Batches] = (),
) -> pa.Table:
    """Draw users without replacement: the first `sample_size` in a seeded order.

    The order does not depend on `sample_size`, so a larger sample only adds users to a smaller one.
    Where something is tuned, the users who are set aside for it are never drawn. Where nothing is,
    they come last, so that a fusion that is added later takes none of the first away.

    Args:
        recommendations: table RECOMMENDATIONS, the same number of items for every user.
        past: the splits before test, oldest first; together they are a user's history.
        test: table SPLIT with one row a user: the held-out item.
        seed: of the study.
        sample_size: how many users, or "all".
        history_length: how many of a user's newest items a re-ranker sees.
        population: "hits" draws from the users whose list holds the held-out item, as the study
            did. "users" draws from all users; `ground_truth_rank` is 0 if the list lacks the item.
        tuning_share: as in `set_aside_for_tuning`.
        tunes: whether anything is tuned.
        strict: whether fewer users than `sample_size` are an error; else all of them are taken.
        beside: tables RECOMMENDATIONS of the study's other recommenders. All draw the same users:
            those who have a list of each; with "hits", of whom one list holds the held-out item.

    Returns:
        Table SUBSET, sorted by user.

    Raises:
        StudyError: there are no such users, or too few where `strict`.
    """
    held_out = find_held_out_items(recommendations, test)
    users = users_of([test])
    is_hit = held_out.ranks > 0 if population == "hits" else np.ones(len(held_out.users), bool)
    others = [find_held_out_items(lists, test) for lists in beside]
    for other in others:
        is_hit |= np.isin(held_out.users, other.users[other.ranks > 0])
    for other in others:
        is_hit &= np.isin(held_out.users, other.users)
    is_aside = np.isin(held_out.users, set_aside_for_tuning(users, tuning_share, seed))
    placed = find_ids(held_out.users, seeded_order(users, seed))
    placed = placed[placed >= 0]
    placed = placed[is_hit[placed]]
    first, last = placed[~is_aside[placed]], placed[is_aside[placed]]
    eligible = first if tunes else np.concatenate([first, last])
    size = len(eligible) if isinstance(sample_size, str) else sample_size
    if len(eligible) < max(size, 1):
        message = _too_few(len(eligible), sample_size, population, held_out.list_length, tunes)
        if strict or not len(eligible):
            raise StudyError(message)
        log.warning("%s: all of them are taken", message)
    return _subset(held_out, np.sort(eligible[:size]), recommendations, past, history_length)


def seeded_order(users: np.ndarray, seed: int) -> np.ndarray:
    """Put users into the order in which they are drawn, before anything is known of any of them.

    Args:
        users: ids of all users of the splits, each once.
        seed: of the study.
    """
    return generator(seed, "order of users").permutation(np.sort(users))


def _too_few(
    n_eligible: int, sample_size: int | str, population: str, list_length: int, tunes: bool
) -> str:
    who = "users"
    if population == "hits":
        who = f"users whose top {list_length} holds the held-out item"
    besides = " (besides those whom tuning.share sets aside)" if tunes else ""
    what_to_do = "set subset.population to users, or a larger top_k"
    if n_eligible:
        what_to_do = f"set it to {n_eligible} or less"
    return (
        f"subset.sample_size is {sample_size}, but there are only {n_eligible} {who}{besides}; "
        f"{what_to_do}"
    )


def check_enough_users(n_users: int, subset: Mapping[str, Any]) -> None:
    """Tell before anything is trained where a data set has too few users for the subset.

    Args:
        n_users: all users of the splits.
        subset: the section of the config.

    Raises:
        StudyError: there are too few, and the subset is `strict`.
    """
    size = subset["sample_size"]
    if isinstance(size, str) or n_users >= size:
        return
    message = (
        f"subset.sample_size is {size}, but the data set has only {n_users} users; set it to "
        f"{n_users} or less, or to all"
    )
    if subset["strict"]:
        raise StudyError(message)
    log.warning("%s: fewer are taken", message)


def set_aside_for_tuning(users: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Draw the users who may tune and are never tested.

    They are drawn before anything is known of any of them.

    Args:
        users: ids of all users of the splits, each once.
        share: of all users.
        seed: of the study.

    Returns:
        Their ids, ascending.
    """
    shuffled = generator(seed, "users set aside for tuning").permutation(np.sort(users))
    return np.sort(shuffled[: round(share * len(users))])


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
    """Draw the users on whom something may be chosen before the test.

    They are drawn from those who are set aside for it, so none of them is tested. The draw sees
    nobody's test item, nor who was drawn for the test.

    Args:
        recommendations: table RECOMMENDATIONS, made from `train` alone.
        train: table SPLIT.
        valid: table SPLIT.
        seed: of the study.
        sample_size: how many users at most.
        history_length: how many of a user's newest items a re-ranker sees.
        tuning_share: as in `set_aside_for_tuning`.

    Returns:
        Table SUBSET, with the valid items as ground truth.

    Raises:
        StudyError: no list of a user who is set aside holds the valid item.
    """
    held_out = find_held_out_items(recommendations, valid)
    aside = set_aside_for_tuning(users_of([valid]), tuning_share, seed)
    eligible = np.flatnonzero((held_out.ranks > 0) & np.isin(held_out.users, aside))
    if not len(eligible):
        raise StudyError(
            f"of the {len(aside)} users whom tuning.share sets aside, no list made from train "
            "alone holds the valid item: fusions cannot be tuned; raise it, or leave fusions out "
            "of `methods`"
        )
    drawn = generator(seed, "tuning users").permutation(eligible)[:sample_size]
    return _subset(held_out, np.sort(drawn), recommendations, [train], history_length)


def _subset(
    held_out: HeldOutItems,
    drawn: np.ndarray,
    recommendations: Batches,
    past: Sequence[Batches],
    history_length: int,
) -> pa.Table:
    """Table SUBSET of the users with index `drawn` in `held_out`."""
    users = held_out.users[drawn]
    lists = (
        rows_of(recommendations, users)
        .sort_by([("user_id", "ascending"), ("rank", "ascending")])["item_id"]
        .to_numpy()
    )
    return pa.table(
        {
            "user_id": users,
            "ground_truth": held_out.items[drawn],
            "ground_truth_rank": held_out.ranks[drawn],
            "history": _newest(past, users, history_length),
            "candidates": pa.array(
                list(lists.reshape(len(users), held_out.list_length)), pa.list_(pa.int64())
            ),
        }
    ).cast(tables.SUBSET)


def _newest(past: Sequence[Batches], users: np.ndarray, length: int) -> pa.Array:
    """The newest `length` items of each of `users` (sorted), oldest first, as a list array."""
    rows = pa.concat_tables([rows_of(split, users) for split in past])
    rows = rows.sort_by([("user_id", "ascending"), ("position", "ascending")])
    starts = np.searchsorted(rows["user_id"].to_numpy(), users, side="left")
    ends = np.searchsorted(rows["user_id"].to_numpy(), users, side="right")
    items = rows["item_id"].to_numpy()
    histories = [
        items[max(start, end - length) : end] for start, end in zip(starts, ends, strict=True)
    ]
    return pa.array(histories, pa.list_(pa.int64()))
