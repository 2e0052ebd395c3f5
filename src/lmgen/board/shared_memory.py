"""Arrays that one process leaves for another, in memory that both have."""

import mmap
import os

import numpy as np

BUDGET = 64 << 20
"""Bytes of all slots, if those are neither fewer than LEAST nor more than MOST."""
LEAST, MOST = 4, 512


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
