"""Float32 matrices as int8 rows, each with a scale of its own."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

BLOCK_ROWS = 512
"""Rows of a matrix that a thread works on at once."""


def quantised(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A float32 matrix as int8 [rows, columns] times a float32 scale for each row, the largest number being 127."""
    values, scales = np.empty(matrix.shape, np.int8), np.empty(len(matrix), np.float32)

    def work(rows: slice) -> None:
        values[rows], scales[rows] = _quantised(np.array(matrix[rows], order="C"))

    _by_blocks(len(matrix), work)
    return values, scales


def error_norms(matrix: np.ndarray) -> np.ndarray:
    """Euclidean norms, not rounded down, of what `quantised` takes from each row and of what it keeps: float32 [2, rows]."""
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
