"""The first paragraph: does the answer depend on the recommender?"""

from collections.abc import Sequence

from microrank.evaluation.comparison import Difference
from microrank.evaluation.verdicts import EQUIVALENCE_LEVEL
from microrank.report.numbers import p_text, percent_signed
from microrank.report.recommenders.compared import Compared

MOST_NAMED = 3


def answer(compared: Compared) -> str:
    """Answer in one sentence, then name what is weak, and trainings that ended too early."""
    texts = [
        _models_asked(compared),
        _answer(compared),
        *_weak(compared),
        *compared.at_limit,
        _who(compared),
    ]
    return " ".join(filter(None, texts))


def _models_asked(compared: Compared) -> str:
    return "" if compared.asks_models else "No language model was asked; of the other methods:"


def _answer(compared: Compared) -> str:
    rows = compared.in_question
    if len(compared.names) == 1:
        return (
            "**There is one recommender only, so nothing is compared.** Add one to `recommenders`."
        )
    if not rows:
        return "**These numbers cannot tell:** no method has a readable row on every list."
    differing = sorted(
        (row for row in rows if row.p_holm <= compared.level), key=lambda row: -abs(row.delta)
    )
    if differing:
        return _depends(compared, differing)
    if all(row.p_within_holm <= EQUIVALENCE_LEVEL for row in rows):
        return (
            "**No, the answer does not depend on the recommender:** what each method gains on one "
            f"recommender's lists and on another's differs by less than {compared.margin:.0%} of "
            "users."
        )
    return (
        "**These numbers cannot tell whether the answer depends on the recommender:** no method is "
        "shown to gain more on one's lists than on another's, and not every method is shown to "
        f"gain the same to within {compared.margin:.0%} of users. Verdicts that differ below are "
        "no proof that it does."
    )


def _depends(compared: Compared, differing: Sequence[Difference]) -> str:
    is_small = all(row.p_within_holm <= EQUIVALENCE_LEVEL for row in differing)
    start = "Yes, the answer depends on the recommender"
    if is_small:
        start += f", but by less than {compared.margin:.0%} of users"
    named = "; ".join(_in_words(compared, row) for row in differing[:MOST_NAMED])
    more = len(differing) - MOST_NAMED
    return f"**{start}:** {named}{f'; and {more} more' if more > 0 else ''}."


def _in_words(compared: Compared, row: Difference) -> str:
    one, other = compared.label(row.first), compared.label(row.second)
    gains = " and ".join(map(percent_signed, row.gains))
    return (
        f"`{row.method}` gains {gains} of users on the lists of {one} and {other} (difference "
        f"{percent_signed(row.delta)}, {percent_signed(row.low)} to {percent_signed(row.high)}, "
        f"p {p_text(row.p_holm)} after correction)"
    )


def _weak(compared: Compared) -> list[str]:
    """Name recommenders that are not told apart from popularity, or from a shuffle."""
    texts = []
    if weak := compared.not_over_popularity:
        names = _named(compared, weak)
        texts.append(
            "**Not shown to hit more often than the most popular items, after correction for "
            f"several recommenders: {names}.**"
        )
    if weak := compared.not_over_shuffle:
        texts.append(
            f"**The order is not shown to be better than a shuffle of the same lists: "
            f"{_named(compared, weak)}.**"
        )
    return texts


def _named(compared: Compared, names: Sequence[str]) -> str:
    return ", ".join(map(compared.label, names))


def _who(compared: Compared) -> str:
    comparison = compared.comparison
    n_users, n_whole = comparison.n_users, comparison.n_all
    served = ""
    if compared.hits_only:
        n_whole = comparison.n_any
        served = " for whom at least one list holds the item that they really took next"
    drawn = f"all {n_whole:,} users" if n_users == n_whole else f"{n_users:,} of {n_whole:,} users"
    return (
        f"All rows are of the same users, {drawn}{served}; where a list lacks that item, every "
        f"order of it is a miss. A hit: the item is among the first {comparison.cutoff} of "
        f"{comparison.k}."
    )
