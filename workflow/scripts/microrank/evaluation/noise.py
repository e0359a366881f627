"""How much of the hits' variance is the answers' own: the same questions, asked several times.

A hit of one user at one answer differs from the row's hit rate because users differ, because a
further answer to the same question differs, and because of the seed of the whole study.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import pyarrow as pa

from microrank.errors import StudyError
from microrank.evaluation.hit_rate import hit_rate
from microrank.evaluation.paired import percentile_interval, resampled_means
from microrank.evaluation.ranks import ground_truth_ranks, ranked_items
from microrank.evaluation.usage import usage_of
from microrank.evaluation.variance import (
    binary_components,
    binary_moments,
    components_of_moments,
    variance_components,
)
from microrank.llm.answer_counts import AnswerCounts
from microrank.seeds import generator


class Asked(NamedTuple):
    """One method's order of the subset by one answer to each question.

    Attributes:
        rankings: Table RANKINGS.
        counts: How the answers were read.
        responses: Table RESPONSES; None of the first answers, which are not extra.
    """

    rankings: pa.Table
    counts: AnswerCounts
    responses: pa.Table | None = None


@dataclass(frozen=True)
class NoiseRow:
    """What further answers to the same questions changed of one method's list.

    Attributes:
        method: Name of the method.
        hits: Users who are a hit, by each answer.
        orders_vary: Users whose order is not the same by all answers.
        hits_vary: Users who are a hit by some answers, and not by others.
        of_answers: Variance of a hit over answers to the same question.
        of_users: Variance of a hit over users.
        of_seeds: Variance of a hit over seeds of the whole study; None where there is one seed.
        share: The answers' share of these variances; None where every hit is the same.
        share_low: Lower bound of its bootstrap interval over users; None where no hit varies.
        share_high: Upper bound.
        unread: Share of answers that name no candidate; the largest.
        order_shown: Share of answers that repeat the order shown; the largest.
    """

    method: str
    hits: tuple[int, ...]
    orders_vary: int
    hits_vary: int
    of_answers: float
    of_users: float
    of_seeds: float | None
    share: float | None
    share_low: float | None
    share_high: float | None
    unread: float = 0.0
    order_shown: float = 0.0


@dataclass(frozen=True)
class Noise:
    """What further answers changed.

    Attributes:
        cutoff: N of the hits.
        n_users: Users of the subset.
        n_seeds: Repeats of the study.
        rows: Of all methods that were asked again.
        answers: How many answers that took.
        tokens: Tokens in and out of these, as far as they were counted.
    """

    cutoff: int
    n_users: int
    n_seeds: int
    rows: Sequence[NoiseRow]
    answers: int
    tokens: int

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` gave."""
        rows = [NoiseRow(**{**row, "hits": tuple(row["hits"])}) for row in data["rows"]]
        return cls(**{**data, "rows": rows})


def measure_noise(
    subset: pa.Table,
    asked: Mapping[str, Sequence[Asked]],
    seeds: Mapping[str, Sequence[tuple[pa.Table, pa.Table]]],
    *,
    cutoff: int,
    confidence: float,
    samples: int,
    seed: int,
) -> Noise:
    """Part the variance of each method's hits into that of answers, users and seeds.

    Args:
        subset: Table SUBSET.
        asked: Method -> its order by each answer, the first one first; at least two.
        seeds: Method -> tables SUBSET and RANKINGS of each repeat of the study.
        cutoff: N of the hits.
        confidence: Of the interval of the answers' share.
        samples: Resamples of users behind it.
        seed: Of the resamples.

    Raises:
        StudyError: There is one user alone.
    """
    if subset.num_rows < 2:
        raise StudyError(
            "repeats_of_answers: how users differ takes at least two of them, and the subset has "
            "one: raise subset.sample_size, or take repeats_of_answers out"
        )
    how = _How(cutoff, confidence, samples, seed)
    rows = [
        _row(method, subset, answers, _of_seeds(method, seeds[method], cutoff), how)
        for method, answers in asked.items()
    ]
    extra = [of.responses for answers in asked.values() for of in answers]
    used = [usage_of(table) for table in extra if table is not None]
    return Noise(
        cutoff,
        subset.num_rows,
        max((len(of) for of in seeds.values()), default=1),
        rows,
        answers=sum(of.answers for of in used),
        tokens=sum(of.prompt_tokens + of.completion_tokens for of in used),
    )


class _How(NamedTuple):
    """The cutoff of hits, and the interval of a share."""

    cutoff: int
    confidence: float
    samples: int
    seed: int


def _of_seeds(
    method: str, repeats: Sequence[tuple[pa.Table, pa.Table]], cutoff: int
) -> float | None:
    """The variance over seeds, each of which has users of its own; None of one seed."""
    if len(repeats) < 2:
        return None
    hits = [_hits(method, rankings, subset, cutoff) for subset, rankings in repeats]
    return variance_components(hits).between


def _hits(method: str, rankings: pa.Table, subset: pa.Table, cutoff: int) -> np.ndarray:
    return hit_rate(ground_truth_ranks(method, rankings, subset), cutoff)


def _row(
    method: str, subset: pa.Table, answers: Sequence[Asked], of_seeds: float | None, how: _How
) -> NoiseRow:
    hits = np.stack([_hits(method, of.rankings, subset, how.cutoff) for of in answers])
    orders = [ranked_items(method, of.rankings, subset) for of in answers]
    k = len(answers)
    hits_a_user = hits.sum(axis=0).astype(np.int64)
    histogram = np.bincount(hits_a_user, minlength=k + 1)
    of_users, of_answers = binary_components(histogram)
    random = generator(how.seed, f"noise of {method}")
    low, high = _share_interval(histogram, of_seeds or 0.0, how, random)
    return NoiseRow(
        method,
        tuple(int(count) for count in hits.sum(axis=1)),
        int(np.any([(order != orders[0]).any(axis=1) for order in orders], axis=0).sum()),
        int(((hits_a_user > 0) & (hits_a_user < k)).sum()),
        of_answers,
        of_users,
        of_seeds,
        _share(of_answers, of_answers + of_users + (of_seeds or 0.0)),
        low,
        high,
        unread=max(of.counts.share("unread") for of in answers),
        order_shown=max(of.counts.share("order_shown") for of in answers),
    )


def _share(part: float, total: float) -> float | None:
    return part / total if total > 0 else None


def _share_interval(
    histogram: np.ndarray, of_seeds: float, how: _How, random: np.random.Generator
) -> tuple[float | None, float | None]:
    """Bounds of the answers' share by a bootstrap of users; the seeds' variance stays as it is."""
    n, k = int(histogram.sum()), len(histogram) - 1
    moments = resampled_means(binary_moments(k), histogram, how.samples, random)
    between, within = components_of_moments(moments, n, k)
    total = between + within + of_seeds
    if not histogram[1:-1].any():  # no hit varied: resamples would say that none ever does
        return None, None
    known = total > 0
    shares = within[known] / total[known]
    low, high = percentile_interval(shares[:, None], how.confidence)
    return float(low[0]), float(high[0])
