"""The figures of the study that this workflow replicates (MicroLens-100k), and ours beside them."""

from dataclasses import dataclass

from microrank.evaluation.intervals import newcombe_interval, prediction_interval
from microrank.evaluation.metrics import RANDOM_DRAW, RANDOM_EXPECTED
from microrank.evaluation.seeds import SeedRow
from microrank.methods import NFM
from microrank.report.blocks import Block, Paragraph, Table
from microrank.report.numbers import count, count_span, share_signed
from microrank.report.study import Study

DATASET, K, N_USERS = "microlens-100k", 20, 100
RECIPE = {
    "dimension": 1024,
    "relu_on_score": True,
    "batch_size": 64,
    "batch_candidates": "chunk_items",
    "learning_rate": 1e-4,
    "refit": False,
    "recency_decay": 0,  # a recipe that lacks these three is one without them
    "past_only": False,
    "field_matrix": False,
}
CUTOFFS = (5, 10)
NFM_ROW, ENCODER_ROW, LLM_ROW = "NFM", "e5-small-v2", "Meta-Llama-3-8B-Instruct"
HITS = {NFM_ROW: (38, 64), ENCODER_ROW: (32, 56), LLM_ROW: (29, 49)}  # at CUTOFFS
COMPATIBLE, DIFFERS, NOT_COMPARABLE = "compatible", "differs", "not comparable"
QUOTED = (
    "Quoted for context: on a DSSM's lists, all-MiniLM's order is said to have 61 hits of 100 at "
    "5, against 40 of the DSSM's own. Those lists are not at hand; `recommendations` of a dataset "
    "takes such lists, to ask the question of them."
)


@dataclass(frozen=True)
class PublishedRate:
    """A figure over all users; None where a source does not tell it.

    Attributes:
        metric: `hr` or `ndcg`.
        cutoff: N.
        study: The study's figures.
        paper: Figures of the MicroLens paper (Ni et al. 2023).
    """

    metric: str
    cutoff: int
    study: float | None
    paper: float | None

    @property
    def name(self) -> str:
        """Return HR@10 or the like."""
        return f"{self.metric.upper()}@{self.cutoff}"


OVER_ALL_USERS = (
    PublishedRate("hr", 5, 0.01747, None),
    PublishedRate("hr", 10, 0.02939, 0.0313),
    PublishedRate("hr", 20, 0.04618, 0.0480),
    PublishedRate("ndcg", 10, None, 0.0159),
    PublishedRate("ndcg", 20, None, 0.0201),
)


def published_figures(study: Study) -> list[Block]:
    """Show ours beside the published figures, or say in one line that nothing compares."""
    if reason := _other_study(study):
        text = f"No figure here compares with the published ones of {DATASET}: {reason}."
        return [Paragraph(text)]
    return [hits_table(study), hit_rates_table(study), Paragraph(QUOTED)]


def hits_table(study: Study) -> Table:
    """Show Hits@5 and Hits@10 of 100 hit users: the study's three rows, and ours beside each.

    The random rows, which the study lacked, follow.
    """
    encoders = [
        name
        for name in study.of_kind("encoder")
        if study.methods[name].settings.get("history") == "text"
    ]
    models = [
        name
        for name in study.of_kind("llm", "simulated llm")
        if study.methods[name].settings.get("prompt") == "study"
    ]
    rows = [
        *_rows_beside(NFM_ROW, [study.recommender], study),
        *_rows_beside(ENCODER_ROW, encoders, study),
        *_rows_beside(LLM_ROW, models, study),
        *(_random_row(study, name) for name in (RANDOM_EXPECTED, RANDOM_DRAW)),
    ]
    caption = (
        f"Published: {N_USERS} users. Here: {study.n_users:,} users, intervals or, for the random "
        "row, the range of single shuffles. Difference: the interval of our rate less theirs, as "
        f"of two samples, both of which vary (Newcombe 1998); each at {100 * _each(study):g}%, so "
        f"that equal rates are said to differ at either cutoff for about {study.level:.0%} of "
        "studies."
    )
    header = ["the study", "here", "same?"]
    for cutoff in CUTOFFS:
        header += [f"Hits@{cutoff}: the study", "here", "difference"]
    return Table(header, rows, caption)


def _random_row(study: Study, name: str) -> list[str]:
    cells = ["–", study.label(name), ""]
    for cutoff in CUTOFFS:
        cells += ["–", _ours(study, name, cutoff), ""]
    return cells


def _rows_beside(published: str, methods: list[str], study: Study) -> list[list[str]]:
    if not methods:
        row = [published, "not run", "–"]
        for hits in HITS[published]:
            row += [str(hits), "–", "–"]
        return [row]
    return [_row_beside(published, name, study) for name in methods]


def _row_beside(published: str, name: str, study: Study) -> list[str]:
    comparison = compare(study, published, name)
    row = [published, study.label(name), comparison]
    comparable = not comparison.startswith(NOT_COMPARABLE)
    intervals = _intervals(study, published, name) if comparable else {}
    for cutoff, hits in zip(CUTOFFS, HITS[published], strict=True):
        difference = " to ".join(map(share_signed, intervals[cutoff])) if intervals else "–"
        row += [str(hits), _ours(study, name, cutoff), difference]
    return row


