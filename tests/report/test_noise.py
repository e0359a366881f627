"""The words of the section on further answers to the same questions."""

import pytest
from microrank.evaluation.noise import Noise, NoiseRow
from microrank.report.noise import noise_section

ROW = NoiseRow("llama", (20, 22, 19), 31, 6, 0.05, 0.2, None, 0.2, 0.1, 0.3)
STEADY = NoiseRow("llama", (20, 20), 0, 0, 0.0, 0.25, None, 0.0, None, None)


def cells(made, row: NoiseRow, n_seeds: int = 1) -> list[str]:
    noise = Noise(10, 40, n_seeds, [row], 80, 12_345)
    [section] = noise_section(made.study(noise=noise))
    assert "80, of 12,345 tokens" in section.blocks[2].text
    assert ("seeds of the study" in section.blocks[0].text) is (n_seeds > 1)
    table = section.blocks[1]
    assert len(table.header) == len(table.rows[0])
    return table.rows[0][1:]


def test_shares_stand_with_their_interval_and_the_spread_of_hits(made) -> None:
    assert cells(made, ROW) == [
        *("20, 22, 19", "31", "6", "20% (10% to 30%)", "80%", "1.4", ""),
    ]


def test_answers_that_never_varied_have_no_interval(made) -> None:
    assert cells(made, STEADY) == ["20, 20", "0", "0", "0%", "100%", "0.0", ""]


def test_where_all_hits_are_the_same_no_share_is_shown(made) -> None:
    row = NoiseRow("llama", (40, 40), 0, 0, 0.0, 0.0, None, None, None, None)
    assert cells(made, row)[3:5] == ["–", "–"]


@pytest.mark.parametrize(
    ("shares", "words"), [({"unread": 0.6}, "unreadable"), ({}, "")], ids=["unread", "read"]
)
def test_answers_that_were_not_read_are_said_to_be(made, shares: dict, words: str) -> None:
    row = NoiseRow("llama", (1, 2), 3, 4, 0.1, 0.1, 0.2, 0.25, 0.2, 0.3, **shares)
    last = cells(made, row, n_seeds=2)
    assert last[-1] == words
    assert last[3:6] == ["25% (20% to 30%)", "25%", "50%"]


def test_without_further_answers_there_is_no_section(made) -> None:
    assert noise_section(made.study()) == []
