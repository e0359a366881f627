"""What a verdict costs, in words: the forecast's first line, and its table."""

from collections.abc import Sequence

import numpy as np

from microrank.evaluation.intervals import wilson_interval
from microrank.evaluation.verdicts import EQUIVALENCE_LEVEL
from microrank.services.durations import duration
from microrank.services.verdict_costs import (
    FEWEST_USERS,
    WANTED,
    Asking,
    Design,
    Row,
    together,
)

HEADER = (
    "method",
    "users",
    "finds",
    "a planned look finds",
    "excludes",
    "tokens",
    "USD",
    "at batch price",
    "time",
)
NOTHING = "No row of the configuration rests on a language model: there is no verdict to pay for."


def first_line(rows: Sequence[Row], design: Design) -> str:
    """Say what it takes to find five hits of a hundred: users, tokens, dollars, time."""
    if not rows:
        return NOTHING
    wanted = f"{WANTED * 100:.0f} hits of 100"
    needed = [(row, n) for row in rows if (n := row.users_needed(design)) is not None]
    if not needed:
        most = max(row.differing.share for row in rows)
        return f"**No number of users finds {wanted}: at most {most:.1%} of them differ at all.**"
    n = max(n for _, n in needed)
    text = f"To find {wanted} takes about {n:,} users{_of_rows(len(needed), len(rows))}"
    if n > design.everybody:
        text += f", and only {design.everybody:,} can be drawn"
    return f"**{text}: {_asking(together([row.asking_besides(n) for row, _ in needed]))}.**"


def _of_rows(n_found: int, n_rows: int) -> str:
    if n_found < n_rows:
        return f" for {n_found} of {n_rows} rows (of the others too few users differ)"
    return f" for all {n_rows} language-model rows together" if n_rows > 1 else ""


def _asking(asking: Asking) -> str:
    usd = "dollars unknown without a price" if asking.usd is None else _dollars(asking.usd)
    time = "time unknown" if asking.time_s is None else duration(asking.time_s)
    text = f"{asking.tokens:,.0f} tokens, {usd}, {time}"
    if asking.batch_usd is not None:
        text += f"; at batch price {_dollars(asking.batch_usd)}"
    return text


def _dollars(usd: float) -> str:
    return f"{usd:,.2f} dollars" if usd else "no dollars"


def verdict_section(rows: Sequence[Row], design: Design) -> list[str]:
    """Show for each row and number of users what they show, and what asking takes."""
    if not rows:
        return []
    columns = [HEADER, ["---", *["---:"] * (len(HEADER) - 1)]]
    cells = [_cells(row, n, design) for row in rows for n in design.sizes]
    return [
        "## What a verdict costs",
        "",
        *(f"| {' | '.join(line)} |" for line in (*columns, *cells)),
        "",
        _explained(rows, design),
        "",
        *(f"- {line}" for line in _notes(rows, design)),
        "",
    ]


def _cells(row: Row, n: int, design: Design) -> list[str]:
    asking = row.asking(n)
    users = f"all {n:,}" if n == design.everybody else f"{n:,}"
    at_look = _share(row.finds_at_look(n, design)) if n in design.looks else "–"
    return [
        f"`{row.method}`",
        users,
        _share(row.finds(n, design)),
        at_look,
        f"± {_share(row.excludes(n, design))}",
        f"{asking.tokens:,.0f}",
        "no price" if asking.usd is None else f"{asking.usd:,.2f}",
        "–" if asking.batch_usd is None else f"{asking.batch_usd:,.2f}",
        "unknown" if asking.time_s is None else duration(asking.time_s),
    ]


def _share(value: float) -> str:
    """Return a difference of hit rates in hits of a hundred users."""
    return "nothing" if np.isnan(value) else f"{100 * value:.1f}"


def _explained(rows: Sequence[Row], design: Design) -> str:
    return (
        f"Finds: the smallest true difference of hit rates (Hits@{design.cutoff}) that a report of "
        "so many users finds four times out of five, in hits of 100 users. Excludes: the smallest "
        "margin that is shown not to be reached four times out of five, where there is no "
        "difference. Tokens, dollars and time are those of the whole study, as if no answer were "
        "kept. Formulas: docs/statistics.md."
    )


def _notes(rows: Sequence[Row], design: Design) -> list[str]:
    levels = ", ".join(f"{n:,}: {p:.2g}" for n, p in design.levels_of_looks.items())
    tests = "1 test" if design.tests == 1 else f"{design.tests} tests"
    return [
        *(_note_on_discordance(row) for row in rows),
        f"Level {design.level:g}, and {EQUIVALENCE_LEVEL:g} of each one-sided test against a "
        f"margin. The primary comparison has {tests}; all numbers are at the first step of Holm's "
        f"correction, p ≤ {design.first_level:.2g}. Later steps ask for less.",
        f"Planned looks (`results/settled.md`) share that error. Users and the p that counts: "
        f"{levels}. A look finds by itself what its column says; looks before it may find more.",
    ]


def _note_on_discordance(row: Row) -> str:
    differing = row.differing
    if differing.n_users:
        n = differing.n_users
        low, high = wilson_interval(round(differing.share * n), n)
        return (
            f"`{row.method}`: {differing.share:.0%} of the {n:,} users with kept answers are a hit "
            "for only one of it and the recommender (95 % interval, Wilson: "
            f"{low:.0%} to {high:.0%})."
        )
    return (
        f"`{row.method}`: a guess, that {differing.share:.0%} of users are a hit for only one of "
        "it and the recommender, as if its order had nothing to do with the lists. It gives way "
        f"to kept answers once they are of {FEWEST_USERS} users and can be read."
    )
