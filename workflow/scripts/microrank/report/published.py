"""The figures of the study that this workflow replicates (MicroLens-100k), and ours beside them."""

from microrank.evaluation.intervals import wilson_interval
from microrank.evaluation.score import NFM, RANDOM_DRAW, RANDOM_EXPECTED
from microrank.report.blocks import Table
from microrank.report.numbers import count, span
from microrank.report.study import Study

DATASET = "microlens-100k"
HITS = {"NFM": (38, 64), "e5-small-v2": (32, 56), "Meta-Llama-3-8B-Instruct": (29, 49)}
HIT_RATES = {5: 0.01747, 10: 0.02939, 20: 0.04618}
N_USERS = 100


def hits_table(study: Study) -> Table:
    """Hits@5 and Hits@10 of 100 hit users: the study's three rows, ours beside each, and the random rows that the study lacked."""
    rows = _rows_beside("NFM", [study.recommender], study)
    rows += _rows_beside(
        "e5-small-v2", [name for name in study.of_kind("encoder") if _reranker(study, name).get("history") == "text"], study
    )
    asked = [name for name in study.of_kind("llm", "simulated llm") if _reranker(study, name).get("prompt") == "study"]
    rows += _rows_beside("Meta-Llama-3-8B-Instruct", asked, study)
    for name in (RANDOM_EXPECTED, RANDOM_DRAW):
        rows.append(["–", "–", "–", study.label(name), *_ours(study, name), ""])
    caption = f"Published: {N_USERS} users. Ours: {study.n_users:,} users, intervals or, for the random row, the range of single shuffles."
    return Table(["the study", "Hits@5", "Hits@10", "here", "Hits@5", "Hits@10", "same?"], rows, caption)


def _rows_beside(published: str, methods: list[str], study: Study) -> list[list[str]]:
    theirs = [published, *map(str, HITS[published])]
    if not methods:
        return [[*theirs, "not run", "–", "–", "–"]]
    return [
        [*(theirs if i == 0 else ["", "", ""]), study.label(name), *_ours(study, name), _same(study, published, name)]
        for i, name in enumerate(methods)
    ]


def _ours(study: Study, method: str) -> list[str]:
    cells = []
    for cutoff in (5, 10):
        if cutoff not in study.cutoffs:
            cells.append("–")
            continue
        row = study.row(method, "hits", cutoff)
        interval = span(round(row["ci_low"]), round(row["ci_high"]))
        cells.append(f"{count(row['value'])} ({interval})")
    return cells


def _same(study: Study, published: str, method: str) -> str:
    """Whether the published counts lie in our intervals; only asked of the same data and the same model."""
    if study.settings["dataset"] != DATASET:
        return "other data"
    if published == "NFM" and method != NFM:
        return "other recommender"
    if published != "NFM" and published.lower() not in _model_of(study, method).lower():
        return "other model"
    inside = []
    for cutoff, hits in zip((5, 10), HITS[published], strict=True):
        row = study.row(method, "hr", cutoff)
        inside.append(row["ci_low"] <= hits / N_USERS <= row["ci_high"])
    return "yes" if all(inside) else "no"


def _reranker(study: Study, method: str) -> dict:
    return study.settings["rerankers"][method]


def _model_of(study: Study, method: str) -> str:
    reranker = _reranker(study, method)
    kind = "encoders" if "encoder" in reranker else "llms"
    return str(study.settings[kind][reranker[kind.removesuffix("s")]]["model"])


def hit_rates_table(study: Study) -> Table:
    """HR@5, @10 and @20 of the recommender over all users."""
    nfm = study.nfm or {}
    rows = []
    for cutoff, published in HIT_RATES.items():
        ours = nfm.get("all_users", {}).get(f"HR@{cutoff}")
        if ours is None:
            rows.append([f"HR@{cutoff}", f"{published:.5f}", "–", "–", "–"])
            continue
        low, high = wilson_interval(round(ours * nfm["n_users"]), nfm["n_users"], study.confidence)
        same = (
            "other data"
            if study.settings["dataset"] != DATASET
            else "other recommender"
            if study.recommender != NFM
            else "yes"
            if low <= published <= high
            else "no"
        )
        rows.append([f"HR@{cutoff}", f"{published:.5f}", f"{ours:.5f}", f"{low:.5f}–{high:.5f}", same])
    users = f"{nfm['n_users']:,}" if nfm else "no"
    return Table(
        [f"{study.lists_name}, all users", "the study", "here", "interval", "same?"],
        rows,
        f"Here: {users} users, the whole catalogue, seen items masked.",
    )
