"""Methods: kinds, parts, which of them run and ask, and whose lists they re-rank."""

import json

import pytest
from microrank.methods import Method, Methods, Recommender, asking, names_of, settings_used

RERANKERS = {
    "cosine": {"encoder": "minilm", "history": "text"},
    "max": {"encoder": "minilm", "history": "max"},
    "asked": {"llm": "real", "prompt": "study"},
    "pretended": {"llm": "pretend", "prompt": "study"},
    "scored": {"llm": "scorer", "prompt": "relevance", "ask": "relevance"},
    "shuffle": {"reference": "random"},
    "mine": {"file": "methods/mine.py"},
    "plain-fusion": {"fusion": "reciprocal", "of": ["nfm", "max"]},
    "asked-fusion": {"fusion": "reciprocal", "of": ["max", "asked"]},
    "pretended-fusion": {"fusion": "z-score", "of": ["nfm", "pretended"]},
    "scored-fusion": {"fusion": "z-score", "of": ["nfm", "scored"]},
}
LLMS = {
    "real": {"adapter": "openai-chat"},
    "pretend": {"adapter": "simulated"},
    "scorer": {"adapter": "cohere-rerank"},
}


def methods(*names: str, **dataset: object) -> Methods:
    return Methods.from_config(
        {
            "dataset": "data",
            "datasets": {"data": dataset},
            "rerankers": RERANKERS,
            "llms": LLMS,
            "methods": list(names),
        }
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cosine", "encoder"),
        ("asked", "llm"),
        ("pretended", "simulated llm"),
        ("scored", "cross-encoder"),
        ("scored-fusion", "fusion"),
        ("shuffle", "reference"),
        ("mine", "reference"),
        ("plain-fusion", "fusion"),
        ("asked-fusion", "fusion"),
        ("pretended-fusion", "simulated fusion"),
    ],
)
def test_the_settings_say_the_kind_and_whether_it_is_simulated(name: str, kind: str) -> None:
    method = methods(name)[name]
    assert method.kind == kind
    assert method.is_simulated == ("simulated" in kind)
    assert method.settings == RERANKERS[name]


def test_a_fusion_rests_on_a_model_that_only_its_part_asks() -> None:
    study = methods(*RERANKERS)
    assert asking(study.shown) == ["asked", "pretended", "scored"]
    resting = [method.name for method in study.shown if method.rests_on_llm]
    assert resting == ["asked", "pretended", "asked-fusion", "pretended-fusion"]
    assert names_of(study.primary) == ["asked", "asked-fusion"], "a cross-encoder is none"
    fusions = ["plain-fusion", "asked-fusion", "pretended-fusion", "scored-fusion"]
    assert names_of(study.fusions) == fusions


def test_parts_of_fusions_are_used_but_not_shown_and_each_stands_once() -> None:
    study = methods("shuffle", "max", "plain-fusion", "asked-fusion")
    assert names_of(study.shown) == ["shuffle", "max", "plain-fusion", "asked-fusion"]
    assert names_of(study.tuned) == ["max", "asked"]
    assert names_of(study.used) == ["shuffle", "max", "plain-fusion", "asked-fusion", "asked"]
    assert settings_used(study.used, "encoder") == ["minilm"]
    assert settings_used(study.used, "llm") == ["real"]


def test_without_fusions_nothing_is_tuned() -> None:
    assert methods("cosine", "asked").tuned == ()


def test_a_fusions_part_nfm_is_whichever_recommender_runs() -> None:
    study = methods("plain-fusion", recommendations="knn.csv", recommender="knn")
    assert study.recommender == Method("knn", "recommender")
    assert study["plain-fusion"].parts == (study.recommender, study["max"])
    assert study.kinds == {"knn": "recommender", "plain-fusion": "fusion", "max": "encoder"}


def test_a_method_that_does_not_run_is_not_found() -> None:
    with pytest.raises(KeyError, match="asked"):
        methods("cosine")["asked"]


def test_json_gives_the_same_methods_back() -> None:
    study = methods(*RERANKERS)
    assert Methods.from_json(json.loads(json.dumps(study.to_json()))) == study


def test_nfm_is_trained_here_where_no_lists_are_given() -> None:
    trained = Recommender.from_dataset({"pairs": "a", "titles": "b"})
    assert trained == Recommender("nfm", "nfm")
    assert trained.is_trained
    assert trained.is_nfm


def test_given_lists_bear_their_own_name_or_that_of_own_lists() -> None:
    named = Recommender.from_dataset({"recommendations": "a", "recommender": "knn"})
    assert named == Recommender("knn", "lists")
    assert Recommender.from_dataset({"recommendations": "a"}) == Recommender("own-lists", "lists")
    assert not named.is_trained
    assert not named.is_nfm


def test_a_packed_studys_lists_are_still_nfms() -> None:
    packed = Recommender.from_dataset({"recommendations": "a", "origin": {"recommender": "nfm"}})
    assert packed == Recommender("nfm", "lists")
    assert packed.is_nfm
    assert not packed.is_trained
