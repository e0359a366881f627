"""Counts of answers: what is written is read again, also where an older version wrote it."""

import json

from microrank.llm.answer_counts import AnswerCounts
from microrank.rerank.repairs import Repairs

COUNTS = AnswerCounts(40, 4, 3, 2, 1, 1, 20, 25)


def test_counts_and_repairs_come_back_from_json_as_they_were() -> None:
    repairs = Repairs(40, 90, 12, {"cut": 2, "thinking": 3}, COUNTS)
    assert AnswerCounts.from_json(json.loads(json.dumps(COUNTS.to_json()))) == COUNTS
    assert Repairs.from_json(json.loads(json.dumps(repairs.to_json()))) == repairs


def test_repairs_of_an_older_version_are_read_without_counts() -> None:
    older = {"answers": 2, "fallback_candidates": 7, "empty": 1, "missing": 3, "repaired": 2}
    assert Repairs.from_json(older) == Repairs(2, 7, 2, {"empty": 1, "missing": 3})
    assert Repairs.from_json(older).to_json() == older


def test_shares_are_of_all_answers_and_none_of_no_answers() -> None:
    assert (COUNTS.share("unread"), COUNTS.share("order_shown")) == (0.1, 0.5)
    assert AnswerCounts().share("unread") == 0
