"""Rank candidates by asking for the better of two, in both orders.

Qin et al., Large language models are effective text rankers with pairwise ranking prompting,
Findings of NAACL 2024 (PRP): heap sort, until the best k are known.
"""

from dataclasses import dataclass
from functools import partial

from microrank.llm.heap import best_of, most_questions
from microrank.llm.prompts import Prompt
from microrank.local_llm.in_turn import Judged, Judgement, Turns, chosen, compared, play
from microrank.local_llm.requests import Asked


@dataclass(frozen=True)
class Pairwise:
    """Ask about pairs, each twice: the answers count only if both name the same candidate.

    Attributes:
        prompt: of answer format `labels`.
        top: k, how many places are sorted; the others keep the recommender's order behind them.
    """

    prompt: Prompt
    top: int = 10
    name = "pairwise"
    kind = "top"
    shows_a_list = True

    def turns(self, asked: Asked) -> Turns:
        """Two questions a pair; where they disagree, the candidate that is shown first is better.

        That is the order of pass 0, without a shuffle the recommender's.
        """
        sort = best_of(len(asked.order), self.top, 2)
        return play(asked, sort, partial(self._judged, asked))

    def most_questions(self, n: int) -> int:
        """The most questions about n candidates."""
        return most_questions(n, self.top, 2, lambda size: 2 * (size - 1))

    def _judged(self, asked: Asked, items: list[int]) -> Judgement:
        best, n_read = items[0], 0
        for other in items[1:]:
            pairs = [(best, other), (other, best)]
            answers = yield [
                compared(self.prompt, asked, [asked.order[item] for item in pair]) for pair in pairs
            ]
            places = [chosen(answer, 2) for answer in answers]
            n_read += sum(place is not None for place in places)
            if places == [1, 0]:
                best = other
            elif places != [0, 1]:
                best = min(best, other)
        return Judged(best, 2 * (len(items) - 1), n_read)
