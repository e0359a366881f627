"""The words of the section that says what moved the lists."""

import pytest
from microrank.evaluation.attribution import Attribution, Step, Swept
from microrank.report.attribution import attribution_section


@pytest.mark.parametrize(
    ("shares", "p_holm", "words"),
    [
        ({}, 0.001, "more"),
        ({}, 0.2, "cannot tell"),
        ({"unread": 0.6}, 0.001, "unreadable"),
        ({"order_shown": 0.9}, 0.001, "echoes the order shown"),
    ],
)
def test_where_answers_were_not_read_or_are_echoes_no_comparison_is_drawn(
    made, shares: dict, p_holm: float, words: str
) -> None:
    step = Step("llama", "none", 30, "shuffle", 10.0, 0.0001, p_holm, **shares)
    found = Attribution(10, 40, (step,))
    [section] = attribution_section(made.study(attribution=found))
    assert section.blocks[0].rows[0][-1] == words


def test_a_sweep_whose_answers_were_not_read_says_so(made) -> None:
    found = Attribution(10, 40, swept=(Swept("llama", "first", 40, 40, 0.6),))
    [section] = attribution_section(made.study(attribution=found))
    assert section.blocks[1].rows[0][-1] == "unreadable"
