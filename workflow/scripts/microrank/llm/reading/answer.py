"""Read an answer: from free text to a permutation of the candidates.

It never learns which candidate is the right one.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from microrank.llm.reading.columns import is_run
from microrank.llm.reading.final import choose
from microrank.llm.reading.json_rows import json_blocks
from microrank.llm.reading.lines import text_blocks, tidied
from microrank.llm.reading.lists import Finding, order_in, scores_in
from microrank.llm.reading.rows import Block
from microrank.llm.reading.shown import TOKEN, Shown
from microrank.llm.reading.thinking import answers_proper

MAX_LENGTH = 200_000  # characters of an answer that are read, the last ones
_NUMBERED = re.compile(r"\W*(\d{1,4})\b(.*)")
RUN = 3  # numbered lines with texts before one that was cut, so that they count up


@dataclass(frozen=True)
class Parsed:
    """An answer as it was read.

    Attributes:
        positions: [n] Positions among the candidates, best first.
        from_model: How many of these the answer named; the rest is fallback.
        repairs: Kind -> count; `thinking`, `fence`, `prose`, `numbers_for_ids`, `ids_for_numbers`,
            `titles` (candidates were named by their titles alone), `list_numbers` (places were set
            aside), `foreign`, `duplicate`, `missing`, `empty`, `ambiguous`, `cut`.
        scores: [n] Of an answer that scores candidates: each one's score, None where it has none.
    """

    positions: list[int]
    from_model: int
    repairs: Counter[str] = field(default_factory=Counter)
    scores: tuple[float | None, ...] | None = None


def read_answer(
    text: str | None,
    answer_format: str,
    candidate_ids: Sequence[int],
    order: Sequence[int],
    titles: Sequence[str] | None = None,
) -> Parsed:
    """Read an answer, whatever surrounds it.

    A list is read only where the answer itself supports the reading. An answer with two readings
    that contradict each other names nothing. Names that are no candidate's and repeated ones are
    dropped. Candidates that are not named follow in the recommender's order.

    Args:
        text: The answer.
        answer_format: How the prompt asked for candidates: `ids`, `numbers` or `scores`. A model
            that uses another way to name them is understood where only that way fits.
        candidate_ids: In the recommender's order.
        order: Positions among them as shown; candidate number i is `order[i - 1]`.
        titles: The candidates' titles, in the recommender's order; None where they are unknown.
    """
    repairs: Counter[str] = Counter()
    shown = Shown.of(candidate_ids, order, titles)
    masked = shown.clean_mask((text or "")[-MAX_LENGTH:])
    parts, had_thinking = answers_proper(masked)
    repairs["thinking"] += had_thinking
    found = None
    for part in parts:
        found = _read(part, answer_format, shown, repairs)
        if found is not None:
            break
    return _parsed(found, answer_format == "scores", len(candidate_ids), repairs)


def _read(text: str, answer_format: str, shown: Shown, repairs: Counter[str]) -> Finding | None:
    tidy = _without_cut_line(tidied(text))
    in_json, rest, was_cut = json_blocks(tidy, shown.mask)
    blocks = sorted(
        [*in_json, *text_blocks(rest, shown, answer_format)], key=lambda block: block.end
    )
    findings = [_finding(block, answer_format, shown) for block in blocks]
    chosen = choose(findings, tidy, shown)
    repairs["cut"] += was_cut or ("{" in tidy and "}" not in tidy)
    repairs["fence"] += "```" in text
    if chosen is not None:
        repairs["prose"] += _has_prose(rest, chosen.block)
    return chosen


def _without_cut_line(text: str) -> str:
    """The text without a last line that was cut off after its number, which names nobody."""
    lines = [line for line in text.splitlines() if line.strip()][-RUN - 1 :]
    found = [match for line in lines if (match := _NUMBERED.fullmatch(line.strip()))]
    has_text = [re.search(r"[\w\ue000-\uf8ff]", match[2]) is not None for match in found]
    numbers = [int(match[1]) for match in found]
    if has_text != [True] * RUN + [False] or not is_run(numbers):
        return text
    return text.rstrip()[: -len(lines[-1].strip())]


def _finding(block: Block, answer_format: str, shown: Shown) -> Finding:
    if answer_format == "scores":
        return scores_in(block, shown)
    return order_in(block, shown, answer_format)


def _has_prose(text: str, block: Block) -> bool:
    """Whether there are words beside the list that counts."""
    inside = text if block.kind in ("json", "map") else text[: block.start] + text[block.end :]
    return any(character.isalpha() for character in TOKEN.sub("", inside))


def _parsed(found: Finding | None, is_scored: bool, n: int, repairs: Counter[str]) -> Parsed:
    said = {} if found is None else found.said
    if found is not None:
        repairs.update(found.repairs)
        repairs["ambiguous"] += found.is_ambiguous
    named = sorted(said, key=lambda position: (-said[position], position)) if is_scored else [*said]
    missing = [position for position in range(n) if position not in said]
    if not said:
        repairs["empty"] += 1
    else:
        repairs["missing"] += len(missing)
    scores = tuple(said.get(position) for position in range(n)) if is_scored else None
    return Parsed([*named, *missing], len(named), +repairs, scores)
