"""From a model's free text to a score for each candidate, and so to a permutation of them."""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence

from microrank.llm.parse import (
    MAX_LENGTH,
    Parsed,
    as_number,
    from_json,
    said_of_candidates,
    without_fences,
    without_thinking,
)

LARGEST = 1e6  # of a score's magnitude: beyond it a number is no score
_PAIR = re.compile(r'"?\[?(\d{1,19})\]?"?\s*:\s*"?(-?\d{1,7}(?:\.\d+)?)(?=["\s,;}/])')
_LINE = re.compile(
    r"^\s*[-*]?\s*[\[#(]?(\d{1,19})\b.*?(?<![\w.])(-?\d{1,7}(?:\.\d+)?)(?:\s*/\s*10)?\W*$"
)
_NAMES, _SCORES = ("number", "id", "candidate", "item_id"), ("score", "relevance", "rating")
Pairs = list[tuple[int, float]]


def parse_scores(text: str | None, candidate_ids: Sequence[int], order: Sequence[int]) -> Parsed:
    """Read an answer that gives each candidate a score.

    A larger score is better; equal ones keep the recommender's order. Understood are an object of
    numbers and scores, a list of such objects, a bare list with one score for each candidate as
    shown, and lines that begin with a number and end in a score. Scores for what is no candidate,
    and a candidate's second one, are dropped. Candidates without a score follow in the
    recommender's order. Scores out of the range asked for stay as they are: their order counts.

    Args:
        text: The answer.
        candidate_ids: In the recommender's order.
        order: Positions among them as shown; candidate number i is `order[i - 1]`.
    """
    repairs: Counter[str] = Counter()
    pairs = _pairs((text or "")[:MAX_LENGTH], len(order), repairs)
    known = {number: int(position) for number, position in enumerate(order, start=1)}
    by_id = {int(item): position for position, item in enumerate(candidate_ids)}
    if (
        pairs
        and not any(name in known for name, _ in pairs)
        and any(name in by_id for name, _ in pairs)
    ):
        repairs["ids_for_numbers"] += 1
        known = by_id
    scores, missing = said_of_candidates(pairs, known, len(candidate_ids), repairs)
    ranked = sorted(scores, key=lambda position: (-scores[position], position))
    return Parsed(
        [*ranked, *missing],
        len(ranked),
        +repairs,
        tuple(scores.get(position) for position in range(len(candidate_ids))),
    )


def _pairs(text: str, n: int, repairs: Counter[str]) -> Pairs:
    """Numbers of candidates and their scores, in the order of the answer proper."""
    text = without_fences(without_thinking(text, repairs), repairs)
    found = from_json(text, repairs, _reader(n))
    if found is not None:
        return found
    if "{" in text:  # cut, or JSON but for a comma
        repairs["cut"] += "}" not in text
        matches = list(_PAIR.finditer(text))
    else:
        matches = [
            one
            for line in text.splitlines()
            if (one := _PAIR.match(line.strip() + "\n") or _LINE.match(line[:2000]))
        ]
    if matches and re.search(r"[A-Za-z]{2,}", _PAIR.sub("", text).replace('"scores"', "")):
        repairs["prose"] += 1
    return [(int(one[1]), float(one[2])) for one in matches]


def _reader(n: int) -> Callable[[object], Pairs | None]:
    """What reads the pairs in a JSON value, None where it holds none."""

    def read(value: object) -> Pairs | None:
        if isinstance(value, list):
            return _listed(value, n)
        if not isinstance(value, dict):
            return None
        named = [
            (name, score)
            for key, one in value.items()
            if (name := as_number(key)) is not None and (score := _score(one)) is not None
        ]
        inner = [
            pairs
            for one in value.values()
            if isinstance(one, (dict, list)) and (pairs := read(one)) is not None
        ]
        return max([*inner, *([named] if named else [])], key=len, default=None)

    return read


def _listed(values: list[object], n: int) -> Pairs | None:
    """The pairs of a list of objects with a number and a score, or of bare scores.

    Bare scores count only where there is one for each of the n candidates shown.
    """
    pairs = [pair for one in values if isinstance(one, dict) and (pair := _pair(one)) is not None]
    if pairs:
        return pairs
    scores = [_score(one) for one in values]
    told = [(number, score) for number, score in enumerate(scores, start=1) if score is not None]
    return told if len(told) == n == len(values) else None


def _pair(value: dict[object, object]) -> tuple[int, float] | None:
    name = next((name for key in _NAMES if (name := as_number(value.get(key))) is not None), None)
    score = next((score for key in _SCORES if (score := _score(value.get(key))) is not None), None)
    return None if name is None or score is None else (name, score)


def _score(value: object) -> float | None:
    if isinstance(value, str):
        digits = re.fullmatch(r"\s*(-?\d{1,7}(?:\.\d+)?)(?:\s*/\s*10)?\s*", value[:100])
        return float(digits[1]) if digits else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value) if abs(value) <= LARGEST else None
