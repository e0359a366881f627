"""Settings of local models and ways to ask that contradict each other are refused in one line."""

import copy
from pathlib import Path

import pytest
import yaml
from microrank.errors import StudyError
from microrank.workflow.config import check_config

ROOT = Path(__file__).parents[2]
CONFIG = yaml.safe_load((ROOT / "config/config.yaml").read_text())


def checked(change: dict) -> None:
    config = copy.deepcopy(CONFIG)
    for section, entries in change.items():
        for name, entry in entries.items():
            config[section][name] = config[section].get(name, {}) | entry
    check_config(config, ROOT / "workflow/schemas/config.schema.yaml")


def test_the_default_config_and_each_way_of_asking_are_accepted() -> None:
    checked({})
    for ask, more in {
        "order": {"prompt": "numbered", "passes": 2},
        "scores": {"prompt": "scores"},
        "first-token": {"prompt": "first-token", "passes": 3, "shuffle": True, "calibrate": True},
        "yes-no": {"prompt": "yes-no"},
        "likelihood": {"prompt": "likelihood", "prior": True, "per": "title"},
    }.items():
        checked({"rerankers": {"mine": {"llm": "smollm2", "ask": ask, **more}}})


SCORED = {"mine": {"llm": "scorer", "prompt": "relevance", "ask": "relevance"}}
SCORERS = {
    "cross-encoder": {"model": "folder", "device": "cpu"},
    "cohere-rerank": {"model": "m", "base_url": "http://a/v1", "concurrency": 2},
    "tei-rerank": {"model": "m", "base_url": "http://a"},
}


@pytest.mark.parametrize("adapter", SCORERS)
def test_cross_encoders_take_what_has_an_effect_and_nothing_else(adapter) -> None:
    def scorer(**more):
        return {"scorer": {"adapter": adapter, **SCORERS[adapter], **more}}

    checked({"llms": scorer(), "rerankers": SCORED})
    for key, value in {"temperature": 0.5, "max_tokens": 9, "dtype": "float32"}.items():
        with pytest.raises(StudyError, match=f"{key} has no effect with adapter {adapter}"):
            checked({"llms": scorer(**{key: value})})
    with pytest.raises(StudyError, match="mode"):
        checked({"llms": scorer(mode="batch")})
    with pytest.raises(StudyError, match=r"is a cross-encoder .*set `ask: relevance`"):
        checked({"llms": scorer(), "rerankers": {"mine": {"llm": "scorer", "prompt": "numbered"}}})
    with pytest.raises(StudyError, match="passes and shuffle have no effect"):
        checked({"llms": scorer(), "rerankers": {"mine": SCORED["mine"] | {"passes": 2}}})


def test_a_language_model_is_not_asked_for_relevance() -> None:
    with pytest.raises(StudyError, match=r"relevance needs a cross-encoder, and llms\.smollm2 is"):
        checked({"rerankers": {"mine": SCORED["mine"] | {"llm": "smollm2"}}})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"llms": {"smollm2": {"temperature": 0.5}}},
            "temperature has no effect with adapter local",
        ),
        ({"llms": {"smollm2": {"base_url": "http://a/v1"}}}, "base_url has no effect"),
        ({"llms": {"smollm2": {"max_tokens": None}}}, "needs a number"),
        ({"llms": {"smollm2": {"checksum": "abc"}}}, "checksum"),
        ({"llms": {"smollm2": {"dtype": "int8"}}}, "dtype"),
        ({"llms": {"simulated": {"device": "cpu"}}}, "device has no effect with adapter simulated"),
        (
            {
                "rerankers": {
                    "mine": {"llm": "simulated", "prompt": "likelihood", "ask": "likelihood"}
                }
            },
            r"ask: likelihood reads log-probabilities, and llms\.simulated is simulated",
        ),
        (
            {"rerankers": {"mine": {"llm": "smollm2", "prompt": "numbered", "prior": True}}},
            "prior has an effect with ask: likelihood alone",
        ),
        (
            {"rerankers": {"smollm2-likelihood": {"passes": 2}}},
            "no list is shown, so that passes and shuffle have no effect",
        ),
        (
            {"rerankers": {"smollm2-yes-no": {"calibrate": True}}},
            "calibrate has an effect with ask: first-token alone",
        ),
    ],
)
def test_a_setting_without_an_effect_is_refused(change, message) -> None:
    with pytest.raises(StudyError, match=message) as caught:
        checked(change)
    assert "\n" not in str(caught.value)
