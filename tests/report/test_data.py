"""What the report says of how the raw files were read."""

from pathlib import Path

import pytest
from report.study import study, written

READING = {
    "order": "times",
    "order_told": False,
    "ties": 0,
    "cleaning": [],
    "split": "leave-one-out",
    "dates": [],
}


def report_of(folder: Path, **reading: object) -> str:
    counts = study().counts | {"left_out_users_by_split_dates": 24}
    return written(study(counts=counts | {"reading": READING | reading}), folder).markdown


def test_studies_split_by_an_older_workflow_have_no_such_section(tmp_path: Path) -> None:
    assert "## The data" not in written(study(), tmp_path).markdown


@pytest.mark.parametrize(
    ("reading", "said"),
    [
        ({}, "stand in the order of their times.\n"),
        ({"ties": 7}, "7 interactions share their time with another one of their user"),
        ({"order": "lines"}, "on one line of the file, the oldest first"),
        ({"order": "rows"}, "have no times: each user's stand in the order of the file"),
        ({}, "(leave-one-out)"),
        ({"split": "global-time", "dates": ["2018-01-01", "2018-02-01"]}, "from `2018-02-01` on"),
        ({"split": "global-time", "dates": ["a", "b"]}, "leaves 1,000 of 1,024 users."),
        ({}, "Nothing was left out"),
        ({"cleaning": ["3 rows have a user that is missing: they are left out"]}, "3 rows have a"),
    ],
)
def test_order_split_and_cleaning_are_said(
    tmp_path: Path, reading: dict[str, object], said: str
) -> None:
    assert said in report_of(tmp_path, **reading).split("## The data")[1].split("\n## ")[0]


def test_an_order_that_nobody_vouches_for_is_a_notice_on_top(tmp_path: Path) -> None:
    for told in (False, True):
        first_screen = report_of(tmp_path, order="rows", order_told=told).split("\n## ")[0]
        assert ("> **No times:** the file" in first_screen) is not told


def test_many_items_without_a_title_are_a_notice_on_top_their_ids_as_mere_text(
    tmp_path: Path,
) -> None:
    lack = {"lacking": 9, "items": 12, "example": "[x](javascript:1)", "first_id": "`**b**`"}
    first_screen = report_of(tmp_path, titles=lack).split("\n## ")[0]
    assert (
        "> **Titles are missing:** 9 of 12 items have none, for example item `[x](javascript:1)`; "
        "the ids of the titles' file begin with `'**b**'`" in first_screen
    )
