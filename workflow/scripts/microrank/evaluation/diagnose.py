"""Why a method does what it does: position bias, popularity, agreement."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from microrank.errors import StudyError
from microrank.evaluation.cut_prompts import count_cut_prompts
from microrank.evaluation.diagnostics import (
    RECOMMENDER,
    Asked,
    Diagnostics,
    MethodDiagnostics,
    Positions,
    Titles,
)
from microrank.evaluation.kendall import kendall_tau
from microrank.evaluation.popularity import candidate_counts, moved_by_shuffles, moved_items
from microrank.evaluation.ranks import (
    as_ranking,
    candidate_lists,
    ground_truth_ranks,
    ranked_items,
    shown_items,
    user_rows,
)
from microrank.evaluation.usage import usage_of
from microrank.llm.prompts import UNLISTED_FORMATS, Prompt, looks_like_instructions
from microrank.rerank.repairs import Repairs

HIT_CUTOFF = 10
AGREEMENT_USERS = 2000  # agreement of two methods is measured on the first users of the subset
_BINS = 4  # of the list, for the flow of ranks


@dataclass(frozen=True)
class Answers:
    """What a language model answered about the subset.

    Attributes:
        responses: Table RESPONSES.
        passes: Table PASSES, what was read in the responses.
        repairs: How many answers were read and repaired.
        tuning: Table RESPONSES about tuning users; None where no fusion with the method was tuned.
        prompt: How the model was asked; None for a simulated model, which counts no tokens.
    """

    responses: pa.Table
    passes: pa.Table
    repairs: Repairs
    tuning: pa.Table | None = None
    prompt: Prompt | None = None

    @property
    def follow_a_list(self) -> bool:
        """Whether a list was shown, so that answers have positions to be biased by."""
        return self.prompt is None or self.prompt.answer_format not in UNLISTED_FORMATS


def diagnose_rankings(
    rankings: Mapping[str, pa.Table],
    subset: pa.Table,
    items: pa.Table,
    answers: Mapping[str, Answers],
) -> Diagnostics:
    """Compute what the report says of each method beside its metrics.

    Position bias is that of single answers. Each answer's order is compared with the order in
    which it was shown the candidates, before several passes are aggregated. Where candidates are
    shown in the recommender's order (`shuffle: false`, first pass), position bias cannot be told
    from agreement with the recommender.

    Args:
        rankings: method -> table RANKINGS.
        subset: Table SUBSET.
        items: Table ITEMS, for popularity and titles.
        answers: Answers of the methods, and parts of fusions, that asked a language model.

    Raises:
        StudyError: Responses and what was read in them do not belong together.
    """
    candidates = candidate_lists(subset)
    n, k = candidates.shape
    lists = _Lists(
        subset,
        candidates,
        candidate_counts(candidates, items),
        ground_truth_ranks(RECOMMENDER, as_ranking(subset), subset),
    )
    places = {RECOMMENDER: np.tile(np.arange(k), (n, 1))}
    methods = {}
    for name, ranking in rankings.items():
        places[name] = _places(ranked_items(name, ranking, subset), candidates)
        methods[name] = _of_method(name, ranking, places[name], lists, answers.get(name))
    return Diagnostics(
        n_users=n,
        k=k,
        hit_cutoff=HIT_CUTOFF,
        titles=_titles(subset, items),
        methods=methods,
        shuffle=moved_by_shuffles(lists.counts),
        asked={name: _asked(name, of, subset, items) for name, of in answers.items()},
        agreement=_agreement(places),
    )


class _Lists(NamedTuple):
    """The subset's lists.

    subset: Table SUBSET. candidates: [n_users, k]. counts: [n_users, k], their training counts.
    truth_position: [n_users], of the held-out item from 1; 0: not in the list.
    """

    subset: pa.Table
    candidates: np.ndarray
    counts: np.ndarray
    truth_position: np.ndarray


def _of_method(
    name: str, ranking: pa.Table, places: np.ndarray, lists: _Lists, answers: Answers | None
) -> MethodDiagnostics:
    n, k = lists.candidates.shape
    ranks = ground_truth_ranks(name, ranking, lists.subset)
    hit = (ranks > 0) & (ranks <= HIT_CUTOFF)
    recommender_places = np.tile(np.arange(k), (n, 1))
    by_shown_position, tau = None, None
    if answers and answers.follow_a_list:
        by_shown_position, tau = _position_bias(name, answers, lists)
    return MethodDiagnostics(
        by_recommender_position=_by_position(lists.truth_position, hit, k),
        flow=_flow(lists.truth_position, ranks, k),
        kendall_to_recommender=_mean(kendall_tau(places, recommender_places)),
        popularity=moved_items(places, lists.counts),
        hits=int(hit.sum()),
        hits_from_fallback=_hits_from_fallback(ranking, lists.subset, hit),
        by_shown_position=by_shown_position,
        kendall_to_shown=tau,
    )


def _titles(subset: pa.Table, items: pa.Table) -> Titles:
    shown = np.isin(items["item_id"].to_numpy(), shown_items(subset))
    titles = items.filter(pa.array(shown))["title"].to_pylist()
    return Titles(len(titles), sum(map(looks_like_instructions, titles)))


def _places(lists: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Return the place (from 0) of each candidate in the re-ranked list, [n_users, k]."""
    places = np.empty_like(lists)
    np.put_along_axis(places, np.argsort(candidates, axis=1), np.argsort(lists, axis=1), axis=1)
    return places


