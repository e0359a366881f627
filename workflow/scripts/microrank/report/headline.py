"""The question, answered in plain words from the numbers, or the reason why they cannot tell."""

import numpy as np

from microrank.evaluation.score import RANDOM_EXPECTED
from microrank.report.numbers import count, p_text, signed
from microrank.report.study import Study

BETTER, WORSE, UNCLEAR = "better", "worse", "cannot tell"


def verdict(study: Study, method: str, metric: str = "hr") -> str:
    """Better or worse where any of the study's cutoffs differs after Holm's correction and none contradicts.

    Args:
        metric: `hr` for a comparison with the recommender, `hr_over_random` for one with a random shuffle.
    """
    signs = frozenset(
        float(np.sign(row["delta"]))
        for row in study.tests(method, metric)
        if row["p_holm"] <= study.level
    )
    return {frozenset({1.0}): BETTER, frozenset({-1.0}): WORSE}.get(signs, UNCLEAR)


def answer(study: Study) -> str:
    """The report's first paragraph."""
    return " ".join(
        filter(
            None,
            [
                _headline(study),
                _who(study),
                *(_best(study, group) for group in _groups(study)),
                _seeds(study),
            ],
        )
    )


def in_question(study: Study) -> str | None:
    """The method that the answer is about: the best language model, else the best of what comes next to one; None with references alone."""
    return next((_first(study, group) for group in _groups(study) if group), None)


def _groups(study: Study) -> list[list[str]]:
    """The methods by kind, the nearest to the question first."""
    fusions = study.of_kind("fusion")
    with_model = [name for name in fusions if study.has_language_model(name)]
    without = [name for name in fusions if name not in with_model]
    simulated = study.of_kind("simulated llm"), study.of_kind("simulated fusion")
    return [study.of_kind("llm"), with_model, study.of_kind("encoder"), without, *simulated]


def _first(study: Study, methods: list[str]) -> str:
    return max(methods, key=lambda name: study.row(name, "hits", study.main_cutoffs[-1])["value"])


def _headline(study: Study) -> str:
    models, fused, *_, simulated, simulated_fusions = _groups(study)
    if not models and not fused:
        asked = (
            "the answers come from a simulated server that counts shared words"
            if simulated + simulated_fusions
            else "`methods` names none"
        )
        return f"**No language model was asked here** ({asked}), so these numbers cannot say whether one improves the list."
    return " ".join(
        filter(None, [_of_models(study, models), _of_fusions(study, fused, alone=not models)])
    )


def _of_models(study: Study, models: list[str]) -> str:
    """What language models did whose answer is the list."""
    if not models:
        return ""
    found = {name: verdict(study, name) for name in models}
    if BETTER in found.values():
        return f"**Yes: re-ranking by {_named(found)} puts more of the held-out items near the top than the recommender's own order.**"
    if set(found.values()) == {WORSE}:
        return "**No: every language model that was asked made the recommender's list worse.**"
    if WORSE in found.values():
        return "**No language model that was asked can be shown to improve the recommender's list, and some made it worse.**"
    return "**These numbers cannot tell: no language model differs from the recommender's own order by more than chance.**"


def _of_fusions(study: Study, fused: list[str], *, alone: bool) -> str:
    """What language models did whose answer is one of several orders."""
    if not fused:
        return ""
    found = {name: verdict(study, name) for name in fused}
    lead = "A language model was asked only as a part of fusions. " if alone else ""
    if BETTER in found.values():
        others = any(study.has_other_parts(name) for name, one in found.items() if one == BETTER)
        doubt = (
            " That other parts did it is possible: compare the fusion without the model."
            if others
            else ""
        )
        start = "Yes, as a part of a fusion" if alone else "As a part of a fusion, one does"
        return f"{lead}**{start}: {_named(found)} puts more of the held-out items near the top than the recommender's own order.**{doubt}"
    if set(found.values()) == {WORSE}:
        return f"{lead}**Every fusion with a language model made the list worse.**"
    return f"{lead}**No fusion with a language model can be shown to improve the list.**"


def _named(found: dict[str, str]) -> str:
    return ", ".join(f"`{name}`" for name, one in found.items() if one == BETTER)


def _who(study: Study) -> str:
    cutoff, n = study.main_cutoffs[-1], study.n_users
    own, chance = (
        study.row(study.recommender, "hits", cutoff),
        study.row(RANDOM_EXPECTED, "hits", cutoff),
    )
    whom = (
        f"{n:,} users whose top {study.k} held the item that they really took next"
        if study.hits_only
        else f"{n:,} users drawn from all"
    )
    return (
        f"Of {whom}, the recommender ({study.lists_name}) has that item among the first {cutoff} for {count(own['value'])}; a random "
        f"shuffle of the same lists expects {count(chance['value'])} and reaches {count(chance['ci_low'])} to {count(chance['ci_high'])}."
    )


def _best(study: Study, methods: list[str]) -> str:
    """One sentence on the best of these methods."""
    if not methods:
        return ""
    cutoff, best = study.main_cutoffs[-1], _first(study, methods)
    row, difference = study.row(best, "hits", cutoff), study.row(best, "hr_difference", cutoff)
    kind = study.kinds[best].replace("llm", "language model")
    if kind == "fusion" and study.has_language_model(best):
        kind = "fusion with a language model"
    name = (
        f"The {kind} `{best}`"
        if len(methods) == 1
        else f"The best of {len(methods)} {kind} rows, `{best}`,"
    )
    low, high = (signed(round(difference[end] * study.n_users)) for end in ("ci_low", "ci_high"))
    text = (
        f"{name} has it there for {count(row['value'])} ({signed(row['delta'])}; {study.confidence:.0%} interval of the "
        f"difference {low} to {high}; p {p_text(row['p_holm'])} after Holm's correction): {_against(study, best, 'hr', study.lists_name)}"
    )
    if verdict(study, best, "hr_over_random") != BETTER:
        text += f", and {_against(study, best, 'hr_over_random', 'a random shuffle')}"
    return text + "."


def _against(study: Study, method: str, metric: str, whom: str) -> str:
    found = verdict(study, method, metric)
    return f"not told apart from {whom}" if found == UNCLEAR else f"{found} than {whom}"


def _seeds(study: Study) -> str:
    """Whose figures these are, where the study was repeated."""
    if study.seeds is None:
        return ""
    return f"All this is of the first of {study.seeds['n_seeds'][0]} seeds; their spread stands under *Over seeds*."
