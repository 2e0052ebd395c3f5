"""The softmax in float32, straight from the rows of a checkpoint that is mapped into memory."""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import numpy as np

from lmgen.checkpoint.manifest import SHARDS
from lmgen.checkpoint.tensors import aligned, find_extents

READ, BLOCK = 1024, 256
"""Rows that are read at once, and of those multiplied at once: few enough to stay in a core's cache."""
MANY = 1 / 50
"""Share of words from which on reading all rows in order is faster than each at its place."""


class SoftmaxRows:
    """Row w of the softmax is row w // 8 of shard w % 8."""

    def __init__(self, folder: Path, projection: int) -> None:
        extents = find_extents(folder)
        self._size, self._bias = projection, extents["softmax/b"].read()
        self._extents = [extents[f"softmax/W_{shard}"] for shard in range(SHARDS)]
        self._mapped = [extent.mapped(projection) for extent in self._extents]

    def logits(self, words: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        """Logits of some words after one hidden state, float32 [words]."""
        if len(words) > MANY * len(self._bias):
            return self.all_logits(hidden[None])[0, words]
        rows = np.empty((len(words), self._size), np.float32)
        for shard, mapped in enumerate(self._mapped):
            chosen = words % SHARDS == shard
            rows[chosen] = mapped[words[chosen] // SHARDS]
        return rows @ hidden + self._bias[words]

    def all_logits(self, hidden: np.ndarray) -> np.ndarray:
        """Logits of all words after hidden states, float32 [rows, softmax rows]: all of the matrix is read."""
        found = np.empty((len(hidden), len(self._bias) // SHARDS, SHARDS), np.float32)
        places = list(product(range(SHARDS), range(0, found.shape[1], READ)))
        threads = os.cpu_count() or 1

        def work(first: int) -> None:
            room = aligned(READ * self._size).reshape(READ, self._size)  # once: new memory takes as long as the file
            for shard, begin in places[first::threads]:
                rows = room[: found.shape[1] - begin]
                self._extents[shard].fill(rows, begin * self._size)
                _multiply(rows, hidden, found[:, begin : begin + READ, shard])

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(threads)))
        return found.reshape(len(hidden), -1) + self._bias


def _multiply(rows: np.ndarray, hidden: np.ndarray, out: np.ndarray) -> None:
    """Each hidden state by itself, and so many rows at once: a text has the same numbers alone and in any batch."""
    for begin in range(0, len(rows), BLOCK):
        block = rows[begin : begin + BLOCK]
        for row, h in enumerate(hidden):
            out[row, begin : begin + BLOCK] = block @ h
