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
    """The first k places of each user's list in a parquet or csv file: table RECOMMENDATIONS, sorted by user and rank.

    The file has the columns user_id, rank (1, 2, … within each user) and item_id, in any order of rows, and may have a score; without one,
    −rank stands for it. Further columns, and places after the k-th, are left out. Places that hold what the user has seen already are kept,
    and counted in the log.

    Args:
        items: table ITEMS, the catalogue. users: ids of the users who may have a list (those of the splits), ascending.
        past: the splits before what the lists are to foretell.

    Raises:
        StudyError: the file is absent or no such table, or a list is too short, has a gap, or names an unknown user or item or one twice.
    """
    found = _read(Path(path))
    ranks = found["rank"].to_numpy()
    if len(ranks) and ranks.min() < 1:
        raise StudyError(f"{path}: a rank is {ranks.min()}; the first place of a list is rank 1")
    found = found.filter(pc.less_equal(found["rank"], k)).sort_by(
        [("user_id", "ascending"), ("rank", "ascending")]
    )
    user, rank, item = (found[name].to_numpy() for name in NEEDED)
    listed, counts = np.unique(user, return_counts=True)
    if not len(listed):
        raise StudyError(f"{path}: holds no list")
    _check_known(path, "user", listed, users, "have no interactions in the data set, or too few")
    _check_known(
        path,
        "item",
        np.unique(item),
        np.sort(items["item_id"].to_numpy()),
        "occur in nobody's interactions",
    )
    if (wrong := counts != k).any():
        short = np.argmax(wrong)
        raise StudyError(
            f"{path}: user {listed[short]} has {counts[short]} places from 1 to {k}; every list needs top_k of them, each once"
        )
    if (gap := rank != np.tile(np.arange(1, k + 1), len(listed))).any():
        raise StudyError(
            f"{path}: the list of user {user[np.argmax(gap)]} lacks a rank; ranks run 1, 2, … without gaps or repeats"
        )
    lists = np.sort(item.reshape(len(listed), k), axis=1)
    if (twice := (lists[:, 1:] == lists[:, :-1]).any(axis=1)).any():
        raise StudyError(f"{path}: the list of user {listed[np.argmax(twice)]} names an item twice")
    if len(listed) < len(users):
        log.warning(
            "%d of %d users have no list: they are left out of everything",
            len(users) - len(listed),
            len(users),
        )
    if "score" not in found.column_names:
        found = found.append_column("score", pc.negate(found["rank"]))
    found = found.cast(tables.RECOMMENDATIONS)
    if not np.isfinite(found["score"].to_numpy()).all():
        raise StudyError(
            f"{path}: a score is not a finite number; leave the column out if there are none"
        )
    if n_seen := _count_seen(found, past):
        log.warning(
            "%s: %d of %d places hold an item that the user has seen already, which can be no hit; a recommender leaves those out",
            path,
            n_seen,
            len(found),
        )
    return found


def _count_seen(found: pa.Table, past: Sequence[tables.Batches]) -> int:
    """How many places of the lists (table RECOMMENDATIONS, by user) hold an item of the user's past; no item is twice in one past."""
    user, item = found["user_id"].to_numpy(), found["item_id"].to_numpy()
    order = np.lexsort((item, user))
    listed, starts = np.unique(user, return_index=True)
    ids = np.unique(item)
    keys = np.repeat(np.arange(len(listed)), np.diff([*starts, len(user)])) * len(
        ids
    ) + np.searchsorted(ids, item[order])
    n_seen = 0
    for batch in (batch for split in past for batch in split.to_batches()):
        row, column = (
            np.minimum(np.searchsorted(known, batch[name].to_numpy()), len(known) - 1)
            for known, name in ((listed, "user_id"), (ids, "item_id"))
        )
        known = (listed[row] == batch["user_id"].to_numpy()) & (
            ids[column] == batch["item_id"].to_numpy()
        )
        wanted = row[known] * len(ids) + column[known]
        n_seen += int(
            (keys[np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)] == wanted).sum()
        )
    return n_seen


def _read(path: Path) -> pa.Table:
    """The file's columns of use, with their types, none of them empty anywhere."""
    try:
        if path.suffix == ".parquet":
            columns = [name for name in pq.read_schema(path).names if name in (*NEEDED, "score")]
            found = pq.read_table(path, columns=columns)
        elif path.suffix == ".csv":
            types = {**NEEDED, "score": pa.float64()}
            found = pyarrow.csv.read_csv(
                path,
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=types, null_values=[""], strings_can_be_null=True
                ),
            )
        else:
            raise StudyError(f"{path}: lists of one's own are a .parquet or a .csv file")
        if missing := [name for name in NEEDED if name not in found.column_names]:
            raise StudyError(
                f"{path}: has no column {missing[0]}; lists of one's own have user_id, rank, item_id and, if you like, score"
            )
        found = found.select([name for name in (*NEEDED, "score") if name in found.column_names])
        for name, kind in NEEDED.items():
            found = found.set_column(found.column_names.index(name), name, found[name].cast(kind))
    except FileNotFoundError:
        raise StudyError(
            f"{path}: no such file; place it there, or correct `recommendations` in the config"
        ) from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise StudyError(
            f"{path}: cannot be read as a table of lists ({str(error).splitlines()[0]})"
        ) from error
    for name in found.column_names:
        if found[name].null_count:
            raise StudyError(f"{path}: column {name} is empty in {found[name].null_count} rows")
    return found


def _check_known(
    path: str | os.PathLike[str], what: str, ids: np.ndarray, known: np.ndarray, why: str
) -> None:
    unknown = ids[~np.isin(ids, known)]
    if len(unknown):
        raise StudyError(
            f"{path}: {len(unknown)} {what}s {why}, for example {what} {unknown[0]}; leave them out, or correct the ids"
        )
