"""Which items are newer than a model, and the hits of those users whose held-out item is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from microrank.errors import StudyError
from microrank.evaluation.paired import mcnemar
from microrank.evaluation.ranks import as_ranking, ground_truth_ranks
from microrank.tables import attributes_of

_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(?!\d)")


@dataclass(frozen=True)
class NewerRow:
    """A method's hits among users whose held-out item is newer than the model that it asks.

    Attributes:
        method: Its name.
        until: The model's date.
        users: Such users.
        hits: Of the method.
        recommenders_hits: Of the recommender's own order.
        p_value: Of the exact McNemar test.
    """

    method: str
    until: str
    users: int
    hits: int
    recommenders_hits: int
    p_value: float


def is_newer(date: str, until: str) -> bool | None:
    """Whether a date (YYYY, YYYY-MM or YYYY-MM-DD) lies after another; None where it is not known.

    Args:
        date: as the data set has it.
        until: YYYY-MM-DD.
    """
    found = _DATE.match(date.strip())
    if found is None:
        return None
    told = found[0]
    if told == until[: len(told)]:
        return False if len(told) == len(until) else None
    return told > until[: len(told)]


def newer_items(catalogue: pa.Table, item_date: str | None, until: str | None) -> set[int] | None:
    """The items that are known to be newer; None where no dates, or no model's date, are told.

    Args:
        catalogue: table ITEMS with its attributes.
        item_date: the attribute that has the dates.
        until: the model's date.

    Raises:
        StudyError: there is no such attribute.
    """
    if item_date is None or until is None:
        return None
    if item_date not in attributes_of(catalogue):
        raise StudyError(
            f"config: datasets: item_date: there is no attribute '{item_date}'; name that column "
            "of the titles' file under `attributes` of the data set, too"
        )
    pairs = zip(catalogue["item_id"].to_pylist(), catalogue[item_date].to_pylist(), strict=True)
    return {item for item, date in pairs if is_newer(date or "", until)}


def newer_rows(
    subset: pa.Table,
    rankings: Mapping[str, pa.Table],
    newer: Mapping[str, set[int]],
    until: Mapping[str, str],
    cutoff: int,
) -> list[NewerRow]:
    """Compare methods with the recommender on users whose held-out item is newer than the model.

    Args:
        subset: table SUBSET.
        rankings: method → table RANKINGS.
        newer: method → items that are newer than the model that it asks.
        until: method → the date of that model.
        cutoff: N of Hits@N.
    """
    was_hit = _is_hit(ground_truth_ranks("recommender", as_ranking(subset), subset), cutoff)
    truths = subset["ground_truth"].to_numpy()
    rows = []
    for method, items in newer.items():
        mine = np.isin(truths, sorted(items))
        hit = _is_hit(ground_truth_ranks(method, rankings[method], subset), cutoff) & mine
        before = was_hit & mine
        p_value = mcnemar(int((hit & ~before).sum()), int((before & ~hit).sum()))
        users, hits, recommenders_hits = (int(mask.sum()) for mask in (mine, hit, before))
        rows.append(NewerRow(method, until[method], users, hits, recommenders_hits, p_value))
    return rows


def _is_hit(ranks: np.ndarray, cutoff: int) -> np.ndarray:
    return (ranks > 0) & (ranks <= cutoff)
