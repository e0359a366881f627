"""Where the checkout and its interpreter may lie."""

import pytest
from microrank.errors import StudyError
from microrank.workflow.place import check_place

PYTHON = "/home/me/microrank/.venv/bin/python"


@pytest.mark.parametrize("folder", ["/home/me/microrank", "/home/me/My Drive/it's", "/home/é"])
def test_a_folder_whose_interpreter_lies_elsewhere_may_have_any_name_but_braces(
    folder: str,
) -> None:
    check_place(folder, PYTHON)


def test_braces_in_the_folders_name_are_refused() -> None:
    with pytest.raises(StudyError, match="takes braces in a folder's name for wildcards"):
        check_place("/home/{me}", PYTHON)


@pytest.mark.parametrize(
    "sign", [" ", "'", '"', "\t", "$", "&", ";", "(", "*", "`", "\\", "#", "~"]
)
def test_an_interpreter_that_a_shell_would_not_find_is_refused_in_one_line(sign: str) -> None:
    python = f"/home/my{sign}drive/.venv/bin/python"
    with pytest.raises(StudyError, match="cannot call a Python whose path has spaces") as error:
        check_place("/home", python)
    assert str(error.value).startswith(python)


@pytest.mark.parametrize("python", [PYTHON, "/opt/conda/envs/a-b_c.1/bin/python3.11", "/é/python"])
def test_ordinary_interpreters_are_accepted(python: str) -> None:
    check_place("/home", python)
