"""The page settled.md: the verdict of planned looks, and the course that led to it."""

from collections.abc import Sequence

from microrank.report.numbers import MINUS, p_cell, signed
from microrank.settle.loop import Course, Step

HEADER = (
    "method",
    "users",
    "hits",
    "recommender",
    "difference",
    "interval",
    "p, difference",
    "p, equivalence",
    "verdict",
    "answers",
    "tokens",
    "US dollars",
)


def settled_page(
    course: Course,
    *,
    study: str,
    recommender: str,
    cutoff: int,
    margin: float,
    simulated: Sequence[str] = (),
) -> str:
    """Write settled.md.

    Args:
        course: How the looks went.
        study: Its name.
        recommender: What its lists are called.
        cutoff: Cutoff of the hits.
        margin: Difference of hit rates below which they are as good as equal.
        simulated: The methods whose answers no model gave.
    """
    looks = ", ".join(f"{n:,}" for n in course.looks)
    lines = [
        "# Does a language model help? Planned looks",
        "",
        f"{answer_line(course)}",
        "",
        *_simulated(simulated),
        f"Study `{study}`: language models against {recommender} at Hits@{cutoff}; the margin is "
        f"{margin:.0%} of users. Planned looks at {looks} users, always the first of one seeded "
        f"order. The looks ended because {course.reason}.",
        "",
        *_table(course.steps),
        "",
        "Each row counts all users so far. The interval of the difference of hit rates holds at "
        "all looks together (repeated interval, 90 %). Both p-values are over all looks so far and "
        "Holm-adjusted over the methods: of the exact McNemar test, and of two one-sided tests "
        "against the margin. All looks together share the error (Lan and DeMets 1983, in the form "
        "of O'Brien and Fleming). Where a study stops early, its difference tends to be too large. "
        "Answers, tokens and dollars are those of all users so far, kept answers included. See "
        "docs/statistics.md.",
    ]
    return "\n".join(lines) + "\n"


def _simulated(methods: Sequence[str]) -> list[str]:
    """Say which answers no model gave."""
    if not methods:
        return []
    names = ", ".join(f"`{name}`" for name in methods)
    are = "is" if len(methods) == 1 else "are"
    return [f"> **{names} {are} simulated.** No model was asked; nothing follows from this.", ""]


def answer_line(course: Course) -> str:
    """Say in a sentence what each method's verdict is."""
    if not course.steps:
        return f"**Nothing was looked at: {course.reason}.**"
    verdicts = [
        f"`{method}`: {step.judged.verdict} ({step.seen.n:,} users)"
        for method, step in course.last.items()
    ]
    return f"**{'; '.join(verdicts)}.**"


def _table(steps: Sequence[Step]) -> list[str]:
    rows = [HEADER, ["---", *["---:"] * (len(HEADER) - 1)], *map(_row, steps)]
    return [f"| {' | '.join(row)} |" for row in rows]


def _row(step: Step) -> list[str]:
    seen, judged = step.seen, step.judged
    return [
        f"`{step.method}`",
        f"{seen.n:,}",
        f"{seen.hits:,}",
        f"{seen.recommenders_hits:,}",
        signed(seen.hits - seen.recommenders_hits),
        f"{_share(judged.low)} to {_share(judged.high)}",
        p_cell(judged.p_difference),
        p_cell(judged.p_equivalence),
        judged.verdict,
        f"{seen.answers:,}",
        f"{seen.tokens:,}",
        "–" if seen.usd is None else f"{seen.usd:.4f}",
    ]


def _share(value: float) -> str:
    return f"{value:+.3f}".replace("-", MINUS)
