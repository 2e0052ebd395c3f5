"""Vectors of frequent words, kept in a file that all processes read and fill.

A word's vector takes longer than all else that reading it needs. The file has a place for each frequent word
of the vocabulary (270 MB at the released size, but what was never written takes no room). Each place is a checksum, of the word's
characters and its vector, and the vector: what is not there, was written by halves, or belongs to another
word does not fit its checksum, and is computed.
"""

import os
import weakref
from collections.abc import Callable
from pathlib import Path

import google_crc32c
import numpy as np

from lmgen.text import Vocabulary


class KeptVectors:
    """Vectors of words, from a file or computed and put there.

    Args:
      path: of the file; it is made if there is none.
      size: numbers of a vector.
      compute: vectors, float32 [words, size], from characters, int32 [words, 50].

    Raises OSError if the file can neither be read nor made.
    """

    def __init__(self, path: Path, size: int, vocabulary: Vocabulary, compute: Callable[[np.ndarray], np.ndarray]):
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        weakref.finalize(self, os.close, self._file)
        self._size, self._vocabulary, self._compute = size, vocabulary, compute

    def of(self, words: list[str]) -> np.ndarray:
        """The vectors of words, in order, float32 [words, size]."""
        characters = self._vocabulary.all_char_ids(words)
        vectors = np.zeros((len(words), self._size), np.float32)
        new = [place for place, word in enumerate(words) if not self._read(word, characters[place], vectors[place])]
        if new:
            vectors[new] = self._compute(characters[new])
            for place in new:
                self._write(words[place], characters[place], vectors[place])
        return vectors

    def _read(self, word: str, characters: np.ndarray, vector: np.ndarray) -> bool:
        """Whether the word's vector was in the file; if so, it is in `vector` now."""
        if (place := self._place(word)) is None:
            return False
        record = os.pread(self._file, 4 + vector.nbytes, place)
        if len(record) < 4 + vector.nbytes or record[:4] != _checksum(characters, record[4:]):
            return False
        vector[:] = np.frombuffer(record, np.float32, offset=4)
        return True

    def _write(self, word: str, characters: np.ndarray, vector: np.ndarray) -> None:
        if (place := self._place(word)) is not None:
            numbers = vector.tobytes()
            try:
                os.pwrite(self._file, _checksum(characters, numbers) + numbers, place)
            except OSError:  # the disk is full: half a record does not fit its checksum
                return

    def _place(self, word: str) -> int | None:
        """First byte of the word's record; None for words that are not kept."""
        number = self._vocabulary.frequent.get(word)
        return None if number is None else number * 4 * (1 + self._size)


def _checksum(characters: np.ndarray, numbers: bytes) -> bytes:
    return google_crc32c.value(characters.tobytes() + numbers).to_bytes(4, "little")
