"""Lists that another recommender made, from a file of the user's own."""

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from microrank import tables
from microrank.data.layouts import Layout, find_layout
from microrank.data.line_blocks import shown
from microrank.data.problems import Problems
from microrank.data.raw_rows import read_rows
from microrank.data.raw_settings import FileFormat
from microrank.data.row_batch import RowBatch
from microrank.data.row_store import ITEM, LINE, TIME, USER, RowStore
from microrank.data.written_ids import WrittenIds
from microrank.errors import StudyError

log = logging.getLogger(__name__)

MAX_UNKNOWN = 1000  # distinct unknown ids that are counted


def take_recommendations(
    path: str | os.PathLike[str],
    k: int,
    items: WrittenIds,
    users: WrittenIds,
    past: Sequence[tables.Batches] = (),
) -> Iterator[pa.Table]:
    """Read the first k places of each user's list, in a stream.

    The file is separated text with a header, JSON lines or parquet, its rows in any order. It has
    a user, an item and, if there are such, a rank (1, 2, … within each user) and a score. Without
    ranks the scores order a list, without both the file does. Without scores, −rank stands for
    them. Further columns, and places after the k-th, are left out. Places that hold what the user
    has seen already are kept, and counted in the log.

    Args:
        path: the file.
        k: places of a list.
        items: the catalogue.
        users: who may have a list (those of the splits).
        past: the splits before the one that the lists are to predict.

    Yields:
        Tables RECOMMENDATIONS of whole users, sorted by user and rank.

    Raises:
        StudyError: the file is absent or no such table, or a list is too short, has a gap, or
            names an unknown user or item or the same item twice.
    """
    path = Path(path)
    layout = _layout(path)
    n_lists = n_seen = 0
    with RowStore() as store:
        _read_into(store, path, layout, items, users)
        for rows in store.parts():
            if len(rows):
                lists = _lists_of(path, rows, layout, k, users)
                n_lists += len(lists) // k
                n_seen += _count_seen(lists, past)
                yield lists
    if not n_lists:
        raise StudyError(f"{path}: holds no list")
    _warn(path, n_lists, len(users.numbers), n_seen, n_lists * k)


def _layout(path: Path) -> Layout:
    layout = find_layout(
        path,
        FileFormat(),
        {},
        needed=("user", "item"),
        optional=("rank", "score"),
        setting="recommendations",
        has_header=True,
    )
    if layout.kind == "lists":
        raise StudyError(
            f"{path}: cannot be read as a table of lists; they have the columns user_id, rank, "
            "item_id and, if you like, score"
        )
    return layout


def _read_into(
    store: RowStore, path: Path, layout: Layout, items: WrittenIds, users: WrittenIds
) -> None:
    """Put users, items, ranks (or negated scores) and scores into the store."""
    problems = Problems(path)
    unknown: dict[str, set[str]] = {"user": set(), "item": set()}
    for batch in read_rows(path, layout, FileFormat(), problems, "error"):
        rows = batch.without_blanks()
        user = _known(path, rows, "user", users, unknown)
        item = _known(path, rows, "item", items, unknown)
        scores = _scores(path, rows)
        store.add(user, item, _order(path, rows, scores), scores.view(np.int64))
    problems.settle()
    _check_known(path, unknown)


def _known(
    path: Path, rows: RowBatch, what: str, ids: WrittenIds, unknown: dict[str, set[str]]
) -> np.ndarray:
    """[n] int64: the ids in the tables; unknown ones are noted."""
    column = rows.columns[what]
    if pa.types.is_string(column.type):
        is_empty = pc.equal(pc.fill_null(column, ""), "").to_numpy(zero_copy_only=False)
    else:
        is_empty = column.is_null().to_numpy(zero_copy_only=False)
    if is_empty.any():
        line = rows.lines[is_empty.argmax()]
        raise StudyError(f"{path}: line {line}: the {what} is empty")
    numbers = ids.find(column)
    for row in np.flatnonzero(numbers < 0):
        if len(unknown[what]) >= MAX_UNKNOWN:
            break
        unknown[what].add(shown(str(column[int(row)].as_py())).strip("'"))
    return numbers


def _check_known(path: Path, unknown: dict[str, set[str]]) -> None:
    why = {
        "user": "have no interactions in the data set, or too few",
        "item": "occur in nobody's interactions",
    }
    for what, ids in unknown.items():
        if ids:
            more = " or more" if len(ids) == MAX_UNKNOWN else ""
            raise StudyError(
                f"{path}: {len(ids)}{more} {what}s {why[what]}, for example {what} {min(ids)}; "
                "leave them out, or correct the ids"
            )


