"""A custom method is one small file; one line says what is wrong with it."""

import re
from pathlib import Path

import pyarrow as pa
import pytest
from commandline import ROOT
from made_up_lists import catalogue, order_of, subset
from microrank import tables
from microrank.errors import StudyError
from microrank.llm.prompts import load_prompt
from microrank.llm.questions import questions
from microrank.rerank.custom import rerank_by_file
from microrank.services.chat import ChatSettings
from microrank.written import with_user_names

LISTS = subset([[1], [2]], [[3, 5, 2], [7, 4, 1]])


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / "method.py"
    path.write_text(text)
    return str(path)


def test_the_method_that_the_readme_shows_works(tmp_path: Path) -> None:
    shown = re.search(r"```python\n(def score.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert shown is not None
    assert shown[0].count("\n") <= 10
    rankings = rerank_by_file(LISTS, catalogue(), written(tmp_path, shown[1]))
    assert order_of(rankings, 10) == [5, 2, 3], "titles of 15, 16 and 28 characters"
    assert order_of(rankings, 20) == [7, 1, 4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "def score(history, candidates): return [1]",
            "one finite number for each of the 3 candidates; see user 10",
        ),
        ("def score(history, candidates): return [float('nan')] * 3", "one finite number"),
        ("def score(history, candidates): return [1e39] * 3", "one finite number"),
        (
            "def score(history, candidates): return history[9]",
            "score failed for user 10 (IndexError",
        ),
        ("def rank(): pass", "has no function score"),
        ("def score(", "cannot be run (SyntaxError"),
    ],
)
def test_what_is_wrong_with_a_method_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(StudyError) as caught:
        rerank_by_file(LISTS, catalogue(), written(tmp_path, text))
    assert message in str(caught.value)
    assert "method.py" in str(caught.value)


def test_a_file_that_is_not_python_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="not a Python file"):
        rerank_by_file(LISTS, catalogue(), str(tmp_path / "method.txt"))


def test_messages_name_users_as_the_raw_file_does(tmp_path: Path) -> None:
    users = pa.table({"user_id": [10, 20], "user": ["ann", "bob"]}, schema=tables.USERS)
    failing = written(tmp_path, "def score(history, candidates): return history[9]")
    with pytest.raises(StudyError, match="score failed for user ann"):
        rerank_by_file(with_user_names(LISTS, users), catalogue(), failing)
    asked = questions(
        with_user_names(LISTS, users),
        catalogue(),
        load_prompt(ROOT / "resources/prompts/numbered.yaml"),
        ChatSettings(model="m", base_url="http://x/v1"),
        seed=1,
        passes=1,
        shuffle=False,
    )
    assert [question.name for question in asked] == ["user ann, pass 0", "user bob, pass 0"]
