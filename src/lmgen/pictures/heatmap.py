"""The most likely words at each place of a text, and what was written, as pictures."""

from collections import deque
from collections.abc import Iterator

import numpy as np

from lmgen.pictures.measures import Column
from lmgen.pictures.png import HEIGHT, LINE, WIDTH, Png, ground, line, picture

COLUMNS = 4
"""Steps side by side; more go into further bands."""
CELL = WIDTH // COLUMNS
"""Width of a word's cell, in pixels."""
SHOWN = HEIGHT // LINE - 2
"""Most likely words of a step in a band, below a caption and the word that was written."""
CAPTION = "top: what came; orange: the same; dark: likely"
BARS = 20
"""Most likely words of a step that have a bar."""
PERCENT, SHADE = 42, 0.4
"""Pixels of a probability beside its bar; how dark a bar is, from 0 to 1."""


class Heatmap:
    """A column for each step, in bands of so many as fit side by side; a band is drawn when it is full."""

    def __init__(self) -> None:
        self._waiting: list[Column] = []
        self._latest: deque[Column] = deque(maxlen=COLUMNS)
        self._whole = Png()
        self._whole.add(line(CAPTION, WIDTH))

    def add(self, column: Column) -> Iterator[Png]:
        """The next step; a picture of its band follows, if that is full now."""
        self._waiting.append(column)
        self._latest.append(column)
        if len(self._waiting) == COLUMNS:
            yield self._draw()

    def rest(self) -> Iterator[Png]:
        """A picture of the last steps, as many as fit, if there is a band that is not full."""
        if self._waiting:
            yield self._draw()

    @property
    def whole(self) -> Png:
        """All bands, one below the other, after `rest`."""
        return self._whole

    def _draw(self) -> Png:
        band, self._waiting = _band(self._waiting), []
        self._whole.add(np.zeros((HEIGHT - LINE - len(band), WIDTH), np.uint8))
        self._whole.add(band)
        return picture(CAPTION, _band(list(self._latest)))


def _band(columns: list[Column]) -> np.ndarray:
    """Palette places, uint8 [LINE * (1 + words), WIDTH]."""
    words = [(column.word, *column.words[:SHOWN]) for column in columns]
    shares = np.sqrt([(column.share, *column.shares[:SHOWN]) for column in columns])
    written = np.array([[True, *(word == column.word for word in column.words[:SHOWN])] for column in columns])
    under = ground(shares, written)
    inks = np.concatenate([line(word, CELL) for column in words for word in column])
    cells = inks.reshape(*under.shape, LINE, CELL) + under[:, :, None, None]
    band = cells.transpose(1, 2, 0, 3).reshape(-1, len(columns) * CELL)
    return np.pad(band, ((0, 0), (0, WIDTH - band.shape[1])))


def bars(number: int, column: Column) -> Png:
    """The most likely words of a step, each with a bar: as long as it is likely, the first one's of full length."""
    words, shares = column.words[:BARS], column.shares[:BARS]
    wide, rows = WIDTH // 2, BARS // 2
    written = np.array([word == column.word for word in words])
    filled = np.arange(wide) < (shares / shares.max(initial=1e-30) * (wide - 2))[:, None]
    under = np.where(filled, ground(np.full(len(words), SHADE), written)[:, None], 0).astype(np.uint8)
    cells = np.zeros((BARS, LINE, wide), np.uint8)
    for cell, word, share in zip(cells, words, shares.tolist(), strict=False):
        cell[:, : wide - PERCENT], cell[:, wide - PERCENT :] = line(word, wide - PERCENT), line(f"{share:.1%}", PERCENT)
    cells[: len(words), 1:] += under[:, None]
    pixels = cells.reshape(2, rows, LINE, wide).transpose(1, 2, 0, 3).reshape(rows * LINE, WIDTH)
    return picture(f"step {number}: {column.word}, {column.share:.2%}", pixels)
