"""The best k of n items by a heap sort whose comparisons somebody else makes, several at once.

Zhuang et al., A setwise approach for effective and highly efficient zero-shot ranking with large
language models, SIGIR 2024: a parent is compared with all its children in one question. With two
children it is the heap sort of Qin et al., Large language models are effective text rankers with
pairwise ranking prompting, Findings of NAACL 2024.
"""

from collections.abc import Callable, Generator, Sequence

Comparisons = Generator[list[int], int, list[int]]
# Questions that a comparison of so many items takes.
Cost = Callable[[int], int]


def best_of(n: int, k: int, children: int) -> Comparisons:
    """Find the best k of the items 0…n − 1.

    Whatever is sent back, each item is given at most once, and the comparisons are at most
    `most_questions`. Where answers agree with one order of all items, it is that order's first k.

    Args:
        n: Number of items.
        k: How many of them are wanted.
        children: Of a parent in the heap.

    Yields:
        Items to compare, two or more, ascending; the best of them is to be sent back.

    Returns:
        [min(n, k)] Items, best first.
    """
    heap = list(range(n))
    for parent in range(_last_parent(n, children), -1, -1):
        yield from _sift(heap, parent, children)
    best: list[int] = []
    while heap and len(best) < k:
        best.append(heap[0])
        last = heap.pop()
        if heap and len(best) < k:
            heap[0] = last
            yield from _sift(heap, 0, children)
    return best


def most_questions(n: int, k: int, children: int, cost: Cost) -> int:
    """The most questions that `best_of` takes: each sift down goes the dearest way to a leaf.

    Args:
        n: Number of items.
        k: How many of them are wanted.
        children: Of a parent in the heap.
        cost: Questions of one comparison, by its number of items.
    """
    built = sum(_dearest(n, children, cost)[: _last_parent(n, children) + 1])
    sizes = range(n - 1, max(n - min(k, n), 0), -1)  # of the heap before each further sift
    return built + sum(_dearest(size, children, cost)[0] for size in sizes)


def _last_parent(size: int, children: int) -> int:
    """The last place of a heap that has a child; -1 where there is none."""
    return (size - 2) // children if size > 1 else -1


def _places(parent: int, size: int, children: int) -> range:
    """The places of a parent's children."""
    first = children * parent + 1
    return range(min(first, size), min(first + children, size))


def _sift(heap: list[int], place: int, children: int) -> Generator[list[int], int, None]:
    """Let the item at a place sink until it is the best of its parent and children."""
    while below := _places(place, len(heap), children):
        among = [place, *below]
        best = yield sorted(heap[each] for each in among)
        winner = next((each for each in among if heap[each] == best), place)
        if winner == place:
            return
        heap[place], heap[winner] = heap[winner], heap[place]
        place = winner


def _dearest(size: int, children: int, cost: Cost) -> list[int]:
    """[size], the questions on the dearest way from each place of a heap down to a leaf."""
    dearest = [0] * size
    for parent in range(_last_parent(size, children), -1, -1):
        below: Sequence[int] = _places(parent, size, children)
        dearest[parent] = cost(1 + len(below)) + max(dearest[each] for each in below)
    return dearest
