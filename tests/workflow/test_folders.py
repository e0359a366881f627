"""No two of studies and data sets share a folder."""

import pytest
from microrank.errors import StudyError
from microrank.workflow.folders import check_folders


def config(study: str | None, *datasets: str) -> dict:
    return {"study": study, "dataset": datasets[0], "datasets": dict.fromkeys(datasets)}


@pytest.mark.parametrize("study", [None, "sample", "short", "sample-2", "seed-2", "reports"])
def test_a_study_may_be_named_after_its_own_data_set_or_like_nothing_else(
    study: str | None,
) -> None:
    check_folders(config(study, "sample", "other"))


@pytest.mark.parametrize("study", ["other", "OTHER", "Sample"])
def test_a_study_may_not_bear_the_name_of_another_data_set_in_any_case(study: str) -> None:
    with pytest.raises(StudyError, match=f"study: '{study}' is the folder of the data set"):
        check_folders(config(study, "sample", "other"))


@pytest.mark.parametrize("name", ["logs", "report.md", "Report.html", "bundle.zip", "paper.tex"])
def test_what_lies_beside_the_folders_names_neither_study_nor_data_set(name: str) -> None:
    with pytest.raises(StudyError, match=f"study: '{name}' is something else below results/"):
        check_folders(config(name, "sample"))
    with pytest.raises(StudyError, match=f"datasets: '{name}' is something else"):
        check_folders(config("short", "sample", name))


def test_a_name_like_a_repeats_folder_is_refused() -> None:
    with pytest.raises(StudyError, match=r"'sample\.seed-2' is what the folder of a repeat is"):
        check_folders(config("sample.seed-2", "sample"))
