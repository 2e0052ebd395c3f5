"""A stream of sentences cut into shards, which can be done in any order."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from lmgen.scoring import Sentence

FIRST, LARGEST = 1 << 10, 1 << 14
"""Words of a shard, at least: a few at first, so that every worker soon has one, then twice as many each time."""


@dataclass(frozen=True)
class Shard:
    """Sentences next to each other, the first of which starts from an empty LSTM state."""

    number: int
    """From 0."""
    sentences: tuple[Sentence, ...]

    @property
    def place(self) -> str:
        """Where they stand, for messages."""
        first, last = self.sentences[0].place, self.sentences[-1].place
        return first if first == last else f"{first} to {last}"

    @property
    def words(self) -> int:
        """Words and ends that are read."""
        return sum(map(_words, self.sentences))

    @cached_property
    def digest(self) -> str:
        """Differs where anything of the sentences does: SHA-256 in hexadecimal digits."""
        return hashlib.sha256(repr(self.sentences).encode("utf-8", "surrogatepass")).hexdigest()


def shards_of(sentences: Iterable[Sentence], largest: int = LARGEST) -> Iterator[Shard]:
    """Cut sentences where the LSTM state is emptied; the end of each is counted as a word.

    The cuts depend on the sentences alone: who comes again finds the same shards.

    Args:
      largest: words after which a shard ends as soon as it can.
    """
    some: list[Sentence] = []
    number, words, size = 0, 0, min(FIRST, largest)
    for sentence in sentences:
        if words >= size and sentence.fresh:
            yield Shard(number, tuple(some))
            number, words, size, some = number + 1, 0, min(2 * size, largest), []
        some.append(sentence)
        words += _words(sentence)
    if some:
        yield Shard(number, tuple(some))


def _words(sentence: Sentence) -> int:
    return len(sentence.prefix) + len(sentence.words) + 1
