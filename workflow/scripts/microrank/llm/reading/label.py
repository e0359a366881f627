"""The one letter that a written answer names, of candidates that are shown as A, B and so on."""

import re

from microrank.llm.prompts import LABELS
from microrank.llm.reading.thinking import answers_proper

_ALONE = re.compile(
    r"\W*(?:(?:the )?(?:best |final )?(?:answer|candidate|option|letter|choice)(?: is)?\W*)?"
    r"([A-Za-z])(?:[.):\]]\s.*|\W*)",
    re.IGNORECASE | re.DOTALL,
)
_LETTER = re.compile(r"(?<![\w'’])([A-Z])(?![\w'’])")
# "A" as an article: before a word that does not speak of a label.
_ARTICLE = re.compile(r"\bA(?= (?!(?:or|and|is|over|because|fits|then|but)\b)[a-z])")


def read_label(text: str, n: int) -> str | None:
    """The label that an answer names; None where it names none, or several.

    Args:
        text: The answer: a letter, alone or in prose.
        n: Number of labels shown, at most 26.
    """
    answer = next(iter(answers_proper(text)[0]), "").strip()
    shown = LABELS[:n]
    if alone := _ALONE.fullmatch(answer):
        label = alone[1].upper()
        return label if label in shown else None
    named = set(_LETTER.findall(_ARTICLE.sub("", answer))) & set(shown)
    return named.pop() if len(named) == 1 else None
