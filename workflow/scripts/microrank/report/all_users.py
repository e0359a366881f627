"""What re-ranking the drawn users means for all users: the effect on the hit rate as a recommender's operator would see it."""

from collections.abc import Mapping
from typing import Any

from microrank.evaluation.intervals import of_finite_population
from microrank.evaluation.score import RANDOM_EXPECTED
from microrank.report.blocks import Paragraph, Section, Table
from microrank.report.study import Study


def over_all_users(study: Study) -> list[Section]:
    """HR@N over all users per method, and its difference to the recommender's, with intervals.

    A user whose list lacks the held-out item is a miss in every order of it. So over all users HR@N = P(hit in the list) · P(rank ≤ N | hit):
    the first factor is counted over everybody, the second is what a subset drawn from the users with a hit estimates. A subset drawn
    from all users estimates the product with a wider interval, since most of its users tell nothing. Either way it is drawn without
    replacement from a known number of users, who are those meant: the intervals are for a finite population.
    """
    if not study.nfm or not study.nfm.get("hit_users"):
        return []
    n, hit_users = study.nfm["n_users"], study.nfm["hit_users"]
    share, population = (hit_users / n, hit_users) if study.hits_only else (1.0, n)
    cutoffs = [cutoff for cutoff in study.main_cutoffs if cutoff < study.k]
    if not cutoffs:
        return []
    everybody = study.n_users == population

    def cell(row: Mapping[str, Any] | None, form: str) -> str:
        if row is None:
            return ""
        told = format(share * row["value"], form).replace("-", "−")
        if row["method"] == RANDOM_EXPECTED or everybody:
            return told
        ends = of_finite_population(
            row["value"], row["ci_low"], row["ci_high"], study.n_users, population
        )
        return (
            f"{told} ({' to '.join(format(share * end, form).replace('-', '−') for end in ends)})"
        )

    measured = [study.nfm["all_users"].get(f"HR@{cutoff}") for cutoff in cutoffs]
    counted = [
        text for value in measured for text in (f"{value:.5f}" if value is not None else "–", "")
    ]
    rows = [[f"{study.lists_name}, counted", *counted]]
    for name in [study.recommender, *study.methods, RANDOM_EXPECTED]:
        pairs = [
            (study.row(name, "hr", cutoff), study.difference(name, "hr", cutoff))
            for cutoff in cutoffs
        ]
        rows.append(
            [
                study.label(name),
                *(
                    text
                    for rate, difference in pairs
                    for text in (cell(rate, ".5f"), cell(difference, "+.5f"))
                ),
            ]
        )
    header = [
        "method",
        *(text for cutoff in cutoffs for text in (f"HR@{cutoff}", f"− {study.lists_name}")),
    ]
    ceiling = f"No re-ranker of these lists can pass {hit_users / n:.5f} at any cutoff."
    intervals = (
        "Everybody was drawn, so nothing is left to chance but the recommender's training."
        if everybody
        else f"Estimates with {study.confidence:.0%} intervals, not adjusted for many comparisons, for these users: what is left to chance "
        "is who of them was drawn (finite population; Cochran 1977), not who might come next, nor the recommender's training."
    )
    caption = f"The first row is the recommender's own order counted over everybody. {intervals} {ceiling}"
    return [
        Section(
            "Over all users", [Paragraph(_drawn(study, n, hit_users)), Table(header, rows, caption)]
        )
    ]


def _drawn(study: Study, n: int, hit_users: int) -> str:
    if not study.hits_only:
        having = f"{hit_users:,} ({hit_users / n:.2%}) have the held-out item in their list"
        return f"The {study.n_users:,} users were drawn from all {n:,}, of whom {having}."
    return (
        f"The {study.n_users:,} users were drawn from the {hit_users:,} (of {n:,}, {hit_users / n:.2%}) whose top {study.k} holds the "
        "held-out item. For all others every order of the list misses, so the hit rate over all users is that share times the rate among "
        "the drawn."
    )
