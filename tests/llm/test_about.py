"""What items are called in prompts and on the page, and prompts that do not fit the data set."""

from pathlib import Path

import pytest
from microrank.llm.about import misfit, verb_of, warn_of_misfits, with_about, with_misfits
from microrank.llm.prompts import load_prompt

PROMPTS = {
    path.stem: load_prompt(path)
    for path in (Path(__file__).parents[2] / "resources/prompts").glob("*.yaml")
}
TOOLS = {"about": {"items": "garden tools", "verb": "bought"}, "dataset": {"pairs": "log.csv"}}
UNKNOWN = {"about": None, "dataset": {"pairs": "log.csv"}}
ANY_ITEMS = {name for name in PROMPTS if name.startswith("items")}
SILENT = {"relevance"}  # a query of titles alone
VIDEOS = [
    {"about": None, "dataset": {"pairs": "resources/microlens-100k/MicroLens-100k_pairs.csv"}},
    {"about": None, "dataset": {"pairs": "log.csv", "synthetic": True}},
    {"about": {"items": "films", "verb": "rated"}, "dataset": {"pairs": "log.csv"}},
]


@pytest.mark.parametrize("about", [TOOLS, UNKNOWN])
@pytest.mark.parametrize("name", PROMPTS)
def test_every_prompt_about_videos_is_told_with_one_that_suits_any_items(
    name: str, about: dict
) -> None:
    said = misfit(with_about(PROMPTS[name], about["about"]), name, about)
    assert (said is None) == (name in ANY_ITEMS | SILENT)
    if said:
        other = said.split("such as `")[1].split("`")[0]
        assert PROMPTS[other].answer_format == PROMPTS[name].answer_format or other == "items"


@pytest.mark.parametrize("about", VIDEOS)
@pytest.mark.parametrize("name", PROMPTS)
def test_nothing_is_told_where_items_are_watched(name: str, about: dict) -> None:
    assert misfit(with_about(PROMPTS[name], about["about"]), name, about) is None


@pytest.mark.parametrize("name", sorted(ANY_ITEMS))
def test_prompts_for_any_items_use_the_words_of_the_data_set(name: str) -> None:
    prompt = with_about(PROMPTS[name], TOOLS["about"])
    assert "garden tools" in prompt.system + prompt.user
    assert "bought" in prompt.user


def test_the_page_says_what_users_did() -> None:
    assert [verb_of(about) for about in (TOOLS, UNKNOWN, *VIDEOS)] == [
        *("bought", "chosen", "watched", "watched", "rated")
    ]


def test_what_does_not_fit_is_logged_and_noted_at_the_end_of_a_page(
    caplog: pytest.LogCaptureFixture,
) -> None:
    misfits = warn_of_misfits({"study": PROMPTS["study"], "items": PROMPTS["items"]}, UNKNOWN)
    assert [record.getMessage() for record in caplog.records] == misfits
    assert with_misfits("# Page\n", misfits) == f"# Page\n\nNote: {misfits[0]}.\n"
    assert with_misfits("# Page\n", []) == "# Page\n"
