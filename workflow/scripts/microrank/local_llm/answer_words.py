"""Words that a model may begin its answer with, as single tokens."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from microrank.errors import StudyError
from microrank.local_llm.encoding import TextEncoder


def first_tokens(encoder: TextEncoder, words: Sequence[Sequence[str]]) -> list[list[int]]:
    """The tokens that begin each answer.

    Args:
        encoder: of the model.
        words: for each answer its spellings ("Yes", "yes"); a space before one counts as well.

    Returns:
        For each answer its tokens, without those that begin another answer too.

    Raises:
        StudyError: an answer has no token left, so that nothing could be read of it.
    """
    tokens = [
        {encoder.encode(text)[0] for word in spellings for text in (word, f" {word}")}
        for spellings in words
    ]
    owners = Counter(token for answer in tokens for token in answer)
    own = [sorted(token for token in answer if owners[token] == 1) for answer in tokens]
    for spellings, answer in zip(words, own, strict=True):
        if not answer:
            raise StudyError(
                f"{encoder.name}: the answer '{spellings[0]}' has no first token of its own in "
                "this model's tokenizer; ask in another way, or re-rank shorter lists"
            )
    return own


def summed(readings: np.ndarray, tokens: Sequence[Sequence[int]]) -> np.ndarray:
    """Log-probability of each answer, the log of the sum over its tokens: [..., n_answers].

    Args:
        readings: [..., n_tokens], log-probabilities of all tokens, answer by answer.
        tokens: as `first_tokens` gives them.
    """
    starts = np.cumsum([0, *(len(answer) for answer in tokens)])[:-1]
    return np.logaddexp.reduceat(readings, starts, axis=-1)
