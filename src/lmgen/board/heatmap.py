"""All predictions of a text as one picture: the most likely words at each place, and what was written."""

import zlib
from functools import cache, lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lmgen.board.measures import Column

COLUMNS = 12
"""Steps side by side; more go into further bands below."""
WIDTH, HEIGHT, MARGIN, GAP = 84, 16, 4, 8
"""Of a cell, the space before its word, and that above a band, in pixels."""
SIZE = 12
"""Of the letters, in pixels."""
SHADES, INKS = 16, 8
WHITE, BLACK = (255, 255, 255), (20, 20, 30)
HUES = ((25, 75, 150), (225, 95, 0))
"""Of a word that is certain; and of one that is certain and was written."""
CAPTION = "First row: the words written. Below each the most likely, darker if more likely; orange is what was written."


SIGNATURE = b"\x89PNG\r\n\x1a\n"
FORM = bytes([8, 3, 0, 0, 0])
"""8 bits to a pixel, which are a palette's places; all else as ever."""
LEVEL = 1


class Png:
    """A picture that grows downwards. 1 <= width."""

    def __init__(self, width: int, palette: bytes) -> None:
        """`palette`: red, green and blue of every place, a byte each."""
        self.width, self.height, self._palette = width, 0, palette
        self._deflate = zlib.compressobj(LEVEL)
        self._data: list[bytes] = []

    def add(self, pixels: np.ndarray) -> None:
        """Add rows of pixels below: places in the palette, uint8 [rows, width]."""
        self.height += len(pixels)
        unfiltered = np.zeros((len(pixels), 1 + self.width), np.uint8)
        unfiltered[:, 1:] = pixels
        self._data.append(self._deflate.compress(unfiltered.tobytes()))

    def finish(self) -> bytes:
        """The file."""
        size = self.width.to_bytes(4, "big") + self.height.to_bytes(4, "big")
        data = b"".join(self._data) + self._deflate.flush()
        chunks = {b"IHDR": size + FORM, b"PLTE": self._palette, b"IDAT": data, b"IEND": b""}
        return SIGNATURE + b"".join(_chunk(kind, content) for kind, content in chunks.items())


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content).to_bytes(4, "big")
    return len(content).to_bytes(4, "big") + kind + content + checksum


class Heatmap:
    """A column for each step, in bands of so many as fit side by side; a band is drawn when it is full."""

    def __init__(self) -> None:
        self._waiting: list[Column] = []
        self._png: Png | None = None

    def add(self, column: Column) -> None:
        """The next step."""
        self._waiting.append(column)
        if len(self._waiting) == COLUMNS:
            self._draw()

    def finish(self) -> Png:
        """The whole picture, of one step at least."""
        return self._draw() if self._waiting or self._png is None else self._png

    def _draw(self) -> Png:
        band, self._waiting = _band(self._waiting), []
        if self._png is None:
            self._png = Png(band.shape[1], _palette())
            self._png.add(_line(CAPTION, self._png.width))
        rows = np.zeros((GAP + len(band), self._png.width), np.uint8)
        rows[GAP:, : band.shape[1]] = band
        self._png.add(rows)
        return self._png


def _band(columns: list[Column]) -> np.ndarray:
    """Palette places, uint8 [HEIGHT * (1 + words), columns * WIDTH]: hue, shade and ink of every pixel."""
    words = [(column.word, *column.words) for column in columns]
    shades = np.sqrt([(column.share, *column.shares) for column in columns]) * (SHADES - 1)
    written = np.array([[True, *(word == column.word for word in column.words)] for column in columns])
    ground = (written * SHADES + shades.round().astype(int)) * INKS
    inks = np.concatenate([_label(word) for column in words for word in column])
    cells = inks.reshape(*ground.shape, HEIGHT, WIDTH) + ground[:, :, None, None].astype(np.uint8)
    return cells.transpose(1, 2, 0, 3).reshape(-1, len(columns) * WIDTH)


@lru_cache(4096)
def _label(word: str) -> np.ndarray:
    """How much ink is where in a word's cell: uint8 [HEIGHT, WIDTH], below INKS."""
    return _line(word, WIDTH)


def _line(text: str, width: int) -> np.ndarray:
    """Ink of a text, cut where it is too wide: uint8 [HEIGHT, width]."""
    ink = np.concatenate([np.zeros((HEIGHT, MARGIN), np.uint8), *map(_glyph, text[:width])], 1)[:, :width]
    line = np.zeros((HEIGHT, width), np.uint8)
    line[:, : ink.shape[1]] = ink
    return line


@cache
def _glyph(letter: str) -> np.ndarray:
    """A letter's ink, uint8 [HEIGHT, its width]. Letters are put together, for drawing whole words is slower."""
    mask = Image.new("L", (max(1, round(_font().getlength(letter))), HEIGHT))
    ImageDraw.Draw(mask).text((0, 1), letter, fill=255, font=_font())
    return np.asarray(mask) // (256 // INKS)


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(SIZE)


@cache
def _palette() -> bytes:
    """RGB of every palette place: for each hue and shade the ground, and the steps from it to the ink."""
    colours = []
    for hue in np.array(HUES):
        for shade in np.linspace(0, 1, SHADES):
            ground = np.array(WHITE) * (1 - shade) + hue * shade
            ink = np.array(WHITE if shade > 0.55 else BLACK)
            colours += [ground + (ink - ground) * share for share in np.linspace(0, 1, INKS)]
    return np.array(colours).round().astype(np.uint8).tobytes()
