"""Several recommenders on the same users: their lists, and what re-ranking does to each."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from microrank.errors import StudyError
from microrank.evaluation.comparison import Comparison, ListPair, Paired, SliceRow
from microrank.evaluation.differences import OWN_ORDER, Hits, differences
from microrank.evaluation.hits import HeldOutItems, find_held_out_items
from microrank.evaluation.holm import holm
from microrank.evaluation.list_figures import count_listed, list_figures
from microrank.evaluation.metrics import main_cutoffs
from microrank.evaluation.paired import mcnemar
from microrank.evaluation.ranks import as_ranking, candidate_lists, ground_truth_ranks
from microrank.evaluation.settings import Scoring
from microrank.evaluation.slices import Slice, slices_of
from microrank.seeds import generator
from microrank.tables import Batches, find_ids

Row = TypeVar("Row", ListPair, SliceRow)


class Reranked(NamedTuple):
    """What one recommender's study made of its lists.

    Attributes:
        recommendations: Table RECOMMENDATIONS.
        subset: Table SUBSET.
        rankings: Method -> table RANKINGS.
    """

    recommendations: Batches
    subset: pa.Table
    rankings: Mapping[str, pa.Table]


class Users(NamedTuple):
    """Users who have a list of every recommender.

    Attributes:
        ids: Ascending, [n].
        ranks: Recommender -> rank of the held-out item in its list; 0: not there, [n].
        slices: Groups of them.
        taken: [n_items], how often each item of the catalogue was taken before.
        n_past: All users who took something.
    """

    ids: np.ndarray
    ranks: Mapping[str, np.ndarray]
    slices: list[Slice]
    taken: np.ndarray
    n_past: int


def compare_recommenders(
    studies: Mapping[str, Reranked],
    past: Sequence[Batches],
    test: Batches,
    items: pa.Table,
    scoring: Scoring,
    *,
    primary: Collection[str],
    seed: int,
) -> Comparison:
    """Compare recommenders, and what the same methods do to their lists.

    Args:
        studies: Recommender -> its study. All have the same methods and the same users.
        past: The splits before test, tables SPLIT.
        test: Table SPLIT.
        items: Table ITEMS.
        scoring: Cutoffs, confidence, resamples and margin.
        primary: Methods of the primary comparison.
        seed: Of the study.

    Raises:
        StudyError: The studies are of different users.
    """
    held_out = {
        name: find_held_out_items(study.recommendations, test) for name, study in studies.items()
    }
    k = min(found.list_length for found in held_out.values())
    cutoff = main_cutoffs([n for n in scoring.cutoffs if n <= k], k)[-1]
    users = _users(held_out, past, items)
    drawn, hits = _hits_of_methods(studies, cutoff)
    return Comparison(
        n_users=len(drawn),
        n_all=len(users.ids),
        n_any=int((np.stack(list(users.ranks.values())) > 0).any(axis=0).sum()),
        k=k,
        cutoff=cutoff,
        lists={
            name: list_figures(
                users.ranks[name],
                count_listed(study.recommendations, np.sort(items["item_id"].to_numpy())),
                users.taken,
                n_users=users.n_past,
                k=k,
                confidence=scoring.confidence,
                samples=scoring.bootstrap_samples,
                random=generator(seed, f"bootstrap of the lists of {name}"),
            )
            for name, study in studies.items()
        },
        pairs=tuple(_pairs(users, cutoff)),
        list_slices=tuple(_list_slices(users, cutoff)),
        differences=tuple(differences(hits, scoring, primary)),
        method_slices=tuple(_method_slices(hits, _of_drawn(users, drawn))),
    )


def _users(held_out: Mapping[str, HeldOutItems], past: Sequence[Batches], items: pa.Table) -> Users:
    ids, targets = _common(held_out)
    item_ids = np.sort(items["item_id"].to_numpy())
    lengths, taken = np.zeros(len(ids), np.int64), np.zeros(len(item_ids), np.int64)
    seen: list[np.ndarray] = []
    for batch in (batch for split in past for batch in split.to_batches()):
        user, item = batch["user_id"].to_numpy(), batch["item_id"].to_numpy()
        row = find_ids(ids, user)
        lengths += np.bincount(row[row >= 0], minlength=len(ids))
        taken += np.bincount(np.searchsorted(item_ids, item), minlength=len(item_ids))
        seen.append(np.unique(user))
    ranks = {
        name: found.ranks[find_ids(found.users, ids)].astype(np.int64)
        for name, found in held_out.items()
    }
    slices = slices_of(lengths, taken[np.searchsorted(item_ids, targets)])
    return Users(ids, ranks, slices, taken, len(np.unique(np.concatenate(seen))))


def _common(held_out: Mapping[str, HeldOutItems]) -> tuple[np.ndarray, np.ndarray]:
    """The users who have a list of each recommender, and their held-out items."""
    first, *others = held_out.values()
    ids = first.users
    for other in others:
        ids = np.intersect1d(ids, other.users)
    if not len(ids):
        raise StudyError("no user has a list of every recommender; correct `recommenders`")
    return ids, first.items[find_ids(first.users, ids)]


def _of_drawn(users: Users, drawn: np.ndarray) -> list[Slice]:
    """The groups of those users who were drawn."""
    places = find_ids(users.ids, drawn)
    return [group._replace(is_in=group.is_in[places]) for group in users.slices]


def _is_hit(ranks: np.ndarray, cutoff: int) -> np.ndarray:
    return (ranks > 0) & (ranks <= cutoff)


def paired(first: np.ndarray, second: np.ndarray) -> Paired:
    """Compare two hit rates of the same users, [n_users] bool each."""
    wins, losses = int((first & ~second).sum()), int((second & ~first).sum())
    return Paired((wins - losses) / max(len(first), 1), wins, losses, mcnemar(wins, losses))


def _corrected(rows: list[Row]) -> list[Row]:
    p_holm = holm(np.array([row.hits.p_value for row in rows], np.float64))
    return [
        replace(row, hits=replace(row.hits, p_holm=float(p)))
        for row, p in zip(rows, p_holm, strict=True)
    ]


def _pairs(users: Users, cutoff: int) -> list[ListPair]:
    hit = {name: _is_hit(ranks, cutoff) for name, ranks in users.ranks.items()}
    return _corrected(
        [ListPair(one, other, paired(hit[one], hit[other])) for one, other in combinations(hit, 2)]
    )


def _list_slices(users: Users, cutoff: int) -> list[SliceRow]:
    """Each recommender but the first against the first, in every group of users."""
    hit = {name: _is_hit(ranks, cutoff) for name, ranks in users.ranks.items()}
    baseline = next(iter(hit))
    return _corrected(
        [
            _slice_row(group, hit[name], hit[baseline], recommender=name, baseline=baseline)
            for group in users.slices
            for name in hit
            if name != baseline
        ]
    )


def _slice_row(
    group: Slice,
    hit: np.ndarray,
    baseline_hit: np.ndarray,
    *,
    recommender: str,
    baseline: str,
    method: str | None = None,
) -> SliceRow:
    is_in = group.is_in
    return SliceRow(
        f"{group.by}, {group.name}",
        int(is_in.sum()),
        recommender,
        method,
        baseline,
        float(hit[is_in].mean()),
        paired(hit[is_in], baseline_hit[is_in]),
    )


def _hits_of_methods(studies: Mapping[str, Reranked], cutoff: int) -> tuple[np.ndarray, Hits]:
    """The drawn users, and who of them is a hit of which method on whose lists."""
    first = next(iter(studies.values())).subset["user_id"].to_numpy()
    hits: dict[str, dict[str, np.ndarray]] = {}
    for name, study in studies.items():
        if not np.array_equal(study.subset["user_id"].to_numpy(), first):
            raise StudyError(
                f"the subset of {name} is of other users than the others'; delete the studies' "
                "subset/users.parquet and run again"
            )
        candidate_lists(study.subset)
        orders = {OWN_ORDER: as_ranking(study.subset), **study.rankings}
        hits[name] = {
            method: _is_hit(ground_truth_ranks(method or name, order, study.subset), cutoff)
            for method, order in orders.items()
        }
    return first, hits


def _method_slices(hits: Hits, slices: list[Slice]) -> list[SliceRow]:
    """Each method against the recommender's own order, in every group of the drawn users."""
    return _corrected(
        [
            _slice_row(
                group,
                hit,
                of_recommender[OWN_ORDER],
                recommender=name,
                baseline=name,
                method=method,
            )
            for name, of_recommender in hits.items()
            for method, hit in of_recommender.items()
            if method != OWN_ORDER
            for group in slices
            if group.is_in.any()
        ]
    )
