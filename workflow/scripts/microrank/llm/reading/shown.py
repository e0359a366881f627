"""The candidates as the prompt showed them, and where a text repeats their titles."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from microrank.llm.prompts import NO_TITLE, shown_title
from microrank.llm.reading.thinking import is_thinking_mark

# A title found in a text is replaced by a token, so that nothing inside it is read as an answer.
TOKEN_START, TOKEN_END, FIRST_GROUP = "\ue000", "\ue001", 0xE100
TOKEN = re.compile(f"{TOKEN_START}(.){TOKEN_END}")
_PRIVATE = re.compile("[\ue000-\uf8ff]")
_WORD = re.compile(r"\w+")
_LETTERS = re.compile(r"[^\W\d_]")
_REMARK = re.compile(r"[(\[{][^)\]}]*[)\]}]")
_TAIL = re.compile(r"\s[-–—]+\s|:\s|;|\s\|\s")
SHORT_TITLE = 8  # characters; shorter titles of one word are found only as a whole cell
MIN_RATIO = 88.0  # of rapidfuzz, 0 to 100, from which on two titles are the same
MIN_LEAD = 5.0  # by which the best title must be better than the second


@dataclass(frozen=True)
class Shown:
    """What the prompt showed of the candidates.

    Attributes:
        by_id: Item id -> position among the candidates (in the recommender's order).
        by_number: Number as shown, from 1 -> position.
        groups: Each distinct title's positions; several candidates may share a title.
        titles: Each group's title as shown.
        plain: Each group's title, normalised.
    """

    by_id: Mapping[int, int]
    by_number: Mapping[int, int]
    groups: tuple[tuple[int, ...], ...]
    titles: tuple[str, ...]
    plain: tuple[str, ...]

    @classmethod
    def of(
        cls, candidate_ids: Sequence[int], order: Sequence[int], titles: Sequence[str] | None
    ) -> "Shown":
        """The candidates of one question.

        Args:
            candidate_ids: In the recommender's order.
            order: Positions among them, as shown.
            titles: The candidates' titles, in the recommender's order; None where unknown.
        """
        positions: dict[str, list[int]] = {}
        for position, title in enumerate(titles or ()):
            positions.setdefault(shown_title(title), []).append(position)
        positions.pop(NO_TITLE, None)
        return cls(
            {int(item): position for position, item in enumerate(candidate_ids)},
            {number: int(position) for number, position in enumerate(order, start=1)},
            tuple(map(tuple, positions.values())),
            tuple(positions),
            tuple(map(normalised, positions)),
        )

    def clean_mask(self, text: str) -> str:
        """The same of a text that may hold the characters of tokens already."""
        return self.mask(_PRIVATE.sub("", text))

    def mask(self, text: str) -> str:
        """The text with every title that it repeats replaced by a token of its group."""
        findable = {
            title: group
            for group, title in enumerate(self.titles)
            if title in text and _findable(title)
        }
        if not findable:
            return text
        longest_first = sorted(findable, key=len, reverse=True)
        pattern = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)")
        return pattern.sub(lambda found: _token(findable[found.group()]), text)

    def group_of(self, text: str) -> int | None:
        """The group whose title the text is, exactly or nearly; None where that is not clear."""
        tokens = TOKEN.findall(text)
        if tokens:
            groups = {ord(token) - FIRST_GROUP for token in tokens}
            return groups.pop() if len(groups) == 1 else None
        for part in _parts(text[:400]):
            group = self._similar(normalised(part))
            if group is not None:
                return group
        return None

    def _similar(self, plain: str) -> int | None:
        if not _LETTERS.search(plain):
            return None
        if plain in self.plain:
            return self.plain.index(plain) if self.plain.count(plain) == 1 else None
        prefixed = [
            group for group, title in enumerate(self.plain) if title.startswith(plain + " ")
        ]
        if prefixed:
            return prefixed[0] if len(prefixed) == 1 and len(plain) >= 3 else None
        best = process.extract(plain, self.plain, scorer=fuzz.ratio, limit=2, score_cutoff=60)
        if not best or best[0][1] < MIN_RATIO:
            return None
        _, ratio, group = best[0]
        is_clear = len(best) == 1 or ratio - best[1][1] >= MIN_LEAD
        return group if is_clear and _numbers(plain) <= _numbers(self.plain[group]) else None


def _parts(text: str) -> list[str]:
    """A text, and what is left of it without remarks in brackets or behind a dash or colon."""
    without_remark = _REMARK.sub(" ", text)
    return list(dict.fromkeys([text, without_remark, _TAIL.split(without_remark)[0]]))


def normalised(text: str) -> str:
    """A title's words: without case, accents, punctuation and repeated spaces."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    return " ".join(_WORD.findall("".join(c for c in folded if not unicodedata.combining(c))))


def _numbers(plain: str) -> set[str]:
    return {word for word in plain.split() if word.isdigit()}


def _findable(title: str) -> bool:
    """Whether a title is long enough to be recognised inside a longer text."""
    letters = len(_LETTERS.findall(title))
    has_words = letters >= 4 and len(title.split()) > 1
    is_long = letters >= 1 and len(title) >= SHORT_TITLE
    return (has_words or is_long) and not is_thinking_mark(title)


def _token(group: int) -> str:
    return f"{TOKEN_START}{chr(FIRST_GROUP + group)}{TOKEN_END}"
