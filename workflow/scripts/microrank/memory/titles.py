"""The titles that a model is asked to complete: the first half is shown, the second is not."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from microrank.llm.prompts import shown_title
from microrank.seeds import generator

LEAST_WORDS = 6  # of a title: fewer do not tell how it goes on
CHOICES = 10  # endings among which the own one is to be the likeliest


@dataclass(frozen=True)
class HalfTitle:
    """A title, cut in the middle.

    Attributes:
        item_id: the item.
        start: the first half of its words.
        ending: the other half.
        others: endings of other titles, in whose place the own one could stand.
    """

    item_id: int
    start: str
    ending: str
    others: tuple[str, ...] = ()


def half_titles(subset: pa.Table, catalogue: pa.Table, n: int, seed: int) -> list[HalfTitle]:
    """Draw titles of the candidates, each once.

    Args:
        subset: table SUBSET.
        catalogue: table ITEMS.
        n: how many of them; all that are long enough where there are no more.
        seed: of the draw, and of the other endings.

    Returns:
        In the order of the items.
    """
    items = np.unique(subset["candidates"].combine_chunks().flatten().to_numpy())
    known = catalogue.filter(pa.array(np.isin(catalogue["item_id"].to_numpy(), items)))
    rows = known.sort_by("item_id").select(["item_id", "title"]).to_pylist()
    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(shown_title(row["title"]), row["item_id"])
    cut = [_cut(item, title) for title, item in first.items() if len(title.split()) >= LEAST_WORDS]
    random = generator(seed, "titles to complete")
    drawn = random.permutation(len(cut))[:n]
    return _with_others([cut[place] for place in sorted(drawn.tolist())], random)


def _cut(item: int, title: str) -> HalfTitle:
    words = title.split()
    middle = (len(words) + 1) // 2
    return HalfTitle(item, " ".join(words[:middle]), " ".join(words[middle:]))


def _with_others(halves: Sequence[HalfTitle], random: np.random.Generator) -> list[HalfTitle]:
    """Each with endings of others: those that follow it in a circle, drawn once."""
    circle = random.permutation(len(halves)).tolist()
    result = list(halves)
    for place, at in enumerate(circle):
        following = [circle[(place + step) % len(circle)] for step in range(1, len(circle))]
        endings = dict.fromkeys(halves[other].ending for other in following)
        endings.pop(halves[at].ending, None)
        others = tuple(endings)[: CHOICES - 1]
        result[at] = HalfTitle(halves[at].item_id, halves[at].start, halves[at].ending, others)
    return result
