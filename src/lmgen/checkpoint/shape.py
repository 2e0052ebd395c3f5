"""The sizes and constants of one model of the family."""

import math
from dataclasses import dataclass

from lmgen.errors import UsageError

WIDTHS = (1, 2, 3, 4, 5, 6, 7, 7)
"""Characters that each of the eight convolutions sees at once (lm_1b's graph)."""
CHARACTERS, CHARACTER_SIZE = 256, 16
"""Byte values, and the length of their embeddings."""
SHARDS = 8


@dataclass(frozen=True)
class Shape:
    """The sizes of one model of the family."""

    filters: tuple[int, ...] = (16, 16, 32, 64, 96, 128, 80, 80)
    """Filters of each convolution, eight of them; their sum is the highway's width, a multiple of 8."""
    highways: int = 2
    projection: int = 256
    """Length of a word's vector and of the LSTM's output; a multiple of 8."""
    cells: int = 1024
    """LSTM cells of each layer; a multiple of 8."""
    layers: int = 2
    rows: int = 30008
    """Rows of the softmax: a multiple of 8, more than there are words."""

    def __post_init__(self) -> None:
        if len(self.filters) != len(WIDTHS) or min(self.filters) < 1:
            raise UsageError(f"filters must be eight numbers above 0, not {self.filters}")
        sizes = {"sum of the filters": self.width, "projection": self.projection, "cells": self.cells}
        for name, size in {**sizes, "softmax rows": self.rows}.items():
            if size < 1 or size % SHARDS:
                raise UsageError(f"the {name} must be a multiple of 8, for that many shards; it is {size}")

    @property
    def width(self) -> int:
        """Length of what the highway layers pass on."""
        return sum(self.filters)

    @property
    def parameters(self) -> int:
        """How many numbers the model has learnt."""
        return sum(math.prod(size) for size in weight_shapes(self).values())


def softmax_rows(words: int) -> int:
    """Rows for so many words: the next multiple of 8 above their number, as the release has spare rows too."""
    return (words // SHARDS + 1) * SHARDS


def weight_shapes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Every weight by its name in the release, before it is cut into shards, with its shape."""
    width, size, cells = shape.width, shape.projection, shape.cells
    weights: dict[str, tuple[int, ...]] = {"char_embedding/W": (CHARACTERS, CHARACTER_SIZE)}
    for index, (window, filters) in enumerate(zip(WIDTHS, shape.filters, strict=True)):
        weights[f"char_embedding/cnn_{index}/kernel"] = (window, CHARACTER_SIZE, 1, filters)
        weights[f"char_embedding/cnn_{index}/b"] = (1, 1, 1, filters)
    for index in range(shape.highways):
        for part in ("gate", "tr"):
            weights[f"char_embedding/dense_{index}/{part}/W"] = (width, width)
            weights[f"char_embedding/dense_{index}/{part}/b"] = (1, width)
    weights["char_embedding/proj/W"] = (width, size)
    weights["char_embedding/proj/b"] = (1, size)
    for index in range(shape.layers):
        layer = f"lstm/lstm_{index}"
        weights[f"{layer}/W"] = (2 * size, 4 * cells)
        weights[f"{layer}/B"] = (4 * cells,)
        for gate in "FIO":
            weights[f"{layer}/W_{gate}_diag"] = (cells,)
        weights[f"{layer}/W_P"] = (cells, size)
    weights["softmax/W"] = (shape.rows, size)
    weights["softmax/b"] = (shape.rows,)
    return weights


FORGET_BIAS = 1.0
CARRY_BIAS = -2.0
"""Added to the LSTM's forget gate and the highway's gate inside the graph, as in the release."""
