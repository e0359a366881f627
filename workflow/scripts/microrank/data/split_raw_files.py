"""From raw files to splits, catalogue and figures: what the rule `split_interactions` does."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa

from microrank import tables
from microrank.data.ids import IdSpace
from microrank.data.pairs import Interactions
from microrank.data.raw_settings import GLOBAL_TIME, RawSettings
from microrank.data.raw_times import date_in_us
from microrank.data.split_writer import split_writer, users_writer
from microrank.data.splits import (
    SPLIT_NAMES,
    Division,
    SplitCounts,
    by_dates,
    figures,
    leave_one_out,
    make_catalogue,
    split_interactions,
)
from microrank.data.titles import Titles, find_titles
from microrank.errors import StudyError

log = logging.getLogger(__name__)


def split_raw_files(
    pairs: Sequence[Path], titles_path: Path, settings: RawSettings, outputs: Mapping[str, str]
) -> dict[str, Any]:
    """Split the interactions, and write train, valid, test, users and the catalogue.

    Args:
        pairs: one file of interactions, or two of the same.
        titles_path: the file of titles.
        settings: how the files are read, cleaned and split.
        outputs: `train`, `valid`, `test`, `users` and `catalogue` -> the file to write.

    Returns:
        What `splits/counts.json` holds: name -> number, and `reading`, from `_reading`.

    Raises:
        StudyError: a file cannot be read as it should; no item has a title.
    """
    interactions = Interactions(pairs, settings)
    with ExitStack() as stack:
        write_split = stack.enter_context(split_writer({k: outputs[k] for k in SPLIT_NAMES}))
        write_users = stack.enter_context(
            users_writer(outputs["users"], interactions.names_of_users)
        )

        def write(name: str, table: pa.Table) -> None:
            write_split(name, table)
            if name == "test":
                write_users(table)

        counts = split_interactions(interactions.portions(), write, _division(settings))
        _check_users(counts, settings)
    titles = find_titles(titles_path, interactions.items, settings)
    lack = check_titles(titles_path, titles, counts, interactions.items, settings)
    write_catalogue(counts, titles, interactions.items, outputs["catalogue"])
    found = figures(counts, titles.table, titles.n_unknown)
    reading = _reading(interactions, settings) | ({"titles": lack} if lack else {})
    return found | _left_out(counts, interactions, settings) | {"reading": reading}


def _division(settings: RawSettings) -> Division:
    if settings.split != GLOBAL_TIME:
        return leave_one_out
    dates = [date_in_us(str(text)) for text in settings.split_dates]
    if len(dates) != 2 or None in dates or dates[0] >= dates[1]:  # type: ignore[operator]
        raise StudyError(
            f"config: {settings.name}.split_dates: global-time needs two dates, the first of valid "
            "and a later one of test, such as [2018-01-01, 2018-02-01]"
        )
    return by_dates(*dates)  # type: ignore[arg-type]


def _check_users(counts: SplitCounts, settings: RawSettings) -> None:
    if settings.split == GLOBAL_TIME:
        log.info("split_dates leave %d of %d users", counts.n_users, counts.n_read)
    if not counts.n_users:
        raise StudyError(
            f"config: {settings.name}.split_dates: no user has an interaction before the first "
            "date, one from it on and one from the second date on; choose other dates"
        )


def check_titles(
    path: Path, titles: Titles, counts: SplitCounts, items: IdSpace, settings: RawSettings
) -> dict[str, Any] | None:
    """Warn where many items have no title.

    Returns:
        How many are `lacking` one of how many `items`, an `example`, and the `first_id` of the
        titles; None where few are.

    Raises:
        StudyError: none has one.
    """
    item_ids = counts.items
    lacks = tables.find_ids(titles.table["item_id"].to_numpy(), item_ids) < 0
    if lacks.mean() <= settings.missing_titles and not lacks.all():
        return None
    example = items.texts_of(item_ids[[lacks.argmax()]])[0]
    told = (
        f"{lacks.sum()} of {len(item_ids)} items of the interactions have no title, for "
        f"example item {example}; the ids of this file begin with {titles.first_id}"
    )
    if lacks.all():
        raise StudyError(
            f"{path}: {told}: are the items numbered otherwise here? Name the right columns as "
            f"{settings.name}.titles_columns and {settings.name}.columns, or place the right file"
        )
    share = f"{settings.name}.missing_titles: {settings.missing_titles:g}"
    log.warning("%s: %s (%s)", path, told, share)
    lack = {"lacking": int(lacks.sum()), "items": len(item_ids), "example": str(example)}
    return lack | {"first_id": titles.first_id}


def write_catalogue(counts: SplitCounts, titles: Titles, items: IdSpace, path: str) -> None:
    """Write table ITEMS, with the items as they are written and their attributes."""
    catalogue = make_catalogue(counts, titles.table)
    names = items.texts_of(catalogue["item_id"].to_numpy())
    place = len(tables.ITEMS)
    catalogue = catalogue.add_column(place, tables.ITEM_NAME, pa.chunked_array([names]))
    tables.write_table(catalogue, path, catalogue.schema)


def _left_out(
    counts: SplitCounts, interactions: Interactions, settings: RawSettings
) -> dict[str, int]:
    """What was left out, by kind; nothing where nothing was."""
    left_out: dict[str, int] = {
        f"left_out_{kind}": count for kind, count in interactions.problems.counts().items()
    }
    if settings.split == GLOBAL_TIME:
        left_out["left_out_users_by_split_dates"] = counts.n_read - counts.n_users
    return left_out


def _reading(interactions: Interactions, settings: RawSettings) -> dict[str, Any]:
    """How the files were read, for the report.

    Returns:
        `order`: what puts a user's items in order; `order_told`: whether the settings say that
        there are no times; `ties`; `cleaning`: sentences; `split`, and where it has such `dates`.
    """
    return {
        "order": interactions.order,
        "order_told": "timestamp" in settings.columns_without,
        "ties": interactions.n_ties,
        "cleaning": [
            # A replay of the study has another name for the data set, and the same report.
            problem.without_examples.replace(f"{settings.name}.", "")
            for problem in interactions.problems.by_kind.values()
        ],
        "split": settings.split,
        "dates": list(map(str, settings.split_dates)),
    }
