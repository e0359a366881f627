"""One model input that holds a prefix once and several texts that each follow it by themselves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Tokens = Sequence[int]


@dataclass(frozen=True)
class Row:
    """Tokens of a prefix and of its endings, side by side, and where log-probabilities are read.

    Attributes:
        tokens: [n_tokens].
        positions: [n_tokens]; an ending's first token stands right after the prefix.
        branches: [n_tokens]; 0 in the prefix, i in the i-th ending. A token sees the prefix and
            what comes before it in its own ending.
        read_at: [n_reads], the tokens after which something is read.
        read_tokens: [n_reads], what is read: the log-probability of this next token.
        read_branches: [n_reads], the ending that a reading is about, ascending.
    """

    tokens: np.ndarray
    positions: np.ndarray
    branches: np.ndarray
    read_at: np.ndarray
    read_tokens: np.ndarray
    read_branches: np.ndarray

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def is_plain(self) -> bool:
        """Whether it is one text, which needs no mask of its own."""
        return int(self.branches.max(initial=0)) <= 1


def likelihood_row(prefix: Tokens, endings: Sequence[Tokens]) -> Row:
    """Read the log-probability of each token of each ending after the prefix."""
    starts = _starts(prefix, endings)
    read_at = [
        place - 1 if number else len(prefix) - 1
        for start, ending in zip(starts, endings, strict=True)
        for number, place in enumerate(range(start, start + len(ending)))
    ]
    lengths = [len(ending) for ending in endings]
    branches = np.repeat(np.arange(1, len(endings) + 1), lengths)
    return _row(prefix, endings, read_at, np.concatenate([[], *endings]), branches)


def next_token_row(prefix: Tokens, endings: Sequence[Tokens], asked: Tokens) -> Row:
    """Read the log-probabilities of the tokens `asked` after each ending.

    Args:
        prefix: tokens that all endings share.
        endings: one empty ending reads after the prefix itself.
        asked: [n_asked]; the readings come ending by ending, in this order.
    """
    starts = _starts(prefix, endings)
    last = [
        start + len(ending) - 1 if len(ending) else len(prefix) - 1
        for start, ending in zip(starts, endings, strict=True)
    ]
    branches = np.repeat(np.arange(1, len(endings) + 1), len(asked))
    return _row(
        prefix, endings, np.repeat(last, len(asked)), np.tile(asked, len(endings)), branches
    )


def separated(row: Row) -> list[Row]:
    """Plain rows, one an ending, whose readings one after the other are the row's."""
    return [_one_ending(row, branch) for branch in np.unique(row.read_branches)]


def visible(row: Row) -> np.ndarray:
    """[n_tokens, n_tokens], bool: whether the token of a row sees the token of a column."""
    n = len(row)
    seen = np.tril(np.ones((n, n), bool))
    shared = row.branches == 0
    return seen & (shared[None, :] | (row.branches[:, None] == row.branches[None, :]))


def _one_ending(row: Row, branch: int) -> Row:
    kept = (row.branches == 0) | (row.branches == branch)
    place = np.cumsum(kept) - 1
    read = row.read_branches == branch
    return Row(
        row.tokens[kept],
        row.positions[kept],
        (row.branches[kept] > 0).astype(np.int64),
        place[row.read_at[read]],
        row.read_tokens[read],
        np.ones(int(read.sum()), np.int64),
    )


def _starts(prefix: Tokens, endings: Sequence[Tokens]) -> list[int]:
    """Where each ending begins in the row."""
    lengths = [len(prefix), *(len(ending) for ending in endings)]
    return [int(end) for end in np.cumsum(lengths)[:-1]]


def _row(
    prefix: Tokens,
    endings: Sequence[Tokens],
    read_at: Sequence[int] | np.ndarray,
    read_tokens: np.ndarray,
    read_branches: np.ndarray,
) -> Row:
    if len(prefix) == 0:
        raise ValueError("a prefix needs a token, after which the first one of an ending is read")
    lengths = [len(ending) for ending in endings]
    after = [np.arange(len(prefix), len(prefix) + length) for length in lengths]
    integers = [
        np.concatenate([prefix, *endings]),
        np.concatenate([np.arange(len(prefix)), *after]),
        np.repeat(np.arange(len(endings) + 1), [len(prefix), *lengths]),
        read_at,
        read_tokens,
        read_branches,
    ]
    return Row(*(np.asarray(values, np.int64) for values in integers))
