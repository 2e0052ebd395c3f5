"""Pictures of words, as PNG files that grow downwards."""

import zlib
from functools import cache, lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 300, 215
"""Of a picture, in pixels: TensorBoard's time series show one of this size as it is, neither shrunk nor enlarged."""
LINE, MARGIN = 16, 4
"""Height of a line of text, and the space before it, in pixels."""
SIZE = 12
"""Of the letters, in pixels."""
SHADES, INKS = 16, 8
WHITE, BLACK = (255, 255, 255), (20, 20, 30)
HUES = ((25, 75, 150), (225, 95, 0))
"""Blue and orange, at their darkest."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
FORM = bytes([8, 3, 0, 0, 0])
"""8 bits to a pixel, which are a palette's places; all else as ever."""
LEVEL = 1


class Png:
    """A picture that grows downwards, of palette places as `ground` and `inked` make them."""

    def __init__(self, width: int = WIDTH) -> None:
        self.width, self.height = width, 0
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
        chunks = {b"IHDR": size + FORM, b"PLTE": _palette(), b"IDAT": data, b"IEND": b""}
        return SIGNATURE + b"".join(_chunk(kind, content) for kind, content in chunks.items())


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content).to_bytes(4, "big")
    return len(content).to_bytes(4, "big") + kind + content + checksum


def picture(caption: str, pixels: np.ndarray) -> Png:
    """A picture of HEIGHT rows: a caption, and at the bottom what it speaks of, uint8 [rows, WIDTH]."""
    page = np.zeros((HEIGHT, WIDTH), np.uint8)
    page[:LINE] = line(caption, WIDTH)
    page[HEIGHT - len(pixels) :] = pixels
    png = Png()
    png.add(page)
    return png


def ground(shares: np.ndarray, orange: np.ndarray | bool) -> np.ndarray:
    """The palette places of grounds without ink, uint8 of any shape.

    Args:
      shares: how dark each is, from 0 to 1.
      orange: whether each is orange, not blue.
    """
    shades = (np.clip(shares, 0, 1) * (SHADES - 1)).round().astype(int)
    return ((np.asarray(orange).astype(int) * SHADES + shades) * INKS).astype(np.uint8)


@lru_cache(4096)
def line(text: str, width: int) -> np.ndarray:
    """Ink of a text, cut where it is too wide: uint8 [LINE, width], below INKS, to be added to its ground."""
    ink = np.concatenate([np.zeros((LINE, MARGIN), np.uint8), *map(_glyph, text[:width])], 1)[:, :width]
    whole = np.zeros((LINE, width), np.uint8)
    whole[:, : ink.shape[1]] = ink
    return whole


def length(text: str) -> int:
    """Pixels of a line that holds all of a text."""
    return MARGIN + sum(_glyph(letter).shape[1] for letter in text)


@cache
def _glyph(letter: str) -> np.ndarray:
    """A letter's ink, uint8 [LINE, its width]. Letters are put together, for drawing whole words is slower."""
    mask = Image.new("L", (max(1, round(_font().getlength(letter))), LINE))
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
            under = np.array(WHITE) * (1 - shade) + hue * shade
            ink = np.array(WHITE if shade > 0.55 else BLACK)
            colours += [under + (ink - under) * share for share in np.linspace(0, 1, INKS)]
    return np.array(colours).round().astype(np.uint8).tobytes()
