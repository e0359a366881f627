"""The question, answered in plain words from the numbers, or the reason why they cannot tell."""

from microrank.evaluation.metrics import RANDOM_EXPECTED
from microrank.evaluation.verdicts import (
    BETTER,
    NO_DIFFERENCE,
    SLIGHTLY_BETTER,
    SLIGHTLY_WORSE,
    UNREADABLE,
    WORSE,
)
from microrank.report.memory import memory_line
from microrank.report.numbers import count
from microrank.report.sealed import seal_line
from microrank.report.study import Study
from microrank.report.summary import best_of
from microrank.report.verdicts import (
    asked_by,
    problem_of_answers,
    reading_problem,
    verdict,
)


def answer(study: Study) -> str:
    """Say in a few sentences what was found, and of whom."""
    return f"{headline(study)} {caveats(study)}"


def headline(study: Study) -> str:
    """Answer the question, after what could not be read and before what is weak."""
    return " ".join(
        [
            *_small_subset(study),
            *unread_warnings(study),
            _headline(study),
            *_weak_lists(study),
            *study.at_limit,
        ]
    )


def caveats(study: Study) -> str:
    """Say whose numbers these are, and what they rest on."""
    texts = [_who(study), _seeds(study), memory_line(study), seal_line(study)]
    return " ".join(filter(None, texts))


def _small_subset(study: Study) -> list[str]:
    """Say where there are fewer users than were asked for."""
    size = study.settings["subset"]["sample_size"]
    if isinstance(size, str) or study.n_users >= size:
        return []
    return [
        f"**There are only {study.n_users:,} users of the {size:,} that `subset.sample_size` asks "
        "for: all of them were taken.**"
    ]


def unread_warnings(study: Study) -> list[str]:
    """Say of each language model whose answers say nothing of it why that is so.

    It comes first: the row of such a model is the order shown, or the recommender's own.
    """
    asked = [name for method in study.methods.shown for name in asked_by(study, method.name)]
    return [
        _warning(study, name, problem)
        for name in dict.fromkeys(asked)
        if (problem := problem_of_answers(study, name))
    ]


def _warning(study: Study, name: str, problem: str) -> str:
    counts = study.diagnostics.asked[name].counts
    if problem == UNREADABLE:
        text = (
            f"**{counts.unread:,} of {counts.answers:,} answers of `{name}` named no candidate: "
            "its row is there the recommender's own order and says nothing of the model.**"
        )
    else:
        text = (
            f"**{counts.order_shown:,} of {counts.answers:,} answers of `{name}` repeat the order "
            "in which the candidates were shown: its row is an echo and says nothing of the "
            "model.**"
        )
    fusions = [
        f"`{fusion.name}`"
        for fusion in study.methods.fusions
        if name in asked_by(study, fusion.name)
    ]
    if fusions:
        text += f" The same holds of the fusions with it: {', '.join(fusions)}."
    return text


def in_question(study: Study) -> str | None:
    """Return the method that the answer is about.

    It is the best language model, else the best of what comes next to one; None with references
    alone.
    """
    readable = (_readable(study, group) for group in _groups(study))
    return next((best_of(study, group) for group in readable if group), None)


def _groups(study: Study) -> list[list[str]]:
    """Return the methods by kind, the nearest to the question first."""
    fusions = study.of_kind("fusion")
    with_model = [name for name in fusions if study.methods[name].rests_on_llm]
    without = [name for name in fusions if name not in with_model]
    simulated = study.of_kind("simulated llm"), study.of_kind("simulated fusion")
    encoders = study.of_kind("cross-encoder"), study.of_kind("encoder")
    return [study.of_kind("llm"), with_model, *encoders, without, *simulated]


def _headline(study: Study) -> str:
    models, fusions, *_, simulated, simulated_fusions = _groups(study)
    if models or fusions:
        clauses = [
            _of_models(study, _readable(study, models)),
            _of_fusions(study, _readable(study, fusions), alone=not models),
        ]
        text = " ".join(filter(None, clauses)) or (
            "So these numbers do not say whether a language model improves the list."
        )
        return f"{text} {_models_asked(study, [*models, *fusions])}"
    asked = (
        "the answers come from a simulated server that counts shared words"
        if simulated + simulated_fusions
        else "`methods` names none"
    )
    return (
        f"**No language model was asked here** ({asked}), so these numbers cannot say whether one "
        "improves the list."
    )


def _models_asked(study: Study, methods: list[str]) -> str:
    """Name the language models behind these rows, as `llms` does."""
    rows = [study.methods[name] for row in methods for name in asked_by(study, row)]
    models = sorted({row.settings["llm"] for row in rows if row.rests_on_llm})
    names = ", ".join(f"`{model}`" for model in models)
    return f"The language model asked is {names}." if len(models) == 1 else f"Asked: {names}."


def _readable(study: Study, methods: list[str]) -> list[str]:
    return [name for name in methods if not reading_problem(study, name)]


