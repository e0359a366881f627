"""The section `The methods`: the study, its sources, and a line on each row."""

from collections.abc import Mapping
from typing import Any

from microrank.evaluation.metrics import ORACLE, RANDOM_DRAW, RANDOM_EXPECTED
from microrank.methods import BEST, LEARNED, NFM, Method, names_of
from microrank.report.blocks import Paragraph, Section, Table
from microrank.report.study import Study
from microrank.services.adapters import CROSS_ENCODERS, is_simulated

NFM_LINE = "neural factorisation machine (He and Chua 2017), trained on item ids alone"
ASKED = {
    "likelihood": "ranks by log P(title | history)",
    "first-token": "ranks by the probabilities of the candidates' labels as the next token",
    "yes-no": "ranks by the probability of yes, candidate by candidate",
    "scores": "scores each candidate in text",
    "order": "writes the candidates' order",
    "setwise": "picks the best of a few candidates at a time (heap sort of the first places)",
    "pairwise": "picks the better of two candidates, in both orders (heap sort)",
    "relevance": "scores each candidate for the history",
}
ENCODED = {
    "text": "the history's titles as one text",
    "mean": "the mean of the history's vectors",
    "max": "the nearest of the history's vectors",
    "recency": "the history's vectors, newer ones weighing more",
}
REFERENCES = {
    "random": "a seeded shuffle",
    "popularity": "by how often an item was trained on",
    "bm25": "by rare words shared with the history (BM25)",
    "item-knn": "by users shared with the history's items (cosine)",
}
OF_EVERY_REPORT = {
    RANDOM_EXPECTED: "what a shuffle expects, computed",
    RANDOM_DRAW: "one shuffle",
    ORACLE: "the held-out item first: the best order there is",
}


def methods_section(study: Study) -> Section:
    """Name the study and its sources, and say in a line what each row is."""
    recommender = study.methods.recommender
    rows = [[study.label(recommender.name), _recommender_line(study)]]
    rows += [[study.label(method.name), line_of(study, method)] for method in study.methods.shown]
    rows += [[name, text] for name, text in OF_EVERY_REPORT.items()]
    caption = "Every row of the tables, in a line."
    table = Table(["method", "what it is"], rows, caption, numbers=False)
    return Section("The methods", [Paragraph(_sources(study)), table])


def _sources(study: Study) -> str:
    text = (
        f"Data set `{study.settings['dataset']}`. The question, and the protocol of 100 users with "
        "20 items each, are those of the study Utilizing LLMs to Adjust NFM Recommendation "
        "Lists, which this workflow makes again and extends."
    )
    if study.recommender == NFM:
        text += (
            " NFM: neural factorisation machine (He and Chua, Neural factorization machines for "
            "sparse predictive analytics, SIGIR 2017)."
        )
    if "microlens" in study.settings["dataset"]:
        text += (
            " MicroLens: Ni et al., A content-driven micro-video recommendation dataset at scale, "
            "arXiv:2309.15379, 2023."
        )
    return text


def _recommender_line(study: Study) -> str:
    if study.recommender == NFM:
        return f"the recommender's own order: {NFM_LINE}"
    return "the recommender's own order, from lists that were given"


def line_of(study: Study, method: Method) -> str:
    """Say in a line what a method is."""
    settings = method.settings
    if method.is_fusion:
        return _fusion_line(study, method)
    if method.asks_llm:
        return _llm_line(study.settings["llms"][settings["llm"]], settings)
    if "encoder" in settings:
        model = study.settings["encoders"][settings["encoder"]]["model"]
        history = ENCODED[settings.get("history", "text")]
        return f"text encoder `{model}`: titles nearest to {history}"
    if "file" in settings:
        return f"a method of the user's own, `{settings['file']}`"
    return f"reference: {REFERENCES[settings['reference']]}"


def _fusion_line(study: Study, method: Method) -> str:
    parts, kind = ", ".join(names_of(method.parts)), method.settings["fusion"]
    if kind == LEARNED:
        return f"a conditional logit over {parts}, fitted to the tuning users"
    if kind == BEST and method.name in study.fusions:
        [chosen] = study.fusions[method.name].used
        return f"the one of {parts} that was best on the tuning users: {chosen}"
    return f"one order made of those of {parts} ({kind})"


def _llm_line(llm: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    ask = settings.get("ask", "order")
    kind = _kind_of_model(llm.get("adapter", ""))
    text = f"{kind} `{llm['model']}`, prompt `{settings['prompt']}`: {ASKED[ask]}"
    if ask == "likelihood" and settings.get("prior"):
        text += ", less log P(title)"
    passes = settings.get("passes", 1)
    return f"{text}, {passes} times a user" if passes > 1 else text


def _kind_of_model(adapter: str) -> str:
    if adapter in CROSS_ENCODERS:
        return "cross-encoder"
    return "simulated model" if is_simulated(adapter) else "language model"
