"""What a model is: its shape, files and facts; and the file `model.toml` that says so."""

import hashlib
import math
import re
import sys
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

import dacite
import tomli_w

from lmgen.errors import IntegrityError, LmgenError, MissingError, UsageError

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


DIGITS = {"md5": 32, "sha256": 64, "sha512": 128}
"""Checksums that a file may have, with their number of hexadecimal digits."""


@dataclass(frozen=True)
class File:
    """One file of a model."""

    md5: str = ""
    sha256: str = ""
    sha512: str = ""
    size: int = 0
    """Bytes, about: for the question before a download, its bars and the free disk; 0 if not known."""
    path: str = ""
    """Where it is below a mirror's address, if not there under its own name."""

    def __post_init__(self) -> None:
        for kind, value in self.checksums.items():
            if not re.fullmatch(f"[0-9a-f]{{{DIGITS[kind]}}}", value):
                raise UsageError(f"a {kind} has {DIGITS[kind]} digits 0 to f, unlike {value!r}")
        if self.path.startswith("/") or ".." in self.path.split("/"):
            raise UsageError(f"the path {self.path!r} leaves the mirror")

    @property
    def checksums(self) -> dict[str, str]:
        """Those that are known, by their kind."""
        return {kind: value for kind in DIGITS if (value := getattr(self, kind))}


@dataclass(frozen=True)
class Expectation:
    """What a model is known to answer to a text."""

    source: str
    """Who published it."""
    words: str
    """The text, its words with spaces between."""
    starts: tuple[str, ...] = ("<S>",)
    """What is read first: `<S>`, `spelled` (the three letters of it) or `nothing`; several where it is not known which."""
    bits: tuple[float, ...] = ()
    """Surprisals of the text's last words, in bits, over all rows of the softmax."""
    top: tuple[str, ...] = ()
    """The likeliest next words, with spaces between, after the start and after each word of the text."""

    def __post_init__(self) -> None:
        words = len(self.words.split(" "))
        if not set(self.starts) <= {"<S>", "spelled", "nothing"} or not self.starts:
            raise UsageError(f"a text may start with <S>, spelled or nothing, not with {self.starts}")
        if len(self.bits) > words - ("nothing" in self.starts) or len(self.top) not in (0, words + 1):
            raise UsageError(f"{self.words!r} has {len(self.bits)} bits and {len(self.top)} lists: too many or too few")


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
    files: dict[str, File] = field(default_factory=dict)
    """By name; in TOML a sha256 alone may stand for a file."""
    citation: str = ""
    mirrors: tuple[str, ...] = ()
    """Addresses of folders that hold the files, the best first."""
    expectations: tuple[Expectation, ...] = ()

    def __post_init__(self) -> None:
        for name in (self.name, *self.files):
            if not safe_name(name):
                raise UsageError(f"{name!r} cannot be the name of a model or a file in its folder")
        for mirror in self.mirrors:
            if not mirror.startswith(("https://", "http://")):
                raise UsageError(f"the mirror {mirror!r} is no http address")

    @property
    def size(self) -> int:
        """Bytes of all files, about."""
        return sum(file.size for file in self.files.values())

    @classmethod
    def load(cls, path: Path) -> "Manifest":
        """Read a manifest. Raises IntegrityError for what is not one, or says more than it should."""
        try:
            facts = tomllib.loads(path.read_text("utf-8"))
            return dacite.from_dict(cls, facts, _TOML)
        except OSError as error:
            raise MissingError(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, dacite.DaciteError, LmgenError) as error:
            raise IntegrityError(f"{path} is not a model's manifest: {error}") from error

    def save(self, path: Path) -> None:
        """Write the file that `load` reads."""
        path.write_text(tomli_w.dumps(_plain(self)), "utf-8")


_TOML = dacite.Config(
    strict=True,
    cast=[tuple],
    type_hooks={File: lambda value: {"sha256": value} if isinstance(value, str) else value},
)


def _plain(value: Any) -> Any:
    """What TOML can hold of a dataclass and all in it; what is empty by default is left out."""
    if is_dataclass(value):
        told = {entry.name: getattr(value, entry.name) for entry in fields(value)}
        needed = {entry.name for entry in fields(value) if entry.default is entry.default_factory is MISSING}
        told = {name: item for name, item in told.items() if item or name in needed}
        return told["sha256"] if told.keys() == {"sha256"} else _plain(told)
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def safe_name(name: str) -> bool:
    """Whether a name stays in the folder where it is put, on every system, and is no hidden file's."""
    return re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}", name) is not None


class Digest:
    """The checksums of a file, as its bytes pass by."""

    def __init__(self, kinds: Iterable[str] = ("sha256",)) -> None:
        self._hashes = {kind: hashlib.new(kind, usedforsecurity=False) for kind in kinds}

    def add(self, block: bytes) -> None:
        for hashed in self._hashes.values():
            hashed.update(block)

    def read(self, path: Path) -> "Digest":
        """Add a whole file."""
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                self.add(block)
        return self

    @property
    def checksums(self) -> dict[str, str]:
        """By kind, in hexadecimal."""
        return {kind: hashed.hexdigest() for kind, hashed in self._hashes.items()}


def sha256(path: Path) -> str:
    """Checksum of a file, in hexadecimal."""
    return Digest().read(path).checksums["sha256"]


def intact(path: Path, file: File) -> bool:
    """Whether a file has all the checksums it should have, and there is one at least."""
    return bool(file.checksums) and Digest(file.checksums).read(path).checksums == file.checksums
