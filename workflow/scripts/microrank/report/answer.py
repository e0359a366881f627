"""The question, answered in plain words from the numbers, or the reason why they cannot tell."""

import numpy as np

from microrank.evaluation.power import detectable_difference, users_needed
from microrank.evaluation.score import RANDOM_EXPECTED
from microrank.report.numbers import count, p_text, signed
from microrank.report.study import Study

BETTER, WORSE, UNCLEAR = "better", "worse", "cannot tell"


def verdict(study: Study, method: str) -> str:
    """Better or worse than the recommender where any of the study's cutoffs differs after Holm's correction and none contradicts."""
    signs = set()
    for cutoff in study.main_cutoffs:
        row = study.row(method, "hr", cutoff)
        if row["p_holm"] is not None and row["p_holm"] <= 1 - study.confidence:
            signs.add(np.sign(row["delta"]))
    return {frozenset({1.0}): BETTER, frozenset({-1.0}): WORSE}.get(frozenset(signs), UNCLEAR)


def answer(study: Study) -> str:
    """The report's first paragraph."""
    models, simulated = study.of_kind("llm"), study.of_kind("simulated llm")
    others = models, study.of_kind("encoder"), study.of_kind("fusion"), simulated, study.of_kind("simulated fusion")
    return " ".join(filter(None, [_headline(study, models, simulated), _who(study), *(_best(study, of) for of in others)]))


def _headline(study: Study, models: list[str], simulated: list[str]) -> str:
    if not models:
        asked = "the answers come from a simulated server that counts shared words" if simulated else "`methods` names none"
        return f"**No language model was asked here** ({asked}), so these numbers cannot say whether one improves the list."
    found = {name: verdict(study, name) for name in models}
    if BETTER in found.values():
        names = ", ".join(f"`{name}`" for name in models if found[name] == BETTER)
        return f"**Yes: re-ranking by {names} puts more of the hidden items near the top than the recommender's own order.**"
    if set(found.values()) == {WORSE}:
        return "**No: every language model that was asked made the recommender's list worse.**"
    if WORSE in found.values():
        return "**No language model that was asked can be shown to improve the recommender's list, and some made it worse.**"
    return "**These numbers cannot tell: no language model differs from the recommender's own order by more than chance.**"


def _who(study: Study) -> str:
    cutoff, n = study.main_cutoffs[-1], study.n_users
    own, chance = study.row(study.recommender, "hits", cutoff), study.row(RANDOM_EXPECTED, "hits", cutoff)
    hits_only = study.settings["subset"]["population"] == "hits"
    whom = f"{n:,} users whose top {study.k} held the item that they really took next" if hits_only else f"{n:,} users drawn from all"
    return (
        f"Of {whom}, the recommender ({study.lists_name}) has that item among the first {cutoff} for {count(own['value'])}; a random "
        f"shuffle of the same lists expects {count(chance['value'])} and reaches {count(chance['ci_low'])} to {count(chance['ci_high'])}."
    )


def _best(study: Study, methods: list[str]) -> str:
    """One sentence on the best of these methods."""
    if not methods:
        return ""
    cutoff = study.main_cutoffs[-1]
    best = max(methods, key=lambda name: study.row(name, "hits", cutoff)["value"])
    row, difference = study.row(best, "hits", cutoff), study.row(best, "hr_difference", cutoff)
    kind = study.kinds[best].replace("llm", "language model")
    name = f"The {kind} `{best}`" if len(methods) == 1 else f"The best of {len(methods)} {kind} rows, `{best}`,"
    low, high = (signed(difference[end] * study.n_users) for end in ("ci_low", "ci_high"))
    text = (
        f"{name} has it there for {count(row['value'])} ({signed(row['delta'])}; {study.confidence:.0%} interval of the "
        f"difference {low} to {high}; p {p_text(row['p_holm'])} after Holm's correction): {_against_recommender(study, best)}"
    )
    chance = study.row(RANDOM_EXPECTED, "hits", cutoff)
    if chance["ci_low"] <= row["value"] <= chance["ci_high"]:
        text += ", and not told apart from a random shuffle"
    return text + "."


def _against_recommender(study: Study, method: str) -> str:
    found = verdict(study, method)
    return f"not told apart from {study.lists_name}" if found == UNCLEAR else f"{found} than {study.lists_name}"


def power_line(study: Study) -> str:
    """What difference so many users could have shown."""
    cutoff, n = study.main_cutoffs[-1], study.n_users
    rows = [study.row(name, "hr", cutoff) for name in study.methods]
    if not rows:
        return ""
    differing = float(np.median([(row["wins"] + row["losses"]) / n for row in rows]))
    smallest = detectable_difference(n, differing, study.confidence)
    told = (
        f"With {n:,} users, of whom about {differing:.0%} are a hit at {cutoff} for only one of {study.lists_name} and the typical method, "
    )
    if np.isnan(smallest):
        return told + "hardly any difference could be shown."
    told += f"a true difference of {smallest * n:.0f} hits ({smallest:.1%} of users) is found four times out of five; "
    told += "smaller ones are mostly missed."
    wanted = 0.05
    if smallest > wanted and differing > wanted:
        told += f" To find one of {wanted:.0%} takes about {users_needed(wanted, differing, study.confidence):,} users."
    return told
