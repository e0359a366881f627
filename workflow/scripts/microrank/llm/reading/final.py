"""Which of the lists in an answer is the answer: the last final one.

Of lists that name a part of the candidates and agree, the one that says most counts.
"""

import math
import re
from collections.abc import Sequence

from microrank.llm.reading.lists import Finding
from microrank.llm.reading.shown import FIRST_GROUP, TOKEN, TOKEN_START, Shown

_FINAL = re.compile(
    r"\b(?:final|revised|corrected|updated|definitive)\s+(?:\w+\s+)?"
    r"(?:answer|ranking|order|list|result|output|scores?|ranked)\b",
    re.IGNORECASE,
)
_RESTATED = re.compile(
    r"\b(?:candidates?|options?|given|watched|history|shown|provided|available|original)\b", re.I
)
_RANKING = re.compile(
    r"rank|order|likel|sort|final|answer|recommend|\btop\b|best|prefer|suggest|pick|result|score|"
    r"rating|choice|choose|first",
    re.IGNORECASE,
)
_REVERSED_LIST = re.compile(
    r"\b(?:least|worst|lowest)\b[^\n]{0,30}\bto\b[^\n]{0,30}\b(?:most|best|highest)\b"
    r"|\b(?:least|worst|lowest)\b[^\n]{0,20}\bfirst\b|\bascending\b|\breversed?\s+order\b"
    r"|\blast (?:one |entry |item |video |candidate )?is the (?:most|best|likeliest)\b",
    re.IGNORECASE,
)
_REVERSED = re.compile(
    rf"{_REVERSED_LIST.pattern}|^\W*(?:least|worst|unlikel|not recommended|bottom)",
    re.IGNORECASE | re.MULTILINE,
)
_BEST = re.compile(
    r"^(?!.*\b(?:second|third|next|also|least|worst|among|one of)\b).*"
    r"\b(?:(?:is|fits|suits|be|seems) (?:the )?(?:best|most likely|likeliest)"
    r"|(?:top|first|best) (?:pick|choice|candidate|match))\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![\w.])\d+(?!\w)")
_SECOND_THOUGHTS = re.compile(
    r"\b(?:wait|actually|correction|scratch that|on second thoughts?|on reflection|hmm+|"
    r"swap|switch|the other way (?:a)?round|turn (?:it|them) (?:a)?round|reverse|instead|"
    r"should (?:be|come|go) (?:before|after|above|below|first|last)|let me re)",
    re.IGNORECASE,
)


def choose(findings: Sequence[Finding], text: str, shown: Shown) -> Finding | None:
    """The list that counts.

    Args:
        findings: What each list says, in the order of the text.
        text: The text in which they stand.
        shown: What the prompt showed.

    Returns:
        None where no list names a candidate. An ambiguous finding where nothing decides.
    """
    speaking = [found for found in findings if found.said or found.is_ambiguous]
    speaking = [found for found in speaking if not _is_restated(found)]
    speaking = _preferred(_after_final(speaking, text))
    n = len(shown.by_id)
    whole = [found for found in speaking if len(found.said) == n or found.is_ambiguous]
    chosen = whole[-1] if whole else _partial(speaking)
    if chosen is not None and any(
        _are_rivals(chosen, found) or _was_said_in_json(chosen, found, text) for found in speaking
    ):
        return Finding(chosen.block, is_ambiguous=True)
    if chosen is None or chosen.is_ambiguous:
        return chosen
    if _is_doubted(chosen, text) or _another_is_best(chosen, text, shown):
        return Finding(chosen.block, is_ambiguous=True)
    return chosen


def _are_rivals(chosen: Finding, found: Finding) -> bool:
    """Whether the same JSON value holds both lists, and they contradict each other."""
    return (
        found.block.start == chosen.block.start
        and found.block.kind in ("json", "map")
        and len(found.said) == len(chosen.said)
        and (list(found.said) != list(chosen.said) or str(found.said) != str(chosen.said))
    )


