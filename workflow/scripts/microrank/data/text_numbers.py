"""Texts as the numbers 0, 1, …, in the order in which they are met: a hash table in numpy.

A text is known by 96 bits of two hashes, whose seeds are drawn anew in every process. So no file
can be made whose texts share them, and by chance two of ten million do with probability 1e-15.
The seeds decide where a text lies in the table, never its number.

The places of the table are called slots, as is usual. A slot holds 32 bits of a text's first hash
and its number plus one, or 0 where it is free. The low bits of the second hash name a text's slot;
if it is taken, the next free one is used (linear probing).
"""

import secrets

import numpy as np
import pyarrow as pa

FIRST_SLOTS = 1 << 12
PLACED_AT_ONCE = 1 << 16  # when the table grows
SLOTS_PER_TEXT = 2  # at least
MULTIPLIERS = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F], np.uint64)
HALF = np.uint64(32)
LOW_HALF = np.uint64((1 << 32) - 1)
WORD = 8  # bytes


class TextNumbers:
    """The texts that were met, and their numbers."""

    def __init__(self) -> None:
        seeds = [secrets.randbits(64) for _ in range(2)]
        self._seeds = np.array(seeds, np.uint64)
        self._slots = np.zeros(FIRST_SLOTS, np.uint64)
        self._hashes = np.empty(FIRST_SLOTS // SLOTS_PER_TEXT, np.uint64)  # the second ones
        self._texts: list[pa.Array] = []
        self._work = np.empty((4, 0), np.uint64)  # kept, since new memory is slow
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def texts(self) -> pa.Array:
        """[size] string: all of them, by number."""
        if len(self._texts) != 1:
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
        places = self._home(hashes[1])
        numbers, goes_on = self._looked_up(places, hashes)
        rows = goes_on
        while len(rows):
            hashes, places = hashes.take(goes_on, axis=1), self._next(places.take(goes_on))
            numbers[rows], goes_on = self._looked_up(places, hashes)
            rows = rows.take(goes_on)
        return numbers

    def _looked_up(self, places: np.ndarray, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Look into one slot for each text.

        Returns:
            numbers: [n] int64, -1 where the slot is free or holds another text.
            others: the places of the texts whose slot holds another one.
        """
        slots = self._slots.take(places)
        numbers = (slots & LOW_HALF).view(np.int64)
        numbers -= 1
        is_other = slots ^ hashes[0] > LOW_HALF
        is_other |= self._hashes.take(numbers) != hashes[1]
        numbers[is_other] = -1
        return numbers, np.flatnonzero(is_other & (slots != 0))

    def _insert(self, texts: pa.Array, hashes: np.ndarray) -> None:
        """Insert distinct texts that are not there."""
        end = self._size + len(texts)
        if end > len(self._hashes):
            self._grow(end)
        self._hashes[self._size : end] = hashes[1]
        self._texts.append(texts)
        self._place(hashes[0] & ~LOW_HALF | np.arange(self._size + 1, end + 1, dtype=np.uint64))
        self._size = end

    def _place(self, slots: np.ndarray) -> None:
        """Put contents of slots where they belong."""
        places = self._home(self._hashes.take((slots & LOW_HALF).view(np.int64) - 1))
        while len(slots):
            is_free = self._slots.take(places) == 0
            self._slots[places[is_free]] = slots[is_free]
            is_placed = self._slots.take(places) == slots  # of several for one slot, the last
            slots, places = slots[~is_placed], self._next(places[~is_placed])

    def _grow(self, size: int) -> None:
        capacity = len(self._hashes)
        while capacity < size:
            capacity *= 2
        hashes = np.empty(capacity, np.uint64)
        hashes[: self._size] = self._hashes[: self._size]
        slots = self._slots[self._slots != 0]
        self._slots = np.empty(0, np.uint64)  # its memory is for the new ones
        self._hashes, self._slots = hashes, np.zeros(SLOTS_PER_TEXT * capacity, np.uint64)
        for first in range(0, len(slots), PLACED_AT_ONCE):
            self._place(slots[first : first + PLACED_AT_ONCE])

    def _home(self, hashes: np.ndarray) -> np.ndarray:
        return (hashes & np.uint64(len(self._slots) - 1)).view(np.int64)

    def _next(self, places: np.ndarray) -> np.ndarray:
        return (places + 1) & (len(self._slots) - 1)

    def _hash(self, texts: pa.Array) -> np.ndarray:
        """[2, n] uint64: both hashes, a word of a text at a time; good until the next call."""
        if self._work.shape[1] < len(texts):
            self._work = np.empty((4, len(texts)), np.uint64)
        work = self._work[:, : len(texts)]
        hashes, word = work[:2], work[2]
        starts, ends, words = _places_of(texts)
        lengths = ends - starts
        np.copyto(word, lengths, casting="unsafe")
        np.bitwise_xor(self._seeds[:, None], word, out=hashes)
        longest = int(lengths.max(initial=0))
        have_one_length = bool((lengths == longest).all())
        for place in range(0, longest, WORD):
            if have_one_length:
                first = int(starts[0]) + min(place, longest - WORD)
                word[:] = words[first::longest][: len(texts)]
                word >>= np.uint64(8 * max(0, place + WORD - longest))
                _mix(work)
                continue
            rows = np.flatnonzero(lengths > place)
            part = work if len(rows) == len(texts) else work.take(rows, axis=1)
            begins = starts[rows] + place
            at = np.minimum(begins, ends[rows] - WORD)
            part[2] = words[at]
            part[2] >>= (8 * (begins - at)).astype(np.uint64)
            _mix(part)
            if part is not work:
                hashes[:, rows] = part[:2]
        word[:] = self._seeds[0]
        _mix(work)
        return hashes


def _mix(work: np.ndarray) -> None:
    """Take the word [n] of a row into both hashes.

    Args:
        work: [4, n] uint64: the two hashes, the word, and room for what comes between.
    """
    word, room = work[2:]
    for place, multiplier in enumerate(MULTIPLIERS):
        work[place] ^= word
        work[place] *= multiplier
        np.right_shift(work[place], HALF, out=room)
        work[place] ^= room


def _places_of(texts: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where texts begin and end [n], and the word that begins at each byte but the last seven.

    A word may begin before its text, and never ends behind it.
    """
    _, offsets_buffer, data = texts.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int32, len(texts) + 1, 4 * texts.offset)
    if len(texts) and offsets[1] < WORD:
        content = np.frombuffer(data or b"", np.uint8)[: offsets[-1]]
        data, offsets = np.concatenate([np.zeros(WORD, np.uint8), content]), offsets + WORD
    n_words = 0 if data is None else max(0, len(data) - WORD + 1)
    words = np.ndarray((n_words,), "<u8", data if n_words else None, strides=(1,))
    return offsets[:-1], offsets[1:], words
