"""The page of answers: each row's answer is read as the page says."""

import re
from pathlib import Path

import pytest
from microrank.llm.reading.answer import read_answer

PAGE = Path(__file__).parents[2] / "docs/answers.md"
IDS = [11, 12, 13, 14]
TITLES = ["Heat (1990)", "Seven (1991)", "Babe (1992)", "Nixon (1993)"]


def rows() -> list[tuple[str, str, str]]:
    """The table's rows: the format asked for, the answer, and what microrank reads."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    cells = [re.split(r"(?<!\\)\|", line)[1:4] for line in lines[1:]]
    return [(kind.strip(), answer.strip(), said.strip()) for kind, answer, said in cells]


def as_text(answer: str) -> str:
    """The answer as the model wrote it: each `…` of the cell is a line."""
    return "\n".join(re.findall(r"`([^`]+)`", answer)).replace("\\|", "|")


def as_said(said: str, answer_format: str) -> tuple[list[int], dict[int, float]]:
    """Positions in the order meant, or a score for each, as the page tells them."""
    if answer_format == "scores":
        return [], {int(n) - 1: float(score) for n, score in re.findall(r"(\d): (\d+)", said)}
    return [int(number) - 1 for number in re.findall(r"\b[1-4]\b", said)], {}


def test_the_page_has_rows_of_each_format() -> None:
    assert {kind for kind, _, _ in rows()} == {"numbers", "ids", "scores"}
    assert len(rows()) >= 20


@pytest.mark.parametrize(("answer_format", "answer", "said"), rows())
def test_an_answer_on_the_page_is_read_as_it_says(
    answer_format: str, answer: str, said: str
) -> None:
    parsed = read_answer(as_text(answer), answer_format, IDS, [0, 1, 2, 3], TITLES)
    positions, scores = as_said(said, answer_format)
    if answer_format == "scores":
        named = enumerate(parsed.scores or ())
        assert {position: score for position, score in named if score is not None} == scores
    else:
        assert parsed.positions[: parsed.from_model] == positions
    assert ("ambiguous" in said) == bool(parsed.repairs["ambiguous"])
    assert ("nothing" in said) == (parsed.from_model == 0)