def _was_said_in_json(chosen: Finding, earlier: Finding, text: str) -> bool:
    """Whether JSON as it was asked for says something else than a later list of plain text.

    The later list may only explain the JSON: it counts where words before it call it a ranking.
    """
    return (
        earlier.block.kind in ("json", "map")
        and chosen.block.kind not in ("json", "map")
        and len(earlier.said) == len(chosen.said)
        and str(earlier.said) != str(chosen.said)
        and not _RANKING.search(text[earlier.block.end : chosen.block.start])
    )


def _is_restated(found: Finding) -> bool:
    """Whether a list only repeats what the prompt showed."""
    heading = found.block.heading
    return bool(_RESTATED.search(heading)) and not _RANKING.search(heading)


def _after_final(findings: list[Finding], text: str) -> list[Finding]:
    """The findings behind the last words that announce a final answer; all if there are none."""
    for mark in reversed(list(_FINAL.finditer(text))):
        later = [found for found in findings if found.block.end > mark.end()]
        if later:
            return later
    return findings


def _preferred(findings: list[Finding]) -> list[Finding]:
    """The lists of a JSON value that its keys call the answer; all where none is called so."""
    kept: list[Finding] = []
    for found in findings:
        rivals = [
            other
            for other in findings
            if other.block.kind in ("json", "map")
            and found.block.kind in ("json", "map")
            and other.block.start == found.block.start
        ]
        if found.block.preferred or not any(rival.block.preferred for rival in rivals):
            kept.append(found)
    return kept


def _partial(findings: Sequence[Finding]) -> Finding | None:
    """The list that counts where none names all candidates.

    Several such lists must not contradict each other; then the one that says most counts.
    """
    lists = [found for found in findings if found.block.kind != "prose"]
    if not lists:
        return None
    longest = max(lists, key=lambda found: len(found.said))
    last = lists[-1]
    is_again = {*last.said} == {*longest.said} and len(last.said) > 1
    if is_again and not _split_scores(last, lists):
        return last
    if all(_are_compatible(found, longest) for found in lists):
        return longest
    return Finding(last.block, is_ambiguous=True)


def _split_scores(last: Finding, lists: Sequence[Finding]) -> bool:
    """Whether a list of scores was split, as one name has several: then they may be no names."""
    are_scores = not any(map(math.isnan, last.said.values()))
    return are_scores and any(
        found.said[position] != last.said[position]
        for found in lists
        for position in {*found.said} & {*last.said}
    )


def _are_compatible(found: Finding, longest: Finding) -> bool:
    """Whether the candidates of the one stand in the other in the same order."""
    order = list(longest.said)
    if not set(found.said) <= set(order):
        return False
    places = [order.index(position) for position in found.said]
    is_sorted = places == sorted(places)
    same = all(
        found.said[p] == longest.said[p] or found.said[p] != found.said[p] for p in found.said
    )
    return is_sorted and same


def _another_is_best(chosen: Finding, text: str, shown: Shown) -> bool:
    """Whether a sentence after the list calls another candidate than its first the best."""
    first = next(iter(chosen.said))
    if not math.isnan(chosen.said[first]):  # a score, whose list need not be sorted
        return False
    of_first = _names(first, shown)
    others = {name for position in chosen.said for name in _names(position, shown)} - of_first
    for line in text[chosen.block.end :].split("\n"):
        named = {*_NUMBER.findall(line), *TOKEN.findall(line)}
        if _BEST.search(line) and named & others and not named & of_first:
            return True
    return False


def _names(position: int, shown: Shown) -> set[str]:
    """The candidate's id and number, and its title's token."""
    numbers = [name for names in (shown.by_id, shown.by_number) for name in names]
    own = {str(n) for n in numbers if position in (shown.by_id.get(n), shown.by_number.get(n))}
    groups = {chr(FIRST_GROUP + k) for k, group in enumerate(shown.groups) if position in group}
    return own | groups


def _is_doubted(chosen: Finding, text: str) -> bool:
    """Whether the answer says that its list is to be read backwards, or takes it back."""
    if _REVERSED.search(chosen.block.heading) or _REVERSED_LIST.search(text):
        return True
    after = text[chosen.block.end :]
    doubt = _SECOND_THOUGHTS.search(after)
    return doubt is not None and bool(re.search(rf"\d|{TOKEN_START}|order|round|revers", after))
