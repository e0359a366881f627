"""The question, answered in plain words from the numbers, or the reason why they cannot tell."""

import numpy as np

from microrank.evaluation.metrics import RANDOM_EXPECTED
from microrank.report.numbers import count, p_text, signed
from microrank.report.study import Study

BETTER, WORSE, UNCLEAR = "better", "worse", "cannot tell"


def verdict(study: Study, method: str, metric: str = "hr") -> str:
    """Say better or worse where a main cutoff differs after Holm's correction and none contradicts.

    Args:
        study: The study.
        method: The method.
        metric: `hr` for a comparison with the recommender, `hr_over_random` for one with a shuffle.
    """
    signs = {
        float(np.sign(row.delta or 0))
        for row in study.tests(method, metric)
        if row.p_holm is not None and row.p_holm <= study.level
    }
    if signs == {1.0}:
        return BETTER
    return WORSE if signs == {-1.0} else UNCLEAR


def answer(study: Study) -> str:
    """Write the report's first paragraph."""
    sentences = [
        _headline(study),
        _who(study),
        *(_best(study, group) for group in _groups(study)),
        _seeds(study),
    ]
    return " ".join(filter(None, sentences))


def in_question(study: Study) -> str | None:
    """Return the method that the answer is about.

    It is the best language model, else the best of what comes next to one; None with references
    alone.
    """
    return next((_first(study, group) for group in _groups(study) if group), None)


def _groups(study: Study) -> list[list[str]]:
    """Return the methods by kind, the nearest to the question first."""
    fusions = study.of_kind("fusion")
    with_model = [name for name in fusions if study.methods[name].rests_on_llm]
    without = [name for name in fusions if name not in with_model]
    simulated = study.of_kind("simulated llm"), study.of_kind("simulated fusion")
    return [study.of_kind("llm"), with_model, study.of_kind("encoder"), without, *simulated]


def _first(study: Study, methods: list[str]) -> str:
    return max(methods, key=lambda name: study.hits(name).value)


def _headline(study: Study) -> str:
    models, fusions, *_, simulated, simulated_fusions = _groups(study)
    if models or fusions:
        clauses = [_of_models(study, models), _of_fusions(study, fusions, alone=not models)]
        return " ".join(filter(None, clauses))
    asked = (
        "the answers come from a simulated server that counts shared words"
        if simulated + simulated_fusions
        else "`methods` names none"
    )
    return (
        f"**No language model was asked here** ({asked}), so these numbers cannot say whether one "
        "improves the list."
    )


def _of_models(study: Study, models: list[str]) -> str:
    """Say what language models did whose answer is the list."""
    if not models:
        return ""
    verdicts = {name: verdict(study, name) for name in models}
    if BETTER in verdicts.values():
        return (
            f"**Yes: re-ranking by {_better(verdicts)} puts more of the held-out items near the "
            "top than the recommender's own order.**"
        )
    if set(verdicts.values()) == {WORSE}:
        return "**No: every language model that was asked made the recommender's list worse.**"
    if WORSE in verdicts.values():
        return (
            "**No language model that was asked can be shown to improve the recommender's list, "
            "and some made it worse.**"
        )
    return (
        "**These numbers cannot tell: no language model differs from the recommender's own order "
        "by more than chance.**"
    )


def _of_fusions(study: Study, fusions: list[str], *, alone: bool) -> str:
    """Say what language models did whose answer is one of several orders."""
    if not fusions:
        return ""
    verdicts = {name: verdict(study, name) for name in fusions}
    lead = "A language model was asked only as a part of fusions. " if alone else ""
    if set(verdicts.values()) == {WORSE}:
        return f"{lead}**Every fusion with a language model made the list worse.**"
    if BETTER not in verdicts.values():
        return f"{lead}**No fusion with a language model can be shown to improve the list.**"
    start = "Yes, as a part of a fusion" if alone else "As a part of a fusion, one does"
    better = [name for name, verdict_ in verdicts.items() if verdict_ == BETTER]
    doubt = (
        " That other parts did it is possible: compare the fusion without the model."
        if any(map(study.has_other_parts, better))
        else ""
    )
    return (
        f"{lead}**{start}: {_better(verdicts)} puts more of the held-out items near the top than "
        f"the recommender's own order.**{doubt}"
    )


def _better(verdicts: dict[str, str]) -> str:
    return ", ".join(f"`{name}`" for name, verdict_ in verdicts.items() if verdict_ == BETTER)


def _who(study: Study) -> str:
    cutoff, n = study.last_cutoff, study.n_users
    own_hits, shuffle = study.hits(study.recommender), study.hits(RANDOM_EXPECTED)
    low, high = shuffle.interval
    whom = (
        f"{n:,} users whose top {study.k} held the item that they really took next"
        if study.hits_only
        else f"{n:,} users drawn from all"
    )
    return (
        f"Of {whom}, the recommender ({study.lists_name}) has that item among the first {cutoff} "
        f"for {count(own_hits.value)}; a random shuffle of the same lists expects "
        f"{count(shuffle.value)} and reaches {count(low)} to {count(high)}."
    )


def _best(study: Study, methods: list[str]) -> str:
    """Write one sentence on the best of these methods."""
    if not methods:
        return ""
    best = _first(study, methods)
    row, difference = study.hits(best), study.row(best, "hr_difference", study.last_cutoff)
    kind = study.methods[best].kind.replace("llm", "language model")
    if kind == "fusion" and study.methods[best].rests_on_llm:
        kind = "fusion with a language model"
    name = (
        f"The {kind} `{best}`"
        if len(methods) == 1
        else f"The best of {len(methods)} {kind} rows, `{best}`,"
    )
    low, high = (signed(round(end * study.n_users)) for end in difference.interval)
    text = (
        f"{name} has it there for {count(row.value)} ({signed(row.delta or 0)}; "
        f"{study.confidence:.0%} interval of the difference {low} to {high}; p "
        f"{p_text(row.p_holm)} after Holm's correction): "
        f"{_against(study, best, 'hr', study.lists_name)}"
    )
    if verdict(study, best, "hr_over_random") != BETTER:
        text += f", and {_against(study, best, 'hr_over_random', 'a random shuffle')}"
    return text + "."


def _against(study: Study, method: str, metric: str, whom: str) -> str:
    result = verdict(study, method, metric)
    return f"not told apart from {whom}" if result == UNCLEAR else f"{result} than {whom}"


def _seeds(study: Study) -> str:
    """Say whose figures these are, where the study was repeated."""
    if study.seeds is None:
        return ""
    return f"All this is of the first of {study.n_seeds} seeds; their spread stands under *Over "
    "seeds*."
