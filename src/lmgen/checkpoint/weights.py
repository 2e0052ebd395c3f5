"""The weights of a checkpoint, by their names without shards, read where they are asked for."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import numpy as np

from lmgen.checkpoint.folder import CHECKPOINT_FILES
from lmgen.checkpoint.names import file_of, joined, shard_names, variable_shapes
from lmgen.checkpoint.shape import SHARDS, Shape, weight_shapes
from lmgen.checkpoint.tensors import RowReader, aligned, check_sums, find_extents
from lmgen.errors import IntegrityError

PIECE = 1 << 20
"""Numbers that a thread reads at once."""


class Weights:
    """`weights[name]` is a whole weight, float32, in the shape that `weight_shapes` gives.

    Raises IntegrityError, when one is read, if it is not float32, not finite or of another size.
    """

    def __init__(self, folder: Path, shape: Shape) -> None:
        self.shape, self._folder = shape, folder
        self._shapes, self._extents = variable_shapes(shape), find_extents(folder)

    def check(self) -> None:
        """Compare all files with their checksums. Raises IntegrityError if any is damaged."""
        with ThreadPoolExecutor() as pool:
            list(pool.map(check_sums, (self._folder / name for name in CHECKPOINT_FILES)))

    def names(self, scope: str = "") -> list[str]:
        """The names of all weights that begin with `scope`, in the order of `weight_shapes`."""
        return [name for name in weight_shapes(self.shape) if name.startswith(scope)]

    def __getitem__(self, name: str) -> np.ndarray:
        return joined(name, [self.variable(variable) for variable in shard_names(name)])

    def variable(self, name: str) -> np.ndarray:
        """A weight that is not cut into shards, or one shard: float32, in its shape in `variable_shapes`."""
        numbers = self._read(name)
        if numbers.size != math.prod(self._shapes[name]):
            raise IntegrityError(
                f"{name} in {file_of(name)} has {numbers.size} numbers: replace the file with a good copy"
            )
        return numbers.reshape(self._shapes[name])

    def softmax(self, begin: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows `begin` up to `end` of the softmax: float32 [rows, projection], and their biases, float32 [rows].

        Both bounds are multiples of 8, the number of shards.
        """
        size = self.shape.projection
        bounds = begin // SHARDS * size, end // SHARDS * size
        parts = [self._read(shard, *bounds).reshape(-1, size) for shard in shard_names("softmax/W")]
        return joined("softmax/W", parts), self._read("softmax/b", begin, end)

    def softmax_rows(self, words: np.ndarray) -> np.ndarray:
        """Rows of the softmax's matrix by their numbers, int64 [words]: float32 [words, projection]; no others are read."""
        return dealt_rows(self.softmax_shards, words)

    @cached_property
    def softmax_shards(self) -> list[np.ndarray]:
        """The softmax's matrix, mapped: row w is row w // 8 of shard w % 8, float32 [rows / 8, projection] each."""
        return [self._extents[name].mapped(self.shape.projection) for name in shard_names("softmax/W")]

    def _read(self, variable: str, begin: int = 0, end: int | None = None) -> np.ndarray:
        """Numbers of a variable, read by all cores: most of the time goes into making room for them."""
        if variable not in self._extents:
            raise IntegrityError(f"{variable} in {file_of(variable)} is not kept as float32 numbers")
        extent = self._extents[variable]
        numbers = aligned((extent.count if end is None else end) - begin)

        def fill(place: int) -> bool:
            piece = numbers[place : place + PIECE]
            extent.fill(piece, begin + place)
            return bool(np.isfinite(piece).all())

        with ThreadPoolExecutor() as pool:
            finite = all(pool.map(fill, range(0, len(numbers), PIECE)))
        if not finite:
            raise IntegrityError(f"{variable} in {file_of(variable)} holds values that are not finite")
        return numbers


def dealt_rows(shards: Sequence[np.ndarray | RowReader], words: np.ndarray) -> np.ndarray:
    """Rows of a matrix that is dealt out to shards: row w is row w // 8 of shard w % 8.

    Args:
      shards: eight, float32 [rows, columns] each.
      words: numbers of the rows, int64 [words].

    Returns float32 [words, columns].
    """
    rows = np.empty((len(words), shards[0].shape[1]), np.float32)
    owners = words % SHARDS
    for shard in set(owners.tolist()):
        chosen = owners == shard
        rows[chosen] = shards[shard][words[chosen] // SHARDS]
    return rows
