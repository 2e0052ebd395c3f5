"""Texts with each word coloured by its surprisal, as pictures."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from lmgen.pictures.png import HEIGHT, LINE, MARGIN, WIDTH, Png, ground, length, line, picture

DARKEST = 12.0
"""Bits of surprisal from which on a word is as dark as can be."""
CAPTION = f"orange: surprisal, 0 to {DARKEST:.0f} bits; white: given"
LINES = HEIGHT // LINE - 1
"""Of a picture, below its caption."""


@dataclass
class Sample:
    """What was given of a text, and what came."""

    prefix: str
    words: list[str] = field(default_factory=list)
    bits: list[float] = field(default_factory=list)
    """Surprisal of each word."""

    def add(self, word: str, bits: float) -> None:
        """The next word."""
        self.words.append(word)
        self.bits.append(bits)

    def cells(self) -> Iterator[tuple[str, float]]:
        """Words and how dark each is, from 0 to 1."""
        yield from ((word, 0.0) for word in self.prefix.split())
        yield from ((word, min(bits / DARKEST, 1.0)) for word, bits in zip(self.words, self.bits, strict=True))


def coloured(samples: Iterable[Sample]) -> Iterator[Png]:
    """Pictures of texts, each text on lines of its own."""
    rows = [row for sample in samples for row in _lines(list(sample.cells()))]
    for start in range(0, len(rows), LINES):
        some = rows[start : start + LINES]
        empty = [np.zeros((LINE, WIDTH), np.uint8)] * (LINES - len(some))  # all pictures have as many lines
        yield picture(CAPTION, np.concatenate([*some, *empty]))


def _lines(cells: Sequence[tuple[str, float]]) -> Iterator[np.ndarray]:
    """Palette places of the lines of one text, each uint8 [LINE, WIDTH]; a word too wide for a line is cut."""
    row, left = np.zeros((LINE, WIDTH), np.uint8), 0
    for word, dark in cells:
        wide = min(length(word) + MARGIN, WIDTH)
        if left + wide > WIDTH:
            yield row
            row, left = np.zeros((LINE, WIDTH), np.uint8), 0
        row[:, left : left + wide] = line(word, wide)
        row[1:, left : left + wide] += ground(np.array(dark), orange=True)
        left += wide
    yield row