def compare(study: Study, published: str, method: str) -> str:
    """Say `compatible`, at which cutoffs hit rates differ, or why they cannot be compared.

    Args:
        study: Ours.
        published: Row of the study.
        method: Row of ours.
    """
    reason = _other_study(study) or _other_users(study) or _other_model(study, published, method)
    if reason:
        return f"{NOT_COMPARABLE}: {reason}"
    differing = [
        str(cutoff)
        for cutoff, (low, high) in _intervals(study, published, method).items()
        if not low <= 0 <= high
    ]
    return f"{DIFFERS} at {' and '.join(differing)}" if differing else COMPATIBLE


def _ours(study: Study, method: str, cutoff: int) -> str:
    if cutoff not in study.cutoffs:
        return "–"
    row = study.row(method, "hits", cutoff)
    return f"{count(row.value)} ({count_span(*map(round, row.interval))})"


def _each(study: Study) -> float:
    """Return the confidence of one of a row's intervals."""
    return 1 - study.level / len(CUTOFFS)


def _intervals(study: Study, published: str, method: str) -> dict[int, tuple[float, float]]:
    """Return for each cutoff the interval of our rate less the published one."""
    intervals = {}
    for cutoff, published_hits in zip(CUTOFFS, HITS[published], strict=True):
        hits = _hits(study, method, cutoff)
        intervals[cutoff] = newcombe_interval(
            hits, study.n_users, published_hits, N_USERS, _each(study)
        )
    return intervals


def _hits(study: Study, method: str, cutoff: int) -> int:
    return round(study.row(method, "hits", cutoff).value)


def _other_study(study: Study) -> str:
    """Say why no figure of ours can be held against the study's; empty where some can."""
    if study.settings["dataset"] != DATASET:
        return "other data"
    if study.recommender != NFM:
        return "other recommender"
    if other := [
        key for key, value in RECIPE.items() if study.settings["nfm"].get(key, value) != value
    ]:
        return f"other recipe ({', '.join(other)})"
    return ""


def _other_users(study: Study) -> str:
    """Say the same of Hits@N: users drawn otherwise, or from lists of another length."""
    if not study.hits_only:
        return "users drawn from all"
    return f"lists of {study.k}" if study.k != K else ""


def _other_model(study: Study, published: str, method: str) -> str:
    known = published == NFM_ROW or published.lower() in _model_of(study, method).lower()
    return "" if known else "other model"


def _model_of(study: Study, method: str) -> str:
    reranker = study.methods[method].settings
    kind = "encoder" if "encoder" in reranker else "llm"
    return str(study.settings[f"{kind}s"][reranker[kind]]["model"])


def hit_rates_table(study: Study) -> Table:
    """Show HR and NDCG of the recommender over all users beside the published figures."""
    header = [
        f"{study.lists_name}, all users",
        "same as the study?",
        "the study",
        "MicroLens paper",
        "here",
        "next run",
    ]
    rows = [_rate_row(study, published) for published in OVER_ALL_USERS]
    users = f"{study.nfm.n_users:,}" if study.nfm else "no"
    spread = (
        "NFM was trained once here, so how far it strays from seed to seed is not known, and "
        "without that a published figure cannot be called the same or another: set `repeats`."
    )
    if study.seeds is not None:
        spread = (
            f"Next run: where {study.confidence:.0%} of runs with further seeds would fall (mean ± "
            "t · sd · √(1 + 1/n)); a published figure in it is compatible with being one. The "
            "users are the same in all, so no interval over users is given."
        )
    caption = (
        f"Here: {users} users, the whole catalogue, seen items masked. {spread} The paper's "
        "figures are quoted, not tested."
    )
    return Table(header, rows, caption)


def _rate_row(study: Study, published: PublishedRate) -> list[str]:
    all_users = study.nfm.all_users.values if study.nfm else {}
    ours = all_users.get(published.name)
    theirs = [
        f"{published.study:.5f}" if published.study is not None else "–",
        f"{published.paper:.4f}" if published.paper is not None else "–",
    ]
    if ours is None:
        return [published.name, "–", *theirs, "–", "–"]
    repeats = _repeats(study, published)
    here, next_run = f"{ours:.5f}", "one run"
    if repeats is not None:
        low, high = _next_run(study, repeats)
        here = f"{repeats.mean:.5f} ± {repeats.sd:.5f} ({repeats.n_seeds} runs)"
        next_run = f"{max(low, 0):.5f}–{high:.5f}"
    return [published.name, _same_rate(study, published), *theirs, here, next_run]


def _repeats(study: Study, published: PublishedRate) -> SeedRow | None:
    """Return the spread of our figure over seeds; None where the study ran once."""
    key = study.recommender, f"{published.metric}_all_users", published.cutoff
    return study.seed_rows.get(key)


def _next_run(study: Study, repeats: SeedRow) -> tuple[float, float]:
    return prediction_interval(repeats.mean, repeats.sd, repeats.n_seeds, study.confidence)


def _same_rate(study: Study, published: PublishedRate) -> str:
    if published.study is None:
        return ""
    if reason := _other_study(study):
        return f"{NOT_COMPARABLE}: {reason}"
    repeats = _repeats(study, published)
    if repeats is None:
        return "one run cannot tell"
    low, high = _next_run(study, repeats)
    return COMPATIBLE if low <= published.study <= high else DIFFERS
