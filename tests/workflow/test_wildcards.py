"""Which values wildcards may take."""

import re

import pytest
from microrank.workflow.wildcards import any_of, rerankers_asking, rerankers_with

CONFIG = {
    "llms": {"served": {"adapter": "openai-chat"}, "here": {"adapter": "local"}},
    "rerankers": {
        "a.b": {"encoder": "minilm"},
        "asked": {"llm": "served"},
        "read": {"llm": "here"},
    },
}


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        (any_of(["a.b", "c"]), ["a.b", "c"]),
        (any_of([]), []),
        (rerankers_with(CONFIG, "encoder"), ["a.b"]),
        (rerankers_with(CONFIG, "fusion"), []),
        (rerankers_asking(CONFIG, "openai-chat", "simulated"), ["asked"]),
        (rerankers_asking(CONFIG, "local"), ["read"]),
    ],
)
def test_a_pattern_matches_its_names_and_no_others(pattern: str, names: list[str]) -> None:
    others = {"a.b", "aXb", "c", "asked", "read", "", "a.bc"}
    assert {name for name in others if re.fullmatch(pattern, name)} == set(names)
