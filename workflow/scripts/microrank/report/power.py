"""What difference so many users could have shown, at the level that the verdicts really use."""

import numpy as np

from microrank.evaluation.power import (
    detectable_difference,
    users_for_equivalence,
    users_needed,
)
from microrank.report.blocks import Table
from microrank.report.study import Study

WANTED = 0.05  # a difference worth knowing of: five users of a hundred


def power_line(study: Study, method: str | None) -> str:
    """Say what the smallest difference is that is found four times out of five.

    Once by one test, and once after the first step of Holm's correction.

    Args:
        study: The study.
        method: The one that the answer speaks of; None: there is nothing to say.
    """
    tests = study.n_tests(method) if method else 0
    if method is None or not tests:
        return ""
    cutoff, n, differing = study.last_cutoff, study.n_users, _differing(study, method)
    corrected_level = study.level / tests
    single = detectable_difference(n, differing, study.level)
    corrected = detectable_difference(n, differing, corrected_level)
    text = (
        f"What could have been found: {differing:.0%} of the {n:,} users are a hit (Hits@{cutoff}) "
        f"for only one of {study.lists_name} and `{method}`. With as many, one test at "
        f"p ≤ {study.level:g} finds a true difference of {_hits(single, n)} four times out of "
        f"five. The verdicts here are corrected for {tests} tests, and the first step of Holm's "
        f"correction asks for p ≤ {corrected_level:.2g}: that takes {_hits(corrected, n)}. Smaller "
        "differences are mostly missed."
    )
    text += _equivalence(study, differing)
    if differing <= WANTED or corrected <= WANTED:
        return text
    single_n = users_needed(WANTED, differing, study.level)
    corrected_n = users_needed(WANTED, differing, corrected_level)
    return (
        f"{text} To find one of {WANTED:.0%} of users takes about {single_n:,} users with one "
        f"test, and {corrected_n:,} with the correction."
    )


def _equivalence(study: Study, differing: float) -> str:
    """Say how many users show that there is no difference worth the margin."""
    if differing <= 0:
        return ""
    needed = users_for_equivalence(differing, study.margin)
    return (
        f" To show that there is no difference worth the margin ({study.margin:.0%} of users) "
        f"takes about {needed:,} users, where there is none."
    )


def power_table(study: Study) -> Table:
    """Show the same numbers for every method."""
    cutoff, n = study.last_cutoff, study.n_users
    header = [
        "method",
        f"Hits@{cutoff} for one only",
        "one test finds",
        "after correction",
        f"users for {WANTED:.0%}",
        "after correction",
        "users for no difference",
    ]
    rows = []
    for name in study.names:
        differing = _differing(study, name)
        levels = study.level, study.level / max(study.n_tests(name), 1)
        smallest = [_hits(detectable_difference(n, differing, level), n) for level in levels]
        needed = [
            f"{users_needed(WANTED, differing, level):,}" if differing > WANTED else "–"
            for level in levels
        ]
        equal = f"{users_for_equivalence(differing, study.margin):,}" if differing else "–"
        rows.append([study.label(name), f"{differing:.0%}", *smallest, *needed, equal])
    caption = (
        f"Power of the exact McNemar test: the smallest true difference in Hits@{cutoff} that is "
        f"found four times out of five, and how many users would find one of {WANTED:.0%}, where "
        "as many differ as here. After correction: at the level of the first step of Holm's within "
        "the row's family of tests; later steps ask for less. No difference: how many users show "
        f"that it is smaller than the margin of {study.margin:.0%}, where there is none, by two "
        "one-sided tests without a correction."
    )
    return Table(header, rows, caption)


def _differing(study: Study, method: str) -> float:
    """Return the share of users who are a hit for only one of the method and the recommender."""
    row = study.row(method, "hr", study.last_cutoff)
    return ((row.wins or 0) + (row.losses or 0)) / study.n_users


def _hits(difference: float, n: int) -> str:
    return "none" if np.isnan(difference) else f"{np.ceil(difference * n - 1e-6):,.0f} hits"
