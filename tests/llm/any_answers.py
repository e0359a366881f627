"""What holds of every answer, however damaged, and damaged answers to check it with."""

import random
from collections.abc import Iterator, Sequence

from microrank.llm.reading.answer import Parsed, read_answer

IDS = [101, 7, 55, 3000]
ORDER = [2, 0, 3, 1]  # shown: 55, 101, 3000, 7
PIECES = [
    *("1", "2", "55", "3000", "-7", ",", "[", "]", "{", "}", '"', ":", "\n", " "),
    *("<think>", "</think>", "```"),
]


def read_permutation(text: str, answer_format: str) -> Parsed:
    """Read an answer about IDS, and check that it is a permutation.

    Candidates that the model did not name keep the recommender's order.
    """
    parsed = read_answer(text, answer_format, IDS, ORDER)
    assert sorted(parsed.positions) == [0, 1, 2, 3]
    assert 0 <= parsed.from_model <= 4
    rest = parsed.positions[parsed.from_model :]
    assert rest == sorted(rest), "the recommender's order"
    assert (parsed.from_model == 4) == (
        not parsed.repairs["missing"] and not parsed.repairs["empty"]
    )
    return parsed


def mutations(answers: Sequence[str], pieces: Sequence[str], times: int) -> Iterator[str]:
    """Answers in which one to seven places at random are overwritten by pieces."""
    draw = random.Random(1)
    for _ in range(times):
        text = list(draw.choice(answers))
        for _ in range(draw.randrange(1, 8)):
            place = draw.randrange(len(text) + 1)
            text[place : place + draw.randrange(3)] = draw.choice(pieces)
        yield "".join(text)
