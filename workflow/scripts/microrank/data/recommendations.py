"""Lists that another recommender made, from a file of the user's own."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from microrank import tables
from microrank.errors import StudyError

NEEDED = {"user_id": pa.int64(), "rank": pa.int64(), "item_id": pa.int64()}

log = logging.getLogger(__name__)


def take_recommendations(
    path: str | os.PathLike[str],
    k: int,
    items: pa.Table,
    users: np.ndarray,
    past: Sequence[tables.Batches] = (),
) -> pa.Table:
    """Read the first k places of each user's list from a parquet or csv file.

    The file has the columns user_id, rank (1, 2, … within each user) and item_id, its rows in any
    order, and may have a score; without one, −rank stands for it. Further columns, and places
    after the k-th, are left out. Places that hold what the user has seen already are kept, and
    counted in the log.

    Args:
        path: the file.
        k: places of a list.
        items: table ITEMS, the catalogue.
        users: ids of the users who may have a list (those of the splits), ascending.
        past: the splits before the one that the lists are to predict.

    Returns:
        Table RECOMMENDATIONS, sorted by user and rank.

    Raises:
        StudyError: the file is absent or no such table, or a list is too short, has a gap, or
            names an unknown user or item or the same item twice.
    """
    lists = _read(Path(path))
    _check_first_rank(path, lists["rank"].to_numpy())
    lists = lists.filter(pc.less_equal(lists["rank"], k)).sort_by(
        [("user_id", "ascending"), ("rank", "ascending")]
    )
    _check_ids(path, lists, items, users)
    _check_places(path, lists, k)
    lists = _with_scores(path, lists)
    _warn_of_missing_lists(len(users), len(lists) // k)
    _warn_of_seen_items(path, lists, past)
    return lists


def _check_first_rank(path: str | os.PathLike[str], ranks: np.ndarray) -> None:
    if not len(ranks):
        raise StudyError(f"{path}: holds no list")
    if ranks.min() < 1:
        raise StudyError(f"{path}: a rank is {ranks.min()}; the first place of a list is rank 1")


def _check_ids(
    path: str | os.PathLike[str], lists: pa.Table, items: pa.Table, users: np.ndarray
) -> None:
    listed_users = np.unique(lists["user_id"].to_numpy())
    listed_items = np.unique(lists["item_id"].to_numpy())
    no_history = "have no interactions in the data set, or too few"
    _check_known(path, "user", listed_users, users, no_history)
    _check_known(
        path, "item", listed_items, items["item_id"].to_numpy(), "occur in nobody's interactions"
    )


def _check_places(path: str | os.PathLike[str], lists: pa.Table, k: int) -> None:
    """Every list has the ranks 1 to k, each with another item; rows are sorted by user, rank."""
    user, rank, item = (lists[name].to_numpy() for name in NEEDED)
    users, counts = np.unique(user, return_counts=True)
    is_short = counts != k
    if is_short.any():
        at = np.argmax(is_short)
        raise StudyError(
            f"{path}: user {users[at]} has {counts[at]} places from 1 to {k}; every list needs "
            "top_k of them, each once"
        )
    is_gap = rank != np.tile(np.arange(1, k + 1), len(users))
    if is_gap.any():
        raise StudyError(
            f"{path}: the list of user {user[np.argmax(is_gap)]} lacks a rank; ranks run 1, 2, … "
            "without gaps or repeats"
        )
    sorted_items = np.sort(item.reshape(len(users), k), axis=1)
    is_repeated = (sorted_items[:, 1:] == sorted_items[:, :-1]).any(axis=1)
    if is_repeated.any():
        user_id = users[np.argmax(is_repeated)]
        raise StudyError(f"{path}: the list of user {user_id} names an item twice")


def _with_scores(path: str | os.PathLike[str], lists: pa.Table) -> pa.Table:
    """Table RECOMMENDATIONS; −rank where the file has no scores."""
    if "score" not in lists.column_names:
        lists = lists.append_column("score", pc.negate(lists["rank"]))
    lists = lists.cast(tables.RECOMMENDATIONS)
    if not np.isfinite(lists["score"].to_numpy()).all():
        raise StudyError(
            f"{path}: a score is not a finite number; leave the column out if there are none"
        )
    return lists


def _warn_of_missing_lists(n_users: int, n_lists: int) -> None:
    if n_lists < n_users:
        log.warning(
            "%d of %d users have no list: they are left out of everything",
            n_users - n_lists,
            n_users,
        )


def _warn_of_seen_items(
    path: str | os.PathLike[str], lists: pa.Table, past: Sequence[tables.Batches]
) -> None:
    n_seen = _count_seen(lists, past)
    if n_seen:
        log.warning(
            "%s: %d of %d places hold an item that the user has seen already, which can be no "
            "hit; a recommender leaves those out",
            path,
            n_seen,
            len(lists),
        )


def _count_seen(lists: pa.Table, past: Sequence[tables.Batches]) -> int:
    """Count the places of the lists that hold an item of the user's past.

    Args:
        lists: table RECOMMENDATIONS, sorted by user.
        past: tables SPLIT; together they hold no item twice for a user.
    """
    user, item = lists["user_id"].to_numpy(), lists["item_id"].to_numpy()
    order = np.lexsort((item, user))
    listed, starts = np.unique(user, return_index=True)
    ids = np.unique(item)
    keys = np.repeat(np.arange(len(listed)), np.diff([*starts, len(user)])) * len(
        ids
    ) + np.searchsorted(ids, item[order])
    n_seen = 0
    for batch in (batch for split in past for batch in split.to_batches()):
        row = tables.find_ids(listed, batch["user_id"].to_numpy())
        column = tables.find_ids(ids, batch["item_id"].to_numpy())
        is_known = (row >= 0) & (column >= 0)
        seen = row[is_known] * len(ids) + column[is_known]
        n_seen += int((tables.find_ids(keys, seen) >= 0).sum())
    return n_seen


def _read(path: Path) -> pa.Table:
    """The file's columns of use, with their types, none of them empty anywhere."""
    try:
        if path.suffix == ".parquet":
            columns = [name for name in pq.read_schema(path).names if name in (*NEEDED, "score")]
            lists = pq.read_table(path, columns=columns)
        elif path.suffix == ".csv":
            types = {**NEEDED, "score": pa.float64()}
            lists = pyarrow.csv.read_csv(
                path,
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=types, null_values=[""], strings_can_be_null=True
                ),
            )
        else:
            raise StudyError(f"{path}: lists of one's own are a .parquet or a .csv file")
        if missing := [name for name in NEEDED if name not in lists.column_names]:
            raise StudyError(
                f"{path}: has no column {missing[0]}; lists of one's own have user_id, rank, "
                "item_id and, if you like, score"
            )
        lists = lists.select([name for name in (*NEEDED, "score") if name in lists.column_names])
        for name, kind in NEEDED.items():
            lists = lists.set_column(lists.column_names.index(name), name, lists[name].cast(kind))
    except FileNotFoundError:
        raise StudyError(
            f"{path}: no such file; place it there, or correct `recommendations` in the config"
        ) from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise StudyError(
            f"{path}: cannot be read as a table of lists ({str(error).splitlines()[0]})"
        ) from error
    for name in lists.column_names:
        if lists[name].null_count:
            raise StudyError(f"{path}: column {name} is empty in {lists[name].null_count} rows")
    return lists


def _check_known(
    path: str | os.PathLike[str], what: str, ids: np.ndarray, known: np.ndarray, why: str
) -> None:
    unknown = ids[~np.isin(ids, known)]
    if len(unknown):
        raise StudyError(
            f"{path}: {len(unknown)} {what}s {why}, for example {what} {unknown[0]}; leave them "
            "out, or correct the ids"
        )
