"""The section `Beside the published figures`: what others claim, and ours."""

from collections.abc import Iterator

from microrank.report.blocks import Block, Paragraph, Table
from microrank.report.claims import Claim, Figure
from microrank.report.comparisons import (
    NOT_COMPARABLE,
    compare,
    methods_beside,
    other_protocol,
    runs_of,
)
from microrank.report.numbers import count, count_span, share_signed
from microrank.report.study import Study

HEADER = ["source", "method", "here", "figure", "theirs", "ours", "interval", "same?"]
NOT_RUN = f"{NOT_COMPARABLE}: not run here"


def published_figures(study: Study) -> list[Block]:
    """Show every published figure that may compare, and in one line what compares with nothing."""
    reasons = [other_protocol(study, claim) for claim in study.claims]
    pairs = list(zip(study.claims, reasons, strict=True))
    alike = [claim for claim, reason in pairs if not reason]
    blocks: list[Block] = [figures_table(study, alike)] if alike else []
    if others := [(claim, reason) for claim, reason in pairs if reason]:
        blocks.append(Paragraph(_nothing_compares(others, is_all=not alike)))
    return blocks or [Paragraph("No published figures: there is no file in resources/claims.")]


def _nothing_compares(others: list[tuple[Claim, str]], *, is_all: bool) -> str:
    """Say in a line which sources compare with nothing here, and why."""
    sources: dict[str, dict[str, None]] = {}
    for claim, reason in others:
        sources.setdefault(reason, {})[claim.source] = None
    text = "; ".join(f"{reason} ({', '.join(names)})" for reason, names in sources.items())
    number = sum(len(claim.figures) for claim, _ in others)
    which = f"any of the {number:,} published ones" if is_all else f"{number:,} more published ones"
    return f"No figure here compares with {which}: {text}."


def figures_table(study: Study, claims: list[Claim]) -> Table:
    """Show each published figure beside ours."""
    rows = [row for claim in claims for row in _rows(study, claim)]
    return Table(HEADER, rows, _caption(study, claims))


def _caption(study: Study, claims: list[Claim]) -> str:
    sources = {claim.source: claim.read for claim in claims}
    told = "; ".join(f"{name}, {address}" for name, address in sources.items())
    text = (
        "Samples of users: the interval of our rate less theirs, as of two samples, both of which "
        "vary (Newcombe 1998). All users, the whole catalogue: where one more run of ours would "
        "fall (mean ± t · sd · √(1 + 1/n) over seeds). The intervals of a row's figures hold "
        f"together at {study.confidence:.0%}: equal ones are said to differ anywhere for about "
        f"{study.level:.0%} of studies. "
    )
    if study.seeds is None:
        text += (
            "NFM was trained once here, so how far it strays from seed to seed is not known, and "
            "without that a figure over all users cannot be called the same or another: set "
            "`repeats`. "
        )
    return f"{text}Read at: {told}."


def _rows(study: Study, claim: Claim) -> Iterator[list[str]]:
    methods = methods_beside(study, claim)
    for figure in claim.figures:
        start = [claim.source, claim.method]
        theirs = _theirs(claim, figure)
        if not methods:
            yield [*start, "–", figure.name, theirs, "–", "–", NOT_RUN]
        for name in methods:
            comparison = compare(study, claim, figure, name)
            ours = _ours(study, claim, figure, name)
            interval = _interval(claim, comparison.interval)
            label = study.label(name)
            yield [*start, label, figure.name, theirs, ours, interval, str(comparison)]


def _theirs(claim: Claim, figure: Figure) -> str:
    if figure.metric != "hits":
        return f"{figure.value:.5f}".rstrip("0")
    return f"{count(figure.value)} of {'?' if claim.n is None else f'{claim.n:,}'}"


def _ours(study: Study, claim: Claim, figure: Figure, method: str) -> str:
    if claim.protocol.is_over_all_users:
        return _over_all_users(study, figure)
    metric = "hits" if figure.metric == "hr" else figure.metric
    row = study.find_row(method, metric, figure.cutoff)
    if row is None:
        return "–"
    if metric != "hits":
        return f"{row.value:.3f}"
    span = count_span(*map(round, row.interval))
    return f"{count(row.value)} ({span}) of {study.n_users:,}"


def _over_all_users(study: Study, figure: Figure) -> str:
    runs = runs_of(study, figure)
    if runs is not None:
        return f"{runs.mean:.5f} ± {runs.sd:.5f} ({runs.n_seeds} runs)"
    value = study.nfm.all_users.values.get(figure.name) if study.nfm else None
    return "–" if value is None else f"{value:.5f}"


def _interval(claim: Claim, interval: tuple[float, float] | None) -> str:
    if interval is None:
        return "–"
    low, high = interval
    if claim.protocol.is_over_all_users:
        return f"{max(low, 0):.5f}–{high:.5f}"
    return f"{share_signed(low)} to {share_signed(high)}"
