"""A PNG of 256 colours, compressed from its top while its rows come."""

import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
FORM = bytes([8, 3, 0, 0, 0])
"""8 bits to a pixel, which are a palette's places; all else as ever."""
LEVEL = 1


class Png:
    """A picture that grows downwards. 1 <= width."""

    def __init__(self, width: int, palette: bytes) -> None:
        """`palette`: RGB of every place."""
        self.width, self.height, self._palette = width, 0, palette
        self._deflate, self._data = zlib.compressobj(LEVEL), []

    def add(self, pixels: np.ndarray) -> None:
        """More rows: palette places, uint8 [rows, width]."""
        self.height += len(pixels)
        unfiltered = np.zeros((len(pixels), 1 + self.width), np.uint8)
        unfiltered[:, 1:] = pixels
        self._data.append(self._deflate.compress(unfiltered))

    def finish(self) -> bytes:
        """The file."""
        size = self.width.to_bytes(4, "big") + self.height.to_bytes(4, "big")
        data = b"".join(self._data) + self._deflate.flush()
        chunks = {b"IHDR": size + FORM, b"PLTE": self._palette, b"IDAT": data, b"IEND": b""}
        return SIGNATURE + b"".join(_chunk(kind, content) for kind, content in chunks.items())


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content).to_bytes(4, "big")
    return len(content).to_bytes(4, "big") + kind + content + checksum
