"""Float32 matrices as int8 rows, each with a scale of its own."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

BLOCK_ROWS = 512
"""Rows of a matrix that a thread works on at once."""


def quantised(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A matrix, float32 [rows, columns], as int8 [rows, columns] times a scale for each row, float32 [rows].

    The number of a row that is farthest from 0 becomes 127 or -127; a row of zeros has the scale 1.
    """
    values, scales = np.empty(matrix.shape, np.int8), np.empty(len(matrix), np.float32)

    def work(rows: slice) -> None:
        values[rows], scales[rows] = _quantised(np.array(matrix[rows], order="C"))

    _by_blocks(len(matrix), work)
    return values, scales


def error_norms(matrix: np.ndarray) -> np.ndarray:
    """Euclidean norms of what `quantised` loses of each row, and of what it keeps: float32 [2, rows], rounded up.

    Args:
      matrix: float32 [rows, columns].
    """
    norms = np.empty((2, len(matrix)), np.float32)

    def work(rows: slice) -> None:
        values, scales = _quantised(np.array(matrix[rows], order="C"))
        kept = values * scales[:, None].astype(np.float64)  # exact: 8 times 24 bits
        both = np.stack([np.linalg.norm(matrix[rows] - kept, axis=1), np.linalg.norm(kept, axis=1)])
        norms[:, rows] = np.nextafter(both.astype(np.float32), np.float32(np.inf))

    _by_blocks(len(matrix), work)
    return norms


def _quantised(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    largest = np.abs(block).max(1) / np.float32(127)
    scales = np.where(largest == 0, np.float32(1), largest)
    block /= scales[:, None]
    return np.rint(block, out=block).astype(np.int8), scales


def _by_blocks(rows: int, work: Callable[[slice], None]) -> None:
    """Let threads work on some rows each."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        blocks = (slice(begin, begin + BLOCK_ROWS) for begin in range(0, rows, BLOCK_ROWS))
        list(pool.map(work, blocks))
