"""The words of the section on what models know of the titles by heart."""

from microrank.memory.newer import NewerRow
from microrank.memory.result import Completed, Memory
from microrank.report.memory import memory_line, memory_section

PROBED = Memory("llama", Completed(200, 30, 200, 90), 0.1)
SILENT = Memory("llama", Completed(200, 0), 0.1)


def test_counts_stand_with_wilson_intervals_and_what_chance_gives(made) -> None:
    [section] = memory_section(made.study(memory=[PROBED]))
    [row] = section.blocks[1].rows
    assert row == ["`llama`", "all", "200", "30 (11% to 21%)", "90 (38% to 52%)", "10%"]
    assert "200 titles, `llama` completed 30 word for word" in memory_line(
        made.study(memory=[PROBED])
    )


def test_a_service_without_log_probabilities_was_not_asked_to_choose(made) -> None:
    [section] = memory_section(made.study(memory=[SILENT]))
    assert section.blocks[1].rows[0][2:] == ["200", "0 (0% to 2%)", "–", "–"]


def test_what_lacks_for_a_cut_at_the_models_date_is_named(made) -> None:
    def said(**changes: object) -> str:
        [section] = memory_section(made.study(**changes))
        return section.blocks[2].text

    dated = Memory("llama", Completed(200, 30), 0.1, until="2024-06-30")
    assert "no model has the former and the data set has no latter" in said(memory=[PROBED])
    assert "the data set has no latter" in said(memory=[dated])
    assert "no model has the former." in said(memory=[PROBED], item_date="released")


def test_hits_on_newer_items_stand_beside_the_recommenders(made) -> None:
    dated = Memory("llama", Completed(200, 30), 0.1, "2024-06-30", Completed(20, 0, 20, 2))
    newer = [NewerRow("llama", "2024-06-30", 12, 7, 9, 0.5)]
    probed = {"memory": [dated], "newer": newer}
    [section] = memory_section(made.study(**probed, item_date="released"))
    titles, rows = section.blocks[1:]
    assert titles.rows[1][1:4] == ["of items newer than 2024-06-30", "20", "0 (0% to 16%)"]
    assert "cannot have been trained" in rows.caption
    [section] = memory_section(made.study(**probed, item_date="first-interaction"))
    assert "in truth it may be older" in section.blocks[2].caption
    assert rows.rows[0][1:] == ["2024-06-30", "12", "7", "9", "−2", "0.50"]


def test_short_titles_of_which_nobody_was_asked_are_said_to_be_short(made) -> None:
    study = made.study(memory=[Memory("llama", Completed(0, 0), 0.0)])
    assert "`llama` was asked for no title by heart" in memory_line(study)
    assert "titles has 6 words" in memory_line(study)
    [section] = memory_section(study)
    assert "of those with 6 words or more" in section.blocks[0].text
    assert section.blocks[1].rows[0][2:] == ["0", "–", "–", "–"]


def test_a_study_that_probed_nobody_says_nothing(made) -> None:
    study = made.study()
    assert memory_section(study) == []
    assert memory_line(study) == ""
