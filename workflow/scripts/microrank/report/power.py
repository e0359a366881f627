"""What difference so many users could have shown, at the level that the verdicts really use."""

import numpy as np

from microrank.evaluation.power import detectable_difference, users_needed
from microrank.report.blocks import Table
from microrank.report.study import Study

WANTED = 0.05  # a difference worth knowing of: five users of a hundred


def power_line(study: Study, method: str | None) -> str:
    """For the method that the answer speaks of: the smallest difference found four times out of five, by one test and after Holm's step."""
    tests = study.n_tests
    if method is None or not tests:
        return ""
    cutoff, n, differing = study.main_cutoffs[-1], study.n_users, _differing(study, method)
    single, first = (
        detectable_difference(n, differing, level) for level in (study.level, study.level / tests)
    )
    told = (
        f"What could have been found: {differing:.0%} of the {n:,} users are a hit at {cutoff} for only one of {study.lists_name} and "
        f"`{method}`. With as many, one test at p ≤ {study.level:g} finds a true difference of {_hits(single, n)} four times out of five. "
        f"The verdicts here are corrected for {tests} tests, and the first step of Holm's correction asks for "
        f"p ≤ {study.level / tests:.2g}: that takes {_hits(first, n)}. Smaller differences are mostly missed."
    )
    if differing > WANTED and not first <= WANTED:
        single_n, first_n = (
            users_needed(WANTED, differing, level) for level in (study.level, study.level / tests)
        )
        told += f" To find one of {WANTED:.0%} of users takes about {single_n:,} users with one test, and {first_n:,} with the correction."
    return told


def power_table(study: Study) -> Table:
    """The same numbers for every method."""
    cutoff, n, tests = study.main_cutoffs[-1], study.n_users, max(study.n_tests, 1)
    header = [
        "method",
        f"a hit at {cutoff} for one only",
        "one test finds",
        "after correction",
        f"users for {WANTED:.0%}",
        "after correction",
    ]
    rows = []
    for name in study.methods:
        differing = _differing(study, name)
        levels = study.level, study.level / tests
        found = [_hits(detectable_difference(n, differing, level), n) for level in levels]
        needed = [
            f"{users_needed(WANTED, differing, level):,}" if differing > WANTED else "–"
            for level in levels
        ]
        rows.append([study.label(name), f"{differing:.0%}", *found, *needed])
    caption = (
        f"Power of the exact McNemar test: the smallest true difference at {cutoff} that is found four times out of five, and how many "
        f"users would find one of {WANTED:.0%}, where as many differ as here. After correction: at the level of the first step of Holm's, "
        f"{study.level:g}/{tests}; later steps ask for less."
    )
    return Table(header, rows, caption)


def _differing(study: Study, method: str) -> float:
    row = study.row(method, "hr", study.main_cutoffs[-1])
    return float(row["wins"] + row["losses"]) / study.n_users


def _hits(difference: float, n: int) -> str:
    return "none" if np.isnan(difference) else f"{np.ceil(difference * n - 1e-6):,.0f} hits"
