"""Texts that were read before: a text that continues one of them is read from there."""

import sys
from collections import OrderedDict
from collections.abc import Iterator

from lmgen.model import State

Words = tuple[str, ...]


class Prefixes:
    """The memory after each of some texts; those that were not used for longest are forgotten.

    Args:
      limit: bytes to keep at most; 0 keeps nothing.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self.size = limit, 0
        self._kept: OrderedDict[int, tuple[Words, State, int]] = OrderedDict()

    def longest(self, words: Words) -> tuple[int, State | None]:
        """How many first words of a text were read before, and the memory after them, float32 [1, …] per layer."""
        for count, key in reversed(list(enumerate(_keys(words), 1))) if self._kept else ():
            kept = self._kept.get(key)
            if kept and kept[0] == words[:count]:
                self._kept.move_to_end(key)
                return count, kept[1]
        return 0, None

    def keep(self, words: Words, state: State) -> None:
        """Remember the memory after a text, float32 [1, …] per layer."""
        size = sum(layer.nbytes for layer in state) + sum(map(sys.getsizeof, (words, *words)))
        if size > self._limit:
            return
        *_, key = _keys(words)
        self._forget(key)
        self._kept[key] = (words, state, size)
        self.size += size
        while self.size > self._limit:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: int) -> None:
        if key in self._kept:
            self.size -= self._kept.pop(key)[2]


def _keys(words: Words) -> Iterator[int]:
    """A number for each beginning of a text, made from that of the one before."""
    key = 0
    for word in words:
        key = hash((key, word))
        yield key
