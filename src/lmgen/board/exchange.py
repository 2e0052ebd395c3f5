"""What passes between the process that generates and the one that writes: orders, and logits in memory that both have."""

import mmap
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

Key = tuple[int, int]
"""Of a continuation: the numbers of its prompt and of its sample."""
BUDGET = 64 << 20
"""Bytes of all slots, if those are neither fewer than LEAST nor more than MOST."""
LEAST, MOST = 4, 512
DONE = b"\0"
"""What the process that writes answers to a flush."""


@dataclass(frozen=True)
class Arrival:
    """A word of a continuation that has come."""

    slot: int
    """Where its logits are: a place in `Slots`."""
    came: float
    """When, in seconds of any clock."""
    word: str
    logprob: float
    """Natural logarithm of its probability by those logits."""
    histograms: dict[str, np.ndarray]
    """Numbers of which histograms are drawn, float32 of any shape, by their tags."""


class Slots:
    """Places for arrays of one size, float32 [rows]."""

    def __init__(self, memory: int, rows: int) -> None:
        """`memory`: its file descriptor; it grows if need be."""
        count = min(MOST, max(LEAST, BUDGET // (rows * np.float32().nbytes)))
        size = count * rows * np.float32().nbytes
        if os.fstat(memory).st_size < size:
            os.ftruncate(memory, size)
        self.rows = rows
        self._arrays = np.frombuffer(mmap.mmap(memory, size), np.float32).reshape(count, rows)

    def __len__(self) -> int:
        return len(self._arrays)

    def __getitem__(self, slot: int) -> np.ndarray:
        """The array in a slot, float32 [rows], which holds until another is put there."""
        return self._arrays[slot]

    def put(self, slot: int, array: np.ndarray) -> None:
        """Copy an array, float32 [rows], into a slot."""
        self._arrays[slot] = array


class Orders(Protocol):
    """What the process that generates may ask of the one that writes, which does it in this order, and later."""

    def read(self, graph: Path) -> None:
        """Read a graph's file, which a model will be said to have."""

    def know(self, graph: Path, lines: bytes) -> None:
        """Receive the model: its graph's file, and the lines of its vocabulary."""

    def share(self, rows: int) -> None:
        """Receive how many logits there are to a word."""

    def describe(self, folder: Path, options: dict[str, Any]) -> None:
        """Write what concerns all continuations: the model's graph, what the tabs show, and the options' names."""

    def begin(self, key: Key, folder: Path, prefix: str, options: dict[str, Any], group: str) -> None:
        """Begin a continuation, with a folder of its own.

        Args:
          options: by which it is sampled, strings and numbers by their names.
          group: a name that all continuations of its prompt have.
        """

    def add(self, key: Key, arrival: Arrival) -> None:
        """Write a continuation's next word."""

    def end(self, key: Key) -> None:
        """Complete a continuation."""

    def flush(self) -> None:
        """Let all that was added be seen, and say so with one byte, DONE."""

    def close(self) -> None:
        """Make all files whole: no continuation goes further."""