def _of_models(study: Study, models: list[str]) -> str:
    """Say what language models did whose answer is the list."""
    if not models:
        return ""
    verdicts = {name: verdict(study, name) for name in models}
    found = set(verdicts.values())
    if BETTER in found:
        text = (
            f"Yes: re-ranking by {_named(verdicts, BETTER)} puts more of the held-out items near "
            "the top than the recommender's own order."
        )
    elif SLIGHTLY_BETTER in found:
        text = (
            f"Yes, but by less than {study.margin:.0%} of users: re-ranking by "
            f"{_named(verdicts, SLIGHTLY_BETTER)}."
        )
    elif found == {WORSE}:
        text = "No: every language model that was asked made the recommender's list worse."
    elif found <= {NO_DIFFERENCE, SLIGHTLY_WORSE}:
        text = (
            f"No: no language model makes a difference of {study.margin:.0%} of users to the "
            "recommender's list."
        )
    elif found <= {WORSE, SLIGHTLY_WORSE}:
        text = (
            "No: every language model that was asked made the recommender's list worse, "
            f"{_named(verdicts, SLIGHTLY_WORSE)} by less than {study.margin:.0%} of users."
        )
    elif found & {WORSE, SLIGHTLY_WORSE}:
        text = (
            "No language model that was asked can be shown to improve the recommender's list, and "
            "some made it worse."
        )
    else:
        text = (
            "These numbers cannot tell: no language model differs from the recommender's own order "
            "by more than chance."
        )
    return f"**{text}**"


def _of_fusions(study: Study, fusions: list[str], *, alone: bool) -> str:
    """Say what language models did whose answer is one of several orders."""
    if not fusions:
        return ""
    verdicts = {name: verdict(study, name) for name in fusions}
    found, doubt = set(verdicts.values()), ""
    if BETTER in found:
        start = "Yes, as a part of a fusion" if alone else "As a part of a fusion, one does"
        text = (
            f"{start}: {_named(verdicts, BETTER)} puts more of the held-out items near the top "
            "than the recommender's own order."
        )
        better = [name for name, of_fusion in verdicts.items() if of_fusion == BETTER]
        if any(map(study.has_other_parts, better)):
            doubt = " That other parts did it is possible: compare the fusion without the model."
    elif SLIGHTLY_BETTER in found:
        start = "Yes, as a part of a fusion" if alone else "As a part of a fusion, one does"
        text = (
            f"{start}, but by less than {study.margin:.0%} of users: "
            f"{_named(verdicts, SLIGHTLY_BETTER)}."
        )
    elif found == {WORSE}:
        text = "Every fusion with a language model made the list worse."
    elif found <= {NO_DIFFERENCE, SLIGHTLY_WORSE}:
        text = f"No fusion with a language model makes a difference of {study.margin:.0%} of users."
    else:
        text = "No fusion with a language model can be shown to improve the list."
    lead = "A language model was asked only as a part of fusions. " if alone else ""
    return f"{lead}**{text}**{doubt}"


def _named(verdicts: dict[str, str], wanted: str) -> str:
    return ", ".join(f"`{name}`" for name, verdict_ in verdicts.items() if verdict_ == wanted)


def _who(study: Study) -> str:
    cutoff, n = study.last_cutoff, study.n_users
    own_hits, shuffle = study.hits(study.recommender), study.hits(RANDOM_EXPECTED)
    low, high = shuffle.interval
    whom = f"{n:,} users drawn from all"
    if study.hits_of_any_list:
        whom = (
            f"{n:,} users for whom the top {study.k} of at least one of "
            f"{len(study.settings['recommenders'])} recommenders held the item that they really "
            "took next"
        )
    elif study.hits_only:
        whom = f"{n:,} users whose top {study.k} held the item that they really took next"
    return (
        f"Of {whom}, the recommender ({study.lists_name}) has that item among the first {cutoff} "
        f"for {count(own_hits.value)}; a random shuffle of the same lists expects "
        f"{count(shuffle.value)} and reaches {count(low)} to {count(high)}."
    )


def _weak_lists(study: Study) -> list[str]:
    """Say where the lists are no better than popularity, or their order than a shuffle."""
    texts = []
    if study.nfm and not study.nfm.popularity.is_beaten and not study.is_popularity:
        texts.append(
            f"**The lists of {study.lists_name} are not shown to hit more often than the most "
            "popular items, the same for everybody.**"
        )
    if verdict(study, study.recommender, "hr_over_random") != BETTER:
        texts.append(
            f"The order of {study.lists_name} itself is not shown to be better than a random "
            "shuffle, so whatever improves it may still be weak."
        )
    return texts


def _seeds(study: Study) -> str:
    """Say whose figures these are, where the study was repeated."""
    if study.seeds is None:
        return ""
    return (
        f"All this is of the first of {study.n_seeds} seeds; their spread stands under *Over "
        "seeds*."
    )
