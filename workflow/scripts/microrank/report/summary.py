"""The small table below the verdict: who has how many hits, and what is shown by it."""

from microrank.evaluation.metrics import RANDOM_EXPECTED
from microrank.report.blocks import Table
from microrank.report.numbers import count, count_span, signed
from microrank.report.study import Study
from microrank.report.verdicts import reading_problem, verdict


def summary_table(study: Study) -> Table:
    """Show the recommender, a shuffle, and the best row of each kind and of all."""
    shuffle = study.hits(RANDOM_EXPECTED)
    rows = [
        [f"recommender: {study.lists_name}", "", "", count(study.hits(study.recommender).value)],
        [
            "random shuffle",
            "",
            "",
            f"{count(shuffle.value)} ({count_span(*map(round, shuffle.interval))})",
        ],
    ]
    for kind, names in _kinds(study).items():
        if names:
            best = best_of(study, names)
            rows.append([f"{kind}: {study.label(best)}", *_row(study, best)])
    header = [
        "",
        f"against {study.lists_name}",
        f"− {study.lists_name}",
        f"Hits@{study.last_cutoff}",
    ]
    caption = (
        f"The best row of each kind, of {study.n_users:,} users; in brackets the "
        f"{study.confidence:.0%} interval of the difference, and of the shuffle the range that it "
        "reaches. The best of many rows is best partly by chance: the verdict, which is corrected "
        "for that, says what can be relied on."
    )
    return Table(header, rows, caption)


def best_of(study: Study, names: list[str]) -> str:
    """Return the row with most hits; a row that says nothing of its model only if all are so."""
    readable = [name for name in names if not reading_problem(study, name)]
    return max(readable or names, key=lambda name: study.hits(name).value)


def _kinds(study: Study) -> dict[str, list[str]]:
    """Return the rows by kind, the nearest to the question first."""
    fusions = study.of_kind("fusion")
    return {
        "best language model": study.of_kind("llm"),
        "best fusion with a language model": [
            name for name in fusions if study.methods[name].rests_on_llm
        ],
        "best simulated model": study.of_kind("simulated llm", "simulated fusion"),
        "best cross-encoder": study.of_kind("cross-encoder"),
        "best encoder": study.of_kind("encoder"),
        "best without any model": study.of_kind("reference"),
        "best of all": study.names,
    }


def _row(study: Study, name: str) -> list[str]:
    hits = study.hits(name)
    difference = study.row(name, "hr_difference", study.last_cutoff)
    low, high = (signed(round(end * study.n_users)) for end in difference.interval)
    change = f"{signed(hits.delta or 0)} ({low} to {high})"
    return [verdict(study, name), change, count(hits.value)]
