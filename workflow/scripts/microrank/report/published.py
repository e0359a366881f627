"""The figures of the study that this workflow replicates (MicroLens-100k), and ours beside them."""

from typing import Any

from microrank.evaluation.intervals import newcombe_interval, prediction_interval
from microrank.evaluation.score import NFM, RANDOM_DRAW, RANDOM_EXPECTED
from microrank.report.blocks import Table
from microrank.report.numbers import count, share_signed, span
from microrank.report.study import Study

DATASET, K, N_USERS = "microlens-100k", 20, 100
RECIPE = {
    "dimension": 1024,
    "relu_on_score": True,
    "batch_size": 64,
    "batch_candidates": "chunk_items",
    "learning_rate": 1e-4,
    "refit": False,
}
HITS = {"NFM": (38, 64), "e5-small-v2": (32, 56), "Meta-Llama-3-8B-Instruct": (29, 49)}
CUTOFFS = (5, 10)
OVER_ALL_USERS = {  # metric, cutoff: the study, the MicroLens paper (Ni et al. 2023); None where it tells nothing
    ("hr", 5): (0.01747, None),
    ("hr", 10): (0.02939, 0.0313),
    ("hr", 20): (0.04618, 0.0480),
    ("ndcg", 10): (None, 0.0159),
    ("ndcg", 20): (None, 0.0201),
}
COMPATIBLE, DIFFERS, NOT_COMPARABLE = "compatible", "differs", "not comparable"
QUOTED = (
    "Quoted for context: on a DSSM's lists, all-MiniLM's order is said to have 61 hits of 100 at 5, against 40 of the DSSM's own. Those "
    "lists are not at hand; `recommendations` of a dataset takes such lists, to ask the question of them."
)


def hits_table(study: Study) -> Table:
    """Hits@5 and Hits@10 of 100 hit users: the study's three rows, ours beside each, and the random rows that the study lacked."""
    rows = _rows_beside("NFM", [study.recommender], study)
    rows += _rows_beside(
        "e5-small-v2",
        [
            name
            for name in study.of_kind("encoder")
            if _reranker(study, name).get("history") == "text"
        ],
        study,
    )
    asked = [
        name
        for name in study.of_kind("llm", "simulated llm")
        if _reranker(study, name).get("prompt") == "study"
    ]
    rows += _rows_beside("Meta-Llama-3-8B-Instruct", asked, study)
    for name in (RANDOM_EXPECTED, RANDOM_DRAW):
        rows.append(
            [
                "–",
                study.label(name),
                "",
                *(text for cutoff in CUTOFFS for text in ("–", _ours(study, name, cutoff), "")),
            ]
        )
    caption = (
        f"Published: {N_USERS} users. Here: {study.n_users:,} users, intervals or, for the random row, the range of single shuffles. "
        f"Difference: the interval of our rate less theirs, as of two samples, both of which vary (Newcombe 1998); each at "
        f"{100 * _each(study):g}%, so that equal rates are said to differ at either cutoff for about {study.level:.0%} of studies."
    )
    header = ["the study", "here", "same?"]
    for cutoff in CUTOFFS:
        header += [f"Hits@{cutoff}: the study", "here", "difference"]
    return Table(header, rows, caption)


def _rows_beside(published: str, methods: list[str], study: Study) -> list[list[str]]:
    if not methods:
        return [
            [
                published,
                "not run",
                "–",
                *(text for hits in HITS[published] for text in (str(hits), "–", "–")),
            ]
        ]
    rows = []
    for name in methods:
        same, cells = compare(study, published, name), []
        intervals = {} if same.startswith(NOT_COMPARABLE) else _intervals(study, published, name)
        for cutoff, hits in zip(CUTOFFS, HITS[published], strict=True):
            difference = " to ".join(map(share_signed, intervals[cutoff])) if intervals else "–"
            cells += [str(hits), _ours(study, name, cutoff), difference]
        rows.append([published, study.label(name), same, *cells])
    return rows


def compare(study: Study, published: str, method: str) -> str:
    """`compatible`, at which cutoffs the rates of hits differ, or why they cannot be compared."""
    if (
        reason := _other_study(study)
        or _other_users(study)
        or _other_model(study, published, method)
    ):
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
    return f"{count(row['value'])} ({span(round(row['ci_low']), round(row['ci_high']))})"


