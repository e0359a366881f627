"""The effect on the hit rate over all users, as a recommender's operator would see it."""

from dataclasses import dataclass

from microrank.evaluation.intervals import of_finite_population
from microrank.evaluation.metrics import RANDOM_EXPECTED, MetricRow
from microrank.report.blocks import Paragraph, Section, Table
from microrank.report.numbers import digits_of, with_minus
from microrank.report.study import Study


@dataclass(frozen=True)
class _Population:
    """The users that the subset represents.

    Attributes:
        users: All users.
        hit_users: Those whose list holds the held-out item.
        drawn_from: Users from whom the subset was drawn.
        drawn: Users in the subset.
    """

    users: int
    hit_users: int
    drawn_from: int
    drawn: int

    @property
    def share(self) -> float:
        """Share of all users from whom the subset was drawn; all others miss in every order."""
        return self.drawn_from / self.users

    @property
    def everybody_drawn(self) -> bool:
        """Whether nobody was left out."""
        return self.drawn == self.drawn_from


def over_all_users(study: Study) -> list[Section]:
    """Show HR@N over all users per method, and its difference to the recommender's, with intervals.

    A user whose list lacks the held-out item is a miss in every order of it. So over all users
    HR@N = P(hit in the list) · P(rank ≤ N | hit). The first factor is counted over everybody. A
    subset of users with a hit estimates the second. A subset of all users estimates the product
    with a wider interval, since most of its users tell nothing. Either way it is drawn without
    replacement from a known number of users, and the intervals are for that finite population.
    """
    if not study.nfm or not study.nfm.hit_users or study.hits_of_any_list:
        return []  # results/recommenders.md counts all users where there are several lists
    n, hit_users = study.nfm.n_users, study.nfm.hit_users
    drawn_from = hit_users if study.hits_only else n
    population = _Population(n, hit_users, drawn_from, study.n_users)
    cutoffs = [cutoff for cutoff in study.main_cutoffs if cutoff < study.k]
    if not cutoffs:
        return []
    table = _table(study, population, cutoffs)
    return [Section("Over all users", [Paragraph(_who_was_drawn(study, population)), table])]


def _table(study: Study, population: _Population, cutoffs: list[int]) -> Table:
    header = ["method"]
    counted = [f"{study.lists_name}, counted"]
    all_users = study.nfm.all_users.values if study.nfm else {}
    for cutoff in cutoffs:
        header += [f"HR@{cutoff}", f"− {study.lists_name}"]
        rate = all_users.get(f"HR@{cutoff}")
        counted += [f"{rate:.{digits_of(population.users)}f}" if rate is not None else "–", ""]
    rows = [counted]
    for name in [study.recommender, *study.names, RANDOM_EXPECTED]:
        cells = [study.label(name)]
        for cutoff in cutoffs:
            rate_row = study.row(name, "hr", cutoff)
            difference_row = study.difference(name, "hr", cutoff)
            cells += [
                _cell(rate_row, "", population),
                _cell(difference_row, "+", population),
            ]
        rows.append(cells)
    return Table(header, rows, _caption(study, population))


def _cell(row: MetricRow | None, sign: str, population: _Population) -> str:
    """Return the figure over all users, with its interval where chance had a part in it."""
    if row is None:
        return ""
    form = f"{sign}.{digits_of(population.drawn / population.share)}f"
    value = with_minus(format(population.share * row.value, form))
    if row.method == RANDOM_EXPECTED or population.everybody_drawn:
        return value
    ends = of_finite_population(row.value, *row.interval, population.drawn, population.drawn_from)
    low, high = (with_minus(format(population.share * end, form)) for end in ends)
    return f"{value} ({low} to {high})"


def _caption(study: Study, population: _Population) -> str:
    intervals = (
        f"Estimates with {study.confidence:.0%} intervals, not adjusted for many comparisons, for "
        "these users: what is left to chance is who of them was drawn (finite population; Cochran "
        "1977), not who might come next, nor the recommender's training."
    )
    if population.everybody_drawn:
        intervals = (
            "Everybody was drawn, so nothing is left to chance but the recommender's training."
        )
    ceiling = population.hit_users / population.users
    return (
        f"The first row is the recommender's own order counted over everybody. {intervals} "
        f"No re-ranker of these lists can pass {ceiling:.{digits_of(population.users)}f} at any "
        "cutoff."
    )


def _who_was_drawn(study: Study, population: _Population) -> str:
    n, hit_users = population.users, population.hit_users
    if not study.hits_only:
        return (
            f"The {study.n_users:,} users were drawn from all {n:,}, of whom {hit_users:,} "
            f"({hit_users / n:.2%}) have the held-out item in their list."
        )
    return (
        f"The {study.n_users:,} users were drawn from the {hit_users:,} (of {n:,}, "
        f"{hit_users / n:.2%}) whose top {study.k} holds the held-out item. For all others every "
        "order of the list misses, so the hit rate over all users is that share times the rate "
        "among the drawn."
    )
