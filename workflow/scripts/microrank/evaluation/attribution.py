"""What moved the lists: hits with another history or none, and what explains an order.

A gain of hits can come from titles that please everybody, from the place where a candidate was
shown, or from the user's own history. Only the last is personalisation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import pyarrow as pa

from microrank.evaluation.expectation import shuffle_p_value
from microrank.evaluation.holm import holm
from microrank.evaluation.kendall import rank_agreement
from microrank.evaluation.paired import mcnemar
from microrank.evaluation.popularity import candidate_counts
from microrank.evaluation.ranks import candidate_lists, ground_truth_ranks, ranked_items
from microrank.evaluation.usage import usage_of
from microrank.llm.answer_counts import AnswerCounts
from microrank.methods import SWEEP
from microrank.tables import find_ids

SHUFFLE, NONE, ANOTHER, SHUFFLED, OWN = "shuffle", "none", "another", "shuffled", "own"
NO_COUNTS = AnswerCounts()
HISTORIES = (NONE, ANOTHER, SHUFFLED, OWN)
# What was shown -> what it is compared with: the first of these that there is.
COMPARED_WITH = {
    NONE: (SHUFFLE,),
    ANOTHER: (NONE, SHUFFLE),
    OWN: (ANOTHER, NONE, SHUFFLE),
    SHUFFLED: (OWN,),
}


@dataclass(frozen=True)
class Step:
    """Hits of one method with one kind of history, and the test against the step before.

    Attributes:
        method: Name of the method.
        history: `none`, `another` user's, the own one `shuffled`, or the user's `own`.
        hits: Users who are a hit.
        baseline: The step that it is compared with; `shuffle` is a random shuffle of the lists.
        delta: Hits less the baseline's; of a shuffle, those expected.
        p_value: Of the exact McNemar test; against a shuffle, of the exact binomial one.
        p_holm: The same, Holm-adjusted over all steps of the study.
        unread: Share of answers that name no candidate, here or in the baseline, the larger.
        order_shown: The same of answers that repeat the order shown.
    """

    method: str
    history: str
    hits: int
    baseline: str
    delta: float
    p_value: float
    p_holm: float = 1.0
    unread: float = 0.0
    order_shown: float = 0.0


@dataclass(frozen=True)
class Explained:
    """How much of a method's order goes with what has nothing to do with the user.

    Each is a mean over users of the share of pairs in the same order less that of pairs in the
    other one: 1 for the same order, 0 for no relation. None where all of a user's candidates are
    equal.

    Attributes:
        method: Name of the method.
        popularity: With candidates that were trained on more often first.
        length: With longer titles first.
    """

    method: str
    popularity: float | None
    length: float | None


@dataclass(frozen=True)
class Swept:
    """Hits with the held-out item shown at one place of every list.

    Attributes:
        method: Name of the method.
        place: `first`, `middle` or `last`.
        hits: Users who are a hit.
        users: Users whose list holds the held-out item.
        unread: Share of answers that name no candidate.
    """

    method: str
    place: str
    hits: int
    users: int
    unread: float = 0.0


@dataclass(frozen=True)
class Beyond:
    """What a language model adds to what is free: two learned rows, one with its score.

    Attributes:
        method: The row with the model.
        baseline: The row without.
        hits: Users who are a hit for the first.
        baseline_hits: Users who are a hit for the second.
        p_value: Of the exact McNemar test.
        p_holm: The same, Holm-adjusted over these rows.
    """

    method: str
    baseline: str
    hits: int
    baseline_hits: int
    p_value: float
    p_holm: float = 1.0


@dataclass(frozen=True)
class Attribution:
    """What moved the lists of a study.

    Attributes:
        cutoff: N of the hits.
        n_users: Users of the subset.
        steps: Of all methods with placebos.
        explained: Of all methods that ask a language model.
        swept: Of all methods with a sweep.
        beyond: Of all pairs of learned rows with and without a language model.
        answers: How many answers the changes took.
        tokens: Tokens in and out of these, as far as they were counted.
    """

    cutoff: int
    n_users: int
    steps: Sequence[Step] = ()
    explained: Sequence[Explained] = ()
    swept: Sequence[Swept] = ()
    beyond: Sequence[Beyond] = ()
    answers: int = 0
    tokens: int = 0

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        return cls(
            data["cutoff"],
            data["n_users"],
            tuple(Step(**step) for step in data["steps"]),
            tuple(Explained(**row) for row in data["explained"]),
            tuple(Swept(**row) for row in data["swept"]),
            tuple(Beyond(**row) for row in data["beyond"]),
            data["answers"],
            data["tokens"],
        )


@dataclass(frozen=True)
class Changed:
    """One method's order of the subset after a change (`data.placebos`).

    Attributes:
        method: Name of the method.
        change: What was changed.
        subset: Table SUBSET, as the method saw it.
        rankings: Table RANKINGS.
        responses: Table RESPONSES.
        counts: How its answers were read.
    """

    method: str
    change: str
    subset: pa.Table
    rankings: pa.Table
    responses: pa.Table
    counts: AnswerCounts = NO_COUNTS


def attribute_rankings(
    subset: pa.Table,
    rankings: Mapping[str, pa.Table],
    changed: Sequence[Changed],
    items: pa.Table,
    *,
    cutoff: int,
    learned: Sequence[tuple[str, pa.Table, str, pa.Table]] = (),
    counts: Mapping[str, AnswerCounts] = MappingProxyType({}),
) -> Attribution:
    """Compare each method's hits with those after each change, and its order with plain ones.

    Args:
        subset: Table SUBSET.
        rankings: Method that asks a language model -> table RANKINGS.
        changed: The same methods' orders after changes.
        items: Table ITEMS.
        cutoff: N of the hits.
        learned: Pairs of learned rows, as name and table RANKINGS of each: the one with a language
            model's score, then the one without.
        counts: Method -> how its answers without a change were read.
    """
    lists = candidate_lists(subset)
    steps, swept = [], []
    for method, ranking in rankings.items():
        mine = {of.change: of for of in changed if of.method == method}
        hits = {of.change: _is_hit(method, of.rankings, of.subset, cutoff) for of in mine.values()}
        if hits.keys() & set(HISTORIES):
            own = {OWN: _is_hit(method, ranking, subset, cutoff)}
            read = {of.change: of.counts for of in mine.values()}
            read[OWN] = counts.get(method, NO_COUNTS)
            of_method = _steps(method, hits | own, subset, lists.shape[1], cutoff)
            steps += [_with_shares(step, read) for step in of_method]
        swept += [
            Swept(
                method,
                place,
                int(hits[place].sum()),
                int(_in_list(mine[place].subset).sum()),
                mine[place].counts.share("unread"),
            )
            for place in SWEEP
            if place in hits
        ]
    explained = [_explained(name, table, subset, items) for name, table in rankings.items()]
    used = [usage_of(of.responses) for of in changed]
    return Attribution(
        cutoff,
        len(lists),
        _corrected(steps),
        tuple(explained),
        tuple(swept),
        _beyond(learned, subset, cutoff),
        answers=sum(of.answers for of in used),
        tokens=sum(of.prompt_tokens + of.completion_tokens for of in used),
    )


def _is_hit(method: str, rankings: pa.Table, subset: pa.Table, cutoff: int) -> np.ndarray:
    ranks = ground_truth_ranks(method, rankings, subset)
    return (ranks > 0) & (ranks <= cutoff)


def _in_list(subset: pa.Table) -> np.ndarray:
    return subset["ground_truth_rank"].to_numpy() > 0


def _steps(
    method: str, hits: Mapping[str, np.ndarray], subset: pa.Table, k: int, cutoff: int
) -> list[Step]:
    in_list = int(_in_list(subset).sum())
    steps = []
    for history in HISTORIES:
        if history not in hits:
            continue
        baseline = next(name for name in COMPARED_WITH[history] if name in hits or name == SHUFFLE)
        n_hits = int(hits[history].sum())
        if baseline == SHUFFLE:
            delta = n_hits - in_list * min(cutoff, k) / k
            p_value = shuffle_p_value(n_hits, in_list, k, cutoff)
        else:
            wins = int((hits[history] & ~hits[baseline]).sum())
            losses = int((hits[baseline] & ~hits[history]).sum())
            delta, p_value = float(wins - losses), mcnemar(wins, losses)
        steps.append(Step(method, history, n_hits, baseline, delta, p_value))
    return steps


def _with_shares(step: Step, read: Mapping[str, AnswerCounts]) -> Step:
    """The step with the larger shares of unread answers and echoes, its own or the baseline's."""
    both = [read[name] for name in (step.history, step.baseline) if name in read]
    unread, order_shown = (
        max(counts.share(field) for counts in both) for field in ("unread", "order_shown")
    )
    return replace(step, unread=unread, order_shown=order_shown)


