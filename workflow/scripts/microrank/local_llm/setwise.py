"""Rank candidates by asking for the best of a few of them at a time.

Zhuang et al., A setwise approach for effective and highly efficient zero-shot ranking with large
language models, SIGIR 2024: heap sort, until the best k are known.
"""

from dataclasses import dataclass
from functools import partial

from microrank.llm.heap import best_of, most_questions
from microrank.llm.prompts import Prompt
from microrank.local_llm.in_turn import Judged, Judgement, Turns, chosen, compared, play
from microrank.local_llm.requests import Asked


@dataclass(frozen=True)
class Setwise:
    """Ask for the best of a set, in the heap's order.

    Attributes:
        prompt: of answer format `labels`.
        top: k, how many places are sorted; the others keep the recommender's order behind them.
        set_size: candidates of one question.
    """

    prompt: Prompt
    top: int = 10
    set_size: int = 3
    name = "setwise"
    kind = "top"
    shows_a_list = True

    def turns(self, asked: Asked) -> Turns:
        """One question a comparison; an answer that is not read counts for the first shown."""
        sort = best_of(len(asked.order), self.top, self.set_size - 1)
        return play(asked, sort, partial(self._judged, asked))

    def most_questions(self, n: int) -> int:
        """The most questions about n candidates."""
        return most_questions(n, self.top, self.set_size - 1, lambda size: 1)

    def _judged(self, asked: Asked, items: list[int]) -> Judgement:
        [answer] = yield [compared(self.prompt, asked, [asked.order[item] for item in items])]
        place = chosen(answer, len(items))
        return Judged(items[place or 0], 1, int(place is not None))