def _numbers(path: Path, rows: RowBatch, what: str) -> np.ndarray:
    """[n] float64."""
    try:
        numbers = rows.columns[what].cast(pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise StudyError(f"{path}: a {what} is no number, below line {rows.lines[0]}") from None
    if numbers.null_count:
        row = int(np.argmax(numbers.is_null().to_numpy(zero_copy_only=False)))
        raise StudyError(f"{path}: line {rows.lines[row]}: the {what} is empty")
    return numbers.to_numpy(zero_copy_only=False)


def _scores(path: Path, rows: RowBatch) -> np.ndarray:
    if "score" not in rows.columns:
        return np.zeros(len(rows.lines))
    scores = _numbers(path, rows, "score")
    with np.errstate(over="ignore"):
        is_finite = np.isfinite(scores.astype(np.float32))
    if not is_finite.all():
        raise StudyError(
            f"{path}: line {rows.lines[is_finite.argmin()]}: a score is not a finite number; leave "
            "the column out if there are none"
        )
    return scores


def _order(path: Path, rows: RowBatch, scores: np.ndarray) -> np.ndarray:
    """[n] int64: what puts a list in order, the first place least."""
    if "rank" not in rows.columns:
        return _as_integers(-scores)
    ranks = _numbers(path, rows, "rank")
    is_bad = (ranks < 1) | (ranks != np.rint(ranks)) | (ranks > 2**31)
    if is_bad.any():
        at = is_bad.argmax()
        raise StudyError(
            f"{path}: line {rows.lines[at]}: a rank is {ranks[at]:g}; the first place of a list is "
            "rank 1, and ranks are whole numbers"
        )
    return ranks.astype(np.int64)


def _as_integers(numbers: np.ndarray) -> np.ndarray:
    """Integers in the same order as finite float64 numbers; those of 0.0 and -0.0 are one."""
    bits = (numbers + 0.0).view(np.int64)
    return np.where(bits < 0, np.int64(-(2**63)) - bits, bits)


def _lists_of(path: Path, rows: np.ndarray, layout: Layout, k: int, known: WrittenIds) -> pa.Table:
    """Table RECOMMENDATIONS of rows by user and order."""
    user, item, order = rows[:, USER], rows[:, ITEM], rows[:, TIME]
    starts = np.concatenate([[0], np.flatnonzero(user[1:] != user[:-1]) + 1])
    lengths = np.diff(starts, append=len(rows))
    rank = np.arange(len(rows)) - np.repeat(starts, lengths) + 1
    has_ranks = "rank" in layout.columns
    is_kept = (order if has_ranks else rank) <= k
    n_kept = np.add.reduceat(is_kept.astype(np.int64), starts)
    _check_lengths(path, user[starts], n_kept, k, known)
    if has_ranks:
        _check_ranks(path, user[is_kept], order[is_kept], k, known)
    _check_items(path, user[starts], item[is_kept], k, known)
    ranks = np.tile(np.arange(1, k + 1), len(starts))
    scores = rows[is_kept, LINE].copy().view(np.float64) if "score" in layout.columns else -ranks
    columns = [user[is_kept], ranks, item[is_kept], scores]
    return pa.table(columns, names=tables.RECOMMENDATIONS.names).cast(
        tables.RECOMMENDATIONS, safe=False
    )


def _check_lengths(
    path: Path, users: np.ndarray, n_kept: np.ndarray, k: int, known: WrittenIds
) -> None:
    is_wrong = n_kept != k
    if is_wrong.any():
        at = np.argmax(is_wrong)
        raise StudyError(
            f"{path}: user {known.text_of(users[at])} has {n_kept[at]} places from 1 to {k}; "
            "every list needs top_k of them, each once"
        )


def _check_ranks(
    path: Path, users: np.ndarray, ranks: np.ndarray, k: int, known: WrittenIds
) -> None:
    is_gap = ranks != np.tile(np.arange(1, k + 1), len(ranks) // k)
    if is_gap.any():
        raise StudyError(
            f"{path}: the list of user {known.text_of(users[np.argmax(is_gap)])} lacks a rank; "
            "ranks run 1, 2, … without gaps or repeats"
        )


def _check_items(
    path: Path, users: np.ndarray, items: np.ndarray, k: int, known: WrittenIds
) -> None:
    in_order = np.sort(items.reshape(-1, k), axis=1)
    is_repeated = (in_order[:, 1:] == in_order[:, :-1]).any(axis=1)
    if is_repeated.any():
        user = known.text_of(users[np.argmax(is_repeated)])
        raise StudyError(f"{path}: the list of user {user} names an item twice")


def _warn(path: Path, n_lists: int, n_users: int, n_seen: int, n_places: int) -> None:
    if n_lists < n_users:
        log.warning(
            "%d of %d users have no list: they are left out of everything",
            n_users - n_lists,
            n_users,
        )
    if n_seen:
        log.warning(
            "%s: %d of %d places hold an item that the user has seen already, which can be no "
            "hit; a recommender leaves those out",
            path,
            n_seen,
            n_places,
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
    user_row = np.repeat(np.arange(len(listed)), np.diff([*starts, len(user)]))
    keys = user_row * len(ids) + np.searchsorted(ids, item[order])
    n_seen = 0
    for batch in (batch for split in past for batch in split.to_batches()):
        row = tables.find_ids(listed, batch["user_id"].to_numpy())
        column = tables.find_ids(ids, batch["item_id"].to_numpy())
        is_known = (row >= 0) & (column >= 0)
        seen = row[is_known] * len(ids) + column[is_known]
        n_seen += int((tables.find_ids(keys, seen) >= 0).sum())
    return n_seen
