"""What one process leaves for another: arrays in memory that both have, and what belongs to them."""

import mmap
import os
from dataclasses import dataclass

import numpy as np

BUDGET = 64 << 20
"""Bytes of all slots, if those are neither fewer than LEAST nor more than MOST."""
LEAST, MOST = 4, 512


@dataclass(frozen=True)
class Arrival:
    """A word of a continuation that has come."""

    slot: int
    """Where its logits are: a place in `Slots`."""
    came: float
    """When, in seconds of any clock."""
    word: str
    logprob: float
    """By those logits, in nats."""
    histograms: dict[str, np.ndarray]
    """Numbers by the tags of their histograms."""


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
        return self._arrays[slot]

    def put(self, slot: int, array: np.ndarray) -> None:
        self._arrays[slot] = array
