"""A checkpoint becomes LiteRT files: characters to vectors, LSTMs, and the softmax in parts."""

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from lmgen.checkpoint import CARRY_BIAS, ModelFiles, Weights, open_checkpoint
from lmgen.engines import MEMORY, NORMS, ROUNDED, SOFTMAX, VECTORS, VERSION, fingerprint, save_facts
from lmgen.errors import needing_tensorflow
from lmgen.export.agreement import check_agreement
from lmgen.export.flatbuffer import CELLS, FILTERS, PROJECTION, ROWS, Template, fill, template_path
from lmgen.export.quantise import error_norms
from lmgen.store import home, put, sign

FREQUENT_ROWS, PART_ROWS = 5_000, 100_000
"""Softmax rows of the first part, which are the most frequent words (they lie in it by falling frequency); and of
any other at most: a file of 100 MB in int8 at 1,024 numbers a row. Both are multiples of the number of shards."""


PRODUCTS = {
    "fast": ("int8-in-two", "int8"),
    "exact": ("int8", "int8"),
    "float32": ("float32", "float32"),
}
"""What multiplies h with the softmax rows of the first part, and of all others. In `fast` the rare words of the others see
h rounded to int8, in half the time: that changes their logits about as much as int8 changes their rows."""


def part_bounds(rows: int) -> list[tuple[int, int]]:
    """First row and end of each part of the softmax."""
    return list(pairwise([0, *range(min(FREQUENT_ROWS, rows), rows, PART_ROWS), rows]))


def convert(files: ModelFiles, folder: Path, precision: str) -> Iterator[tuple[str, int]]:
    """Write the files of a precision into `folder`, which appears when all are there and compute what they should.

    Yields each file's name and how many there will be, before it is made. What an interrupted run has
    made is used again, if the checkpoint is the same. Raises IntegrityError if the checkpoint is damaged.
    """
    weights = open_checkpoint(files).weights
    draft = folder.with_name(f".partial-{folder.name}-{VERSION}-{fingerprint(files)[:16]}-{_user()}")
    draft.mkdir(parents=True, exist_ok=True)
    makers = file_makers(weights, precision)
    yield "checksums", len(makers) + 2
    weights.check()
    for name, make in makers.items():
        yield name, len(makers) + 2
        if not (draft / name).exists():
            made = draft / f"{name}.partial"
            make(made)
            put(made, draft / name)
    yield "comparison", len(makers) + 2
    check_agreement(draft, files, weights, part_bounds(weights.shape.rows), precision)
    save_facts(draft, files, makers)
    if folder.is_relative_to(home()):
        sign(draft, files.folder.resolve().name)
    shutil.rmtree(folder, ignore_errors=True)
    draft.replace(folder)


def _user() -> int:
    """What one user began, another may not be allowed to continue."""
    return os.getuid() if hasattr(os, "getuid") else 0


def file_makers(weights: Weights, precision: str) -> dict[str, Callable[[Path], None]]:
    """What writes each file, by its name."""
    memory = "int8-in-two" if precision == "fast" else "float32"
    makers: dict[str, Callable[[Path], None]] = {
        VECTORS: partial(_write_vectors, weights),
        MEMORY: partial(_write_memory, weights, memory),
    }
    frequent, rare = PRODUCTS[precision]
    for number, rows in enumerate(part_bounds(weights.shape.rows)):
        makers[SOFTMAX.format(number)] = partial(_write_softmax, weights, rows, rare if number else frequent)
    if precision == "exact":
        makers |= {ROUNDED: partial(_write_rounded, weights), NORMS: partial(_write_norms, weights)}
    return makers


def find_template(template: Template) -> bytes:
    """The file of a template: the package's, or else one that TensorFlow makes.

    Raises UnsupportedError where there is neither.
    """
    if template_path(template).exists():
        return template_path(template).read_bytes()
    with needing_tensorflow(f"to convert a model with {template.count} of its {template.kind} layers"):
        from lmgen.export.templates import make

        return make(template)


def _write_vectors(weights: Weights, path: Path) -> None:
    """The vector of a word from its characters, in float32."""
    sizes = dict(zip(FILTERS, weights.shape.filters, strict=True))
    sizes |= {sum(FILTERS): weights.shape.width, PROJECTION: weights.shape.projection}
    template = find_template(Template("vectors", count=weights.shape.highways))
    fill(template, sizes, [_as_in_file(name, weights[name]) for name in weights.names("char_embedding/")], path)


def _as_in_file(name: str, weight: np.ndarray) -> np.ndarray:
    """A weight of `char_embedding` as LiteRT keeps it: outputs first, and the bias of a gate with its constant."""
    if name.endswith("kernel"):
        return weight.transpose(3, 2, 0, 1)
    if name.endswith("gate/b"):
        return weight + np.float32(CARRY_BIAS)
    return weight.T if "/W" in name and name != "char_embedding/W" else weight


def _write_memory(weights: Weights, product: str, path: Path) -> None:
    """All LSTMs: the new memories from a word's vector and the old ones."""
    shape = weights.shape
    parts = ((1, 0), (2, 0), (0, 1), (0, 2), (0, 3), (0, 4), (1, 1))
    sizes = {p * PROJECTION + c * CELLS: p * shape.projection + c * shape.cells for p, c in parts}
    template = find_template(Template("memory", product, shape.layers))
    fill(template, sizes, [weights[name].T for name in weights.names("lstm/")], path)  # a matrix's outputs are rows


def _write_softmax(weights: Weights, rows: tuple[int, int], product: str, path: Path) -> None:
    """One part of the softmax: logits from the top layer's h."""
    matrix, bias = weights.softmax(*rows)
    sizes = {ROWS: len(matrix), PROJECTION: matrix.shape[1]}
    fill(find_template(Template("softmax", product)), sizes, [matrix, bias], path)


def _write_rounded(weights: Weights, path: Path) -> None:
    """What the softmax sees of h: h times a matrix that int8 holds exactly and that changes nothing."""
    size = weights.shape.projection
    fill(find_template(Template("rounded", "int8")), {PROJECTION: size}, [np.eye(size, dtype=np.float32)], path)


def _write_norms(weights: Weights, path: Path) -> None:
    """Norms of each row of the softmax: of what int8 takes away from it, and of what it keeps; float32 [2, rows]."""
    parts = [error_norms(weights.softmax(*rows)[0]) for rows in part_bounds(weights.shape.rows)]
    with open(path, "wb") as file:
        np.save(file, np.concatenate(parts, 1))
