"""What a model is: its shape, files and facts; and the file `model.toml` that says so."""

import hashlib
import math
import sys
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import tomli_w

from lmgen.errors import IntegrityError, UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

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


@dataclass(frozen=True)
class Manifest:
    """What `model.toml` holds."""

    name: str
    description: str
    licence: str
    shape: Shape
    words: int
    """Size of the vocabulary, the three marks included."""
    training: dict[str, Any] = field(default_factory=dict)
    """Facts of the training: steps, tokens, hours, perplexities."""
    files: dict[str, str] = field(default_factory=dict)
    """sha256 of each file, in hexadecimal."""

    @classmethod
    def load(cls, path: Path) -> "Manifest":
        """Read a manifest. Raises IntegrityError for what is not one, or says more than it should."""
        try:
            facts = tomllib.loads(path.read_text("utf-8"))
            unknown = set(facts) - {known.name for known in fields(cls)}
            if unknown:
                raise IntegrityError(f"{path} has the unknown entry {min(unknown)!r}")
            shape = facts.pop("shape")
            return cls(shape=Shape(**{**shape, "filters": tuple(shape["filters"])}), **facts)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
            raise IntegrityError(f"{path} is not a model's manifest: {error}") from error

    def save(self, path: Path) -> None:
        facts = asdict(self)
        path.write_text(tomli_w.dumps({**facts, "shape": {**facts["shape"], "filters": list(self.shape.filters)}}))


def sha256(path: Path) -> str:
    """Checksum of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
