"""The section `Why`: what moved the held-out items."""

from microrank.evaluation.diagnostics import RECOMMENDER
from microrank.evaluation.metrics import RANDOM_EXPECTED
from microrank.report.blocks import Section, Table
from microrank.report.figures import picture
from microrank.report.study import Study


def reasons(study: Study) -> Section:
    """Show where items moved from and to, how popular they are, and which methods agree."""
    figures = ["positions", "flow", *(["fusion"] if study.fusions else [])]
    pictures = [picture(name, study) for name in figures]
    return Section("Why", [*pictures, _causes_table(study), _agreement_table(study)])


def _causes_table(study: Study) -> Table:
    header = [
        "method",
        f"τ to {study.lists_name}",
        "τ to order shown",
        "count of promoted",
        "count of demoted",
        "hits",
        "from fallback",
    ]
    rows = [_causes_row(study, name) for name in study.names]
    shuffle = study.diagnostics.shuffle
    moved = [_optional(value, "{:,.0f}") for value in (shuffle.promoted, shuffle.demoted)]
    rows.append([study.label(RANDOM_EXPECTED), "0.00", "–", *moved, "–", "–"])
    caption = (
        "τ: Kendall's rank correlation, 1 the same order, 0 none, −1 reversed; to the order shown "
        "it is that of single answers, each with the order that it was shown. Counts: the median "
        "number of training interactions of the items that a method moved up or down, and beside "
        "them those that shuffles move. From fallback: the share of hits at "
        f"{study.diagnostics.hit_cutoff} that a model did not name itself."
    )
    return Table(header, rows, caption)


def _causes_row(study: Study, name: str) -> list[str]:
    found = study.diagnostics.methods[name]
    fallback = "–"
    if found.hits and study.methods[name].asks_llm:
        fallback = f"{found.hits_from_fallback / found.hits:.0%}"
    return [
        study.label(name),
        _optional(found.kendall_to_recommender, "{:.2f}"),
        _optional(found.kendall_to_shown, "{:.2f}"),
        _optional(found.popularity.promoted, "{:,.0f}"),
        _optional(found.popularity.demoted, "{:,.0f}"),
        str(found.hits),
        fallback,
    ]


def _agreement_table(study: Study) -> Table:
    agreement = study.diagnostics.agreement
    order = [RECOMMENDER, *study.names]
    rows = []
    for number, name in enumerate(order, start=1):
        label = study.lists_name if name == RECOMMENDER else study.label(name)
        taus = [_optional(agreement[name][other], "{:.2f}") for other in order]
        rows.append([f"{number} {label}", *taus])
    header = ["τ", *(str(number) for number in range(1, len(order) + 1))]
    return Table(header, rows, "Agreement of the methods with each other.")


def _optional(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)