def _corrected(steps: Sequence[Step]) -> tuple[Step, ...]:
    adjusted = holm(np.array([step.p_value for step in steps]))
    return tuple(
        replace(step, p_holm=float(p_holm)) for step, p_holm in zip(steps, adjusted, strict=True)
    )


def _beyond(
    pairs: Sequence[tuple[str, pa.Table, str, pa.Table]], subset: pa.Table, cutoff: int
) -> tuple[Beyond, ...]:
    rows = []
    for name, rankings, baseline, baseline_rankings in pairs:
        hit = _is_hit(name, rankings, subset, cutoff)
        was_hit = _is_hit(baseline, baseline_rankings, subset, cutoff)
        p_value = mcnemar(int((hit & ~was_hit).sum()), int((was_hit & ~hit).sum()))
        rows.append(Beyond(name, baseline, int(hit.sum()), int(was_hit.sum()), p_value))
    adjusted = holm(np.array([row.p_value for row in rows]))
    return tuple(replace(row, p_holm=float(p)) for row, p in zip(rows, adjusted, strict=True))


def _explained(method: str, ranking: pa.Table, subset: pa.Table, items: pa.Table) -> Explained:
    lists = ranked_items(method, ranking, subset)
    places = np.tile(np.arange(lists.shape[1]), (len(lists), 1))
    lengths = np.array([len(title or "") for title in items["title"].to_pylist()])
    of_items = np.append(lengths, 0)[find_ids(items["item_id"].to_numpy(), lists)]
    return Explained(
        method,
        _mean(rank_agreement(places, -candidate_counts(lists, items))),
        _mean(rank_agreement(places, -of_items)),
    )


def _mean(values: np.ndarray) -> float | None:
    known = values[~np.isnan(values)]
    return round(float(known.mean()), 6) + 0.0 if len(known) else None
