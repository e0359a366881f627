"""Words of older versions: refused with today's word, or put in its place."""

import pytest
from microrank.errors import StudyError
from microrank.workflow.renamed import check_renamed, check_target, rename

OLD = {"nfm": {"recipes": {"mine": {"batch_candidates": "slots", "hidden": 64}}}, "seed": 1}
NEW = {"nfm": {"recipes": {"mine": {"batch_candidates": "chunk_items", "hidden": 64}}}, "seed": 1}


def test_an_old_value_is_refused_with_todays() -> None:
    message = r"config: nfm\.recipes\.mine\.batch_candidates: 'slots' .* write chunk_items"
    with pytest.raises(StudyError, match=message):
        check_renamed(OLD)
    check_renamed(NEW)


def test_renaming_changes_old_values_alone_and_not_the_config_that_it_is_given() -> None:
    assert rename(OLD) == NEW
    assert OLD["nfm"]["recipes"]["mine"]["batch_candidates"] == "slots"
    assert rename(NEW) == NEW


@pytest.mark.parametrize("section", [None, [], "x", {"recipes": None}, {"recipes": {"mine": 3}}])
def test_a_config_of_another_shape_is_left_to_the_schema(section: object) -> None:
    check_renamed({"nfm": section})
    assert rename({"nfm": section}) == {"nfm": section}


def test_an_old_target_is_refused_with_todays() -> None:
    with pytest.raises(StudyError, match=r"results/kit\.zip is called results/bundle\.zip now"):
        check_target("results/kit.zip")
    check_target("results/bundle.zip")