def _each(study: Study) -> float:
    """The confidence of one of a row's intervals."""
    return 1 - study.level / len(CUTOFFS)


def _intervals(study: Study, published: str, method: str) -> dict[int, tuple[float, float]]:
    """Of each cutoff, the interval of our rate less the published one."""
    return {
        cutoff: newcombe_interval(
            _hits(study, method, cutoff), study.n_users, hits, N_USERS, _each(study)
        )
        for cutoff, hits in zip(CUTOFFS, HITS[published], strict=True)
    }


def _hits(study: Study, method: str, cutoff: int) -> int:
    return round(study.row(method, "hits", cutoff)["value"])


def _other_study(study: Study) -> str:
    """Why no figure of ours can be held against the study's; empty where some can."""
    if study.settings["dataset"] != DATASET:
        return "other data"
    if study.recommender != NFM:
        return "other recommender"
    if other := [key for key, value in RECIPE.items() if study.settings["nfm"][key] != value]:
        return f"other recipe ({', '.join(other)})"
    return ""


def _other_users(study: Study) -> str:
    """The same of Hits@N: drawn otherwise, or from lists of another length."""
    if not study.hits_only:
        return "users drawn from all"
    return f"lists of {study.k}" if study.k != K else ""


def _other_model(study: Study, published: str, method: str) -> str:
    known = published == "NFM" or published.lower() in _model_of(study, method).lower()
    return "" if known else "other model"


def _reranker(study: Study, method: str) -> dict[str, Any]:
    return dict(study.settings["rerankers"][method])


def _model_of(study: Study, method: str) -> str:
    reranker = _reranker(study, method)
    kind = "encoders" if "encoder" in reranker else "llms"
    return str(study.settings[kind][reranker[kind.removesuffix("s")]]["model"])


def hit_rates_table(study: Study) -> Table:
    """HR and NDCG of the recommender over all users: the study's, the MicroLens paper's, and ours with the spread over seeds."""
    nfm = study.nfm or {}
    rows = []
    for (metric, cutoff), published in OVER_ALL_USERS.items():
        name = f"{metric.upper()}@{cutoff}"
        ours = nfm.get("all_users", {}).get(name)
        theirs = [
            "–" if value is None else f"{value:.{digits}f}"
            for value, digits in zip(published, (5, 4), strict=True)
        ]
        rows.append(
            [
                name,
                _same_rate(study, published[0], metric, cutoff) if ours is not None else "–",
                *theirs,
                *_told(study, ours, metric, cutoff),
            ]
        )
    users = f"{nfm['n_users']:,}" if nfm else "no"
    spread = (
        "NFM was trained once here, so how far it strays from seed to seed is not known, and without that a published figure cannot be "
        "called the same or another: set `repeats`."
        if study.seeds is None
        else f"Next run: where {study.confidence:.0%} of runs with further seeds would fall (mean ± t · sd · √(1 + 1/n)); a published "
        "figure in it is compatible with being one. The users are the same in all, so no interval over users is given."
    )
    header = [
        f"{study.lists_name}, all users",
        "same as the study?",
        "the study",
        "MicroLens paper",
        "here",
        "next run",
    ]
    return Table(
        header,
        rows,
        f"Here: {users} users, the whole catalogue, seen items masked. {spread} The paper's figures are quoted, not tested.",
    )


def _told(study: Study, ours: float | None, metric: str, cutoff: int) -> list[str]:
    """Our figure, and where the next run would fall."""
    if ours is None:
        return ["–", "–"]
    row = study.over_seeds(study.recommender, f"{metric}_all_users", cutoff)
    if row is None:
        return [f"{ours:.5f}", "one run"]
    low, high = prediction_interval(row["mean"], row["sd"], row["n_seeds"], study.confidence)
    return [
        f"{row['mean']:.5f} ± {row['sd']:.5f} ({row['n_seeds']} runs)",
        f"{max(low, 0):.5f}–{high:.5f}",
    ]


def _same_rate(study: Study, published: float | None, metric: str, cutoff: int) -> str:
    if published is None:
        return ""
    if reason := _other_study(study):
        return f"{NOT_COMPARABLE}: {reason}"
    row = study.over_seeds(study.recommender, f"{metric}_all_users", cutoff)
    if row is None:
        return "one run cannot tell"
    low, high = prediction_interval(row["mean"], row["sd"], row["n_seeds"], study.confidence)
    return COMPATIBLE if low <= published <= high else DIFFERS
