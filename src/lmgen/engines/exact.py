"""A model whose choices are float32's at nearly the speed of int8."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import numpy as np

from lmgen.checkpoint import SHARDS, ModelFiles, RowReader, aligned, check_sums, dealt_rows, find_extents
from lmgen.engines.litert import LiteRTModel
from lmgen.engines.litert_files import NORMS, ROUNDED, Converted
from lmgen.engines.screening import Margins, candidates
from lmgen.model import Reach, Screen, State
from lmgen.softmax import highest
from lmgen.store import checked_once

READ, BLOCK = 1024, 256
"""Rows that are read at once, and of those multiplied at once: few enough to stay in a core's cache."""
MANY = 1 / 50
"""Share of words from which on reading all rows in order is faster than each at its place."""


class SoftmaxRows:
    """The softmax's matrix and biases in float32, read from a checkpoint: row w is row w // 8 of shard w % 8.

    Raises IntegrityError if the checkpoint is damaged.
    """

    def __init__(self, folder: Path, projection: int) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(_check, (folder / f"ckpt-softmax{shard}" for shard in range(SHARDS + 1))))
        extents = find_extents(folder)
        self._size, self._bias = projection, extents["softmax/b"].read()
        self._extents = [extents[f"softmax/W_{shard}"] for shard in range(SHARDS)]
        self._shards = [RowReader(extent, projection) for extent in self._extents]

    def logits(self, words: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        """Logits of some words after one hidden state, float32 [words].

        Args:
          words: softmax rows, int64 [words].
          hidden: float32 [projection].
        """
        if len(words) > MANY * len(self._bias):
            return self.all_logits(hidden[None])[0, words]
        return dealt_rows(self._shards, words) @ hidden + self._bias[words]

    def all_logits(self, hidden: np.ndarray) -> np.ndarray:
        """Logits after hidden states, float32 [rows, projection]: float32 [rows, softmax rows]. The whole matrix is read."""
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


def _check(path: Path) -> None:
    def whole() -> bool:
        check_sums(path)
        return True

    checked_once(path, "checksums of blocks", whole)


def _multiply(rows: np.ndarray, hidden: np.ndarray, out: np.ndarray) -> None:
    """Each hidden state by itself, and so many rows at once: a text has the same numbers alone and in any batch."""
    for begin in range(0, len(rows), BLOCK):
        block = rows[begin : begin + BLOCK]
        for row, h in enumerate(hidden):
            out[row, begin : begin + BLOCK] = block @ h


class ExactModel(LiteRTModel):
    """LSTMs in float32; the softmax in int8 where a few words are all that matters, else in float32."""

    def __init__(self, files: ModelFiles, converted: Converted, threads: int = 0, spelled_marks: bool = False) -> None:
        super().__init__(files, converted, threads, spelled_marks)
        folder = converted.vectors.parent
        self._rounded, self._norms = self._open(folder / ROUNDED), np.load(folder / NORMS)
        self._rows = SoftmaxRows(files.folder, self._rounded.width("h"))

    def logits_of(self, hidden: np.ndarray) -> np.ndarray:
        return self._rows.all_logits(hidden)

    def logits_in_parts(self, hidden: np.ndarray) -> Iterator[np.ndarray]:
        yield self.logits_of(hidden)

    def screen(self, state: State) -> list[Screen]:
        hidden = self.hidden(state)
        return [Int8Screen(self, *row) for row in zip(self.near(hidden), hidden, self.margins(hidden), strict=True)]

    def near(self, hidden: np.ndarray) -> np.ndarray:
        """Logits by the int8 softmax, float32 [rows, softmax rows], after hidden states, float32 [rows, projection]."""
        return np.concatenate(list(super().logits_in_parts(hidden)), 1)

    def margins(self, hidden: np.ndarray) -> list[Margins]:
        """How far those can be from float32's: bounds for each row of hidden states, float32 [rows, projection]."""
        rounded = self._rounded(h=hidden)["rounded"]
        return [Margins(self._norms, *both) for both in zip(hidden, rounded, strict=True)]

    def far(self, words: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        """Logits of words by the float32 softmax, float32 [words]; from their places, int [words], and float32 [projection]."""
        return self._rows.logits(words, hidden)


class Int8Screen:
    """Logits of one text in int8, and in float32 where they are settled: see `lmgen.model.Screen`."""

    def __init__(self, model: ExactModel, near: np.ndarray, hidden: np.ndarray, margins: Margins) -> None:
        self._model, self._hidden, self._margins = model, hidden, margins
        self.logits = near

    def settle(self, words: np.ndarray) -> None:
        self.logits[words] = self._model.far(words, self._hidden)

    def settle_reach(self, shift: np.ndarray, reach: Reach) -> np.ndarray:
        allowed = self.logits + shift
        likely = highest(allowed, reach.count) if reach.count < len(allowed) else np.arange(len(allowed))
        likely = likely[allowed[likely] > -np.inf]
        self.settle(likely)  # their own logits are a limit that lies higher than bounds of them would
        words = candidates(allowed, self._margins, _limit(self.logits[likely] + shift[likely], reach))
        self.settle(np.setdiff1d(words, likely, assume_unique=True))
        return words

    def bounds(self, allowed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self._margins.bounds(allowed)


def _limit(likely: np.ndarray, reach: Reach) -> float:
    """What a logit must be at least to be in reach, where those of some words are known, float32 [words]."""
    below_best = float(likely.max()) - reach.nats
    if reach.count == 1:
        return below_best
    return min(below_best, float(likely.min())) if len(likely) >= reach.count else -np.inf