def _by_position(positions: np.ndarray, hit: np.ndarray, k: int) -> Positions:
    """Count users and hits at each position 1…k; position 0 is outside the list."""
    users = np.bincount(positions, minlength=k + 1)[1:]
    hits = np.bincount(positions, weights=hit, minlength=k + 1)[1:].astype(int)
    return Positions(users.tolist(), hits.tolist())


def list_bins(k: int) -> list[tuple[int, int]]:
    """Cut a list into four (or k, if fewer) bins; return the first and last position of each."""
    edges = np.linspace(0, k, min(_BINS, k) + 1).round().astype(int)
    return [(int(low) + 1, int(high)) for low, high in pairwise(edges)]


def _flow(before: np.ndarray, after: np.ndarray, k: int) -> list[list[int]]:
    """Count the users whose held-out item moved from one bin of the list to another."""
    last_positions = np.array([high for _, high in list_bins(k)])
    n_bins = len(last_positions)
    in_list = before > 0
    bin_before, bin_after = (
        np.searchsorted(last_positions, ranks[in_list]) for ranks in (before, after)
    )
    cells = np.bincount(bin_before * n_bins + bin_after, minlength=n_bins**2)
    return cells.reshape(n_bins, n_bins).tolist()


def _hits_from_fallback(ranking: pa.Table, subset: pa.Table, hit: np.ndarray) -> int:
    """Count the hits that the method did not name: the recommender's order put them there."""
    row = user_rows(ranking["user_id"].to_numpy(), subset)
    is_truth = ranking["item_id"].to_numpy() == subset["ground_truth"].to_numpy()[row]
    is_fallback = ranking["source"].to_numpy(zero_copy_only=False) != "model"
    return int((is_truth & is_fallback & hit[row]).sum())


def _position_bias(name: str, answers: Answers, lists: _Lists) -> tuple[Positions, float | None]:
    """Compare single answers with the orders shown.

    Returns:
        Hits by the position at which the held-out item was shown, and the mean Kendall τ of
        answers to the order shown.
    """
    responses, passes = answers.responses, answers.passes
    keys = ["user_id", "pass"]
    if not responses.select(keys).equals(passes.select(keys)):
        raise StudyError(
            f"passes of {name}: not those of its responses; "
            f"delete passes/{name}.parquet and run again"
        )
    k = lists.candidates.shape[1]
    row = user_rows(responses["user_id"].to_numpy(), lists.subset)
    in_subset = row >= 0
    shown, answered = (
        _places_of_candidates(table["order"], k)[in_subset] for table in (responses, passes)
    )
    position = lists.truth_position[row[in_subset]]
    truth = np.arange(len(position)), np.maximum(position - 1, 0)
    in_list = position > 0
    hit = in_list & (answered[truth] < HIT_CUTOFF)
    shown_position = np.where(in_list, shown[truth] + 1, 0)
    return _by_position(shown_position, hit, k), _mean(kendall_tau(answered, shown))


def _places_of_candidates(orders: pa.ChunkedArray, k: int) -> np.ndarray:
    """Return the place (from 0) of each candidate in each of n orders of the candidates, [n, k]."""
    return np.argsort(orders.combine_chunks().flatten().to_numpy().reshape(-1, k), axis=1)


def _asked(name: str, answers: Answers, subset: pa.Table, items: pa.Table) -> Asked:
    if answers.repairs.counts is None:
        raise StudyError(
            f"repairs of {name}: made by an older version; "
            f"delete rankings/{name}.repairs.json and run again"
        )
    tuning = None if answers.tuning is None else usage_of(answers.tuning)
    n_cut = (
        count_cut_prompts(answers.prompt, answers.responses, subset, items) if answers.prompt else 0
    )
    return Asked(
        repairs=answers.repairs,
        counts=answers.repairs.counts,
        subset=usage_of(answers.responses),
        tuning=tuning,
        prompts_cut=n_cut,
    )


def _agreement(places: dict[str, np.ndarray]) -> dict[str, dict[str, float | None]]:
    """Compute the mean Kendall τ of each pair of methods."""
    first_users = {name: values[:AGREEMENT_USERS] for name, values in places.items()}
    return {
        name: {
            other: _mean(kendall_tau(first_users[name], first_users[other]))
            for other in first_users
        }
        for name in first_users
    }


def _mean(values: np.ndarray) -> float | None:
    """Return the mean; None where there is none, as of τ of lists of one item."""
    mean = float(values.mean()) if len(values) else np.nan
    return None if np.isnan(mean) else round(mean, 6) + 0.0
