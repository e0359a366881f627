"""Texts as the numbers 0, 1, …, in the order in which they are met: a hash table in numpy.

A text is known by 128 bits, two hashes whose seeds are drawn anew in every process. So no file can
be made whose texts share them, and by chance two of ten million do with probability 1e-25. The
seeds decide where a text lies in the table, never its number.

The places of the table are called slots, as is usual. A slot holds the number of a text, or -1
where it is free. The low bits of the first hash name a text's slot; if it is taken, the next free
one is used (linear probing).
"""

import secrets

import numpy as np
import pyarrow as pa

FIRST_SLOTS = 1 << 12
SLOTS_PER_TEXT = 2  # at least; with 4 a distinct id takes 188 bytes instead of 87
MULTIPLIERS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], np.uint64)
LOW_BYTES = np.array([(1 << 8 * n) - 1 for n in range(9)], np.uint64)  # of a word, the first n
HALF = np.uint64(32)


class TextNumbers:
    """The texts that were met, and their numbers."""

    def __init__(self) -> None:
        seeds = [secrets.randbits(64) for _ in range(2)]
        self._seeds = np.array(seeds, np.uint64)
        self._slots = np.full(FIRST_SLOTS, -1, np.int32)
        self._hashes = np.empty((2, FIRST_SLOTS // SLOTS_PER_TEXT), np.uint64)
        self._texts: list[pa.Array] = []
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def texts(self) -> pa.Array:
        """[size] string: all of them, by number."""
        self._texts = [pa.concat_arrays(self._texts or [pa.array([], pa.string())])]
        return self._texts[0]

    def add(self, texts: pa.Array) -> np.ndarray:
        """Number texts; those that were not met before get the next numbers.

        Args:
            texts: [n] string, none null.

        Returns:
            [n] int64.
        """
        hashes = self._hash(texts)
        numbers = self._find(hashes)
        unknown = np.flatnonzero(numbers < 0)
        while len(unknown):
            _, first = np.unique(hashes[0, unknown], return_index=True)
            order = np.argsort(first)  # by appearance
            rows = unknown[first[order]]
            self._insert(texts.take(pa.array(rows)), hashes.take(rows, axis=1))
            numbers[unknown] = self._find(hashes.take(unknown, axis=1))
            unknown = unknown[numbers[unknown] < 0]
        return numbers

    def find(self, texts: pa.Array) -> np.ndarray:
        """Look texts up.

        Args:
            texts: [n] string, none null.

        Returns:
            [n] int64; -1 for a text that was not met.
        """
        return self._find(self._hash(texts))

    def _find(self, hashes: np.ndarray) -> np.ndarray:
        slots = self._home(hashes)
        numbers, goes_on = self._looked_up(slots, hashes)
        rows = goes_on
        while len(rows):
            hashes, slots = hashes.take(goes_on, axis=1), self._next(slots.take(goes_on))
            numbers[rows], goes_on = self._looked_up(slots, hashes)
            rows = rows.take(goes_on)
        return numbers

    def _looked_up(self, slots: np.ndarray, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Look into one slot for each text.

        Returns:
            numbers: [n] int64, -1 where the slot is free or holds another text.
            others: the places of the texts whose slot holds another one.
        """
        candidates = self._slots.take(slots).astype(np.int64)
        is_other = self._hashes[0].take(candidates) != hashes[0]
        is_other |= self._hashes[1].take(candidates) != hashes[1]
        is_taken = candidates >= 0
        candidates[is_other] = -1
        return candidates, np.flatnonzero(is_other & is_taken)

    def _insert(self, texts: pa.Array, hashes: np.ndarray) -> None:
        """Insert distinct texts that are not there."""
        end = self._size + len(texts)
        if end > self._hashes.shape[1]:
            self._grow(end)
        self._hashes[:, self._size : end] = hashes
        self._texts.append(texts)
        self._place(np.arange(self._size, end), hashes)
        self._size = end

    def _place(self, numbers: np.ndarray, hashes: np.ndarray) -> None:
        slots = self._home(hashes)
        while len(numbers):
            is_free = self._slots[slots] < 0
            self._slots[slots[is_free]] = numbers[is_free]
            is_placed = self._slots[slots] == numbers  # of several for one slot, the last
            numbers, slots = numbers[~is_placed], self._next(slots[~is_placed])

    def _grow(self, size: int) -> None:
        capacity = self._hashes.shape[1]
        while capacity < size:
            capacity *= 2
        hashes = np.empty((2, capacity), np.uint64)
        hashes[:, : self._size] = self._hashes[:, : self._size]
        self._hashes = hashes
        self._slots = np.full(SLOTS_PER_TEXT * capacity, -1, np.int32)
        self._place(np.arange(self._size), hashes[:, : self._size])

    def _home(self, hashes: np.ndarray) -> np.ndarray:
        return (hashes[0] & np.uint64(len(self._slots) - 1)).astype(np.int64)

    def _next(self, slots: np.ndarray) -> np.ndarray:
        return (slots + 1) & (len(self._slots) - 1)

    def _hash(self, texts: pa.Array) -> np.ndarray:
        """[2, n] uint64: both hashes, eight bytes of a text at a time."""
        starts, lengths, words = _bytes_of(texts)
        hashes = np.empty((2, len(texts)), np.uint64)
        hashes[:] = self._seeds[:, None]
        hashes ^= lengths.view(np.uint64)
        shortest, longest = int(lengths.min(initial=0)), int(lengths.max(initial=0))
        n_whole = shortest // 8 * 8
        for place in range(0, n_whole, 8):
            _mix(hashes, _words_at(words, starts, place, shortest == longest))
        for place in range(n_whole, longest, 8):
            rows = np.flatnonzero(lengths > place)
            word = words[starts[rows] + place]
            word &= LOW_BYTES[np.minimum(lengths[rows] - place, 8)]
            if len(rows) == len(lengths):
                _mix(hashes, word)
            else:
                part = hashes.take(rows, axis=1)
                _mix(part, word)
                hashes[:, rows] = part
        _mix(hashes, self._seeds[0])
        return hashes


def _mix(hashes: np.ndarray, word: np.ndarray) -> None:
    """Take a word into both hashes [2, n], in place."""
    for place, multiplier in enumerate(MULTIPLIERS):
        hashes[place] ^= word
        hashes[place] *= multiplier
        hashes[place] ^= hashes[place] >> HALF


def _words_at(
    words: np.ndarray, starts: np.ndarray, place: int, have_one_length: bool
) -> np.ndarray:
    """The word [n] that begins at a place of each text; texts lie one behind the other."""
    if have_one_length and len(starts) > 1:
        return words[starts[0] + place :: starts[1] - starts[0]][: len(starts)]
    return words[starts + place]


def _bytes_of(texts: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts and lengths [n] of the texts, and the word that begins at each byte of them all."""
    _, offsets_buffer, data = texts.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int32, len(texts) + 1, 4 * texts.offset)
    first, last = int(offsets[0]), int(offsets[-1])
    content = np.zeros(last - first + 8, np.uint8)  # the last text's words end behind it
    if last > first:
        content[: last - first] = np.frombuffer(data, np.uint8)[first:last]
    words = np.ndarray((last - first + 1,), "<u8", content, strides=(1,))
    starts = offsets[:-1].astype(np.int64) - first
    return starts, np.diff(offsets).astype(np.int64), words
