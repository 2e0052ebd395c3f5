"""A checkpoint becomes LiteRT files: letters to vectors, LSTMs, and the softmax in parts."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import tensorflow as tf

from lmgen.checkpoint import (
    CARRY_BIAS,
    ModelFiles,
    Shape,
    Weights,
    check_checkpoint,
    network as plain,
    read_graph,
    shape_of,
    weight_shapes,
)
from lmgen.engines import MEMORY, NORMS, ROUNDED, SOFTMAX, VECTORS, VERSION, fingerprint, save_facts
from lmgen.export.flatbuffer import fill, marked
from lmgen.export.quantise import error_norms
from lmgen.text import WORD_LENGTH

PROJECTION, CELLS, ROWS, FILTERS = 40, 104, 1016, (53, 59, 61, 67, 71, 73, 79, 89)
"""Sizes of templates: no sum or multiple of them that comes up is another's, and the converter makes int8 of all matrices."""
FREQUENT_ROWS, PART_ROWS = 5_000, 100_000
"""Softmax rows of the first part, which are the most frequent words (they lie in it by falling frequency); and of
any other at most: a file of 100 MB in int8 at 1,024 numbers a row. Both are multiples of the number of shards."""


def part_bounds(rows: int) -> list[tuple[int, int]]:
    """First row and end of each part of the softmax."""
    return list(pairwise([0, *range(min(FREQUENT_ROWS, rows), rows, PART_ROWS), rows]))


def convert(files: ModelFiles, folder: Path, precision: str) -> Iterator[tuple[str, int]]:
    """Write the files of a precision into `folder`, which appears when all are there.

    Yields each file's name and how many there will be, before it is made. What an interrupted run has
    made is used again, if the checkpoint is the same. Raises IntegrityError if the checkpoint is damaged.
    """
    shape = shape_of(read_graph(files.graph), files.graph)
    check_checkpoint(files.folder, shape)
    weights = Weights(files.folder, shape)
    draft = folder.with_name(f".partial-{folder.name}-{VERSION}-{fingerprint(files)[:16]}")
    draft.mkdir(parents=True, exist_ok=True)
    makers = _makers(weights, precision)
    yield "checksums", len(makers) + 1
    weights.check()
    for name, make in makers.items():
        yield name, len(makers) + 1
        if not (draft / name).exists():
            made = draft / f"{name}.partial"
            make(made)
            made.replace(draft / name)
    save_facts(draft, files, makers)
    shutil.rmtree(folder, ignore_errors=True)
    draft.replace(folder)


def _makers(weights: Weights, precision: str) -> dict[str, Callable[[Path], None]]:
    """What writes each file, by its name."""
    makers = {
        VECTORS: lambda path: _write_vectors(weights, path),
        MEMORY: lambda path: _write_memory(weights, precision == "fast", path),
    }
    frequent, rare = _softmax_products(precision)
    for number, rows in enumerate(part_bounds(weights.shape.rows)):
        product, small = rare if number else frequent, precision != "float32"
        makers[SOFTMAX.format(number)] = partial(_write_softmax, weights, rows, product, small)
    if precision == "exact":
        makers |= {ROUNDED: lambda path: _write_rounded(weights, path), NORMS: lambda path: _write_norms(weights, path)}
    return makers


def _write_vectors(weights: Weights, path: Path) -> None:
    """The word's vector from its letters, in float32."""
    stand_in = replace(weights.shape, filters=FILTERS, projection=PROJECTION)
    marks = _marks(weights.names("char_embedding/"), stand_in)
    folded = {name: mark - CARRY_BIAS if name.endswith("gate/b") else mark for name, mark in marks.items()}

    def vectors(characters):
        return {"vectors": plain.word_vectors(folded, stand_in, characters)}

    template = _file(vectors, [tf.TensorSpec([None, WORD_LENGTH], tf.int32, "characters")], small=False)
    sizes = dict(zip(FILTERS, weights.shape.filters, strict=True))
    sizes |= {stand_in.width: weights.shape.width, PROJECTION: weights.shape.projection}
    fill(template, sizes, [_as_in_file(name, weights[name]) for name in marks], path)


def _as_in_file(name: str, weight: np.ndarray) -> np.ndarray:
    """A weight of the letters as LiteRT keeps it: outputs first, and the bias of a gate with its constant."""
    if name.endswith("kernel"):
        return weight.transpose(3, 2, 0, 1)
    if name.endswith("gate/b"):
        return weight + np.float32(CARRY_BIAS)
    return weight.T if "/W" in name and name != "char_embedding/W" else weight


def _write_memory(weights: Weights, small: bool, path: Path) -> None:
    """All LSTMs: the new memories from a word's vector and the old ones."""
    states = [f"state_{layer}" for layer in range(weights.shape.layers)]
    product = _product_in_two if small else tf.matmul
    marks = _marks(weights.names("lstm/"), replace(weights.shape, projection=PROJECTION, cells=CELLS))

    def advance(x, *memories):
        new = {}
        for layer, (name, memory) in enumerate(zip(states, memories, strict=True)):
            new[name] = plain.lstm_step(marks, f"lstm/lstm_{layer}", x, memory, CELLS, product)
            x = new[name][:, CELLS:]
        return new

    inputs = [tf.TensorSpec([None, PROJECTION + CELLS], tf.float32, name) for name in states]
    template = _file(advance, [tf.TensorSpec([None, PROJECTION], tf.float32, "x"), *inputs], small)
    parts = ((1, 0), (2, 0), (0, 1), (0, 2), (0, 3), (0, 4), (1, 1))
    sizes = {p * PROJECTION + c * CELLS: p * weights.shape.projection + c * weights.shape.cells for p, c in parts}
    fill(template, sizes, [weights[name].T for name in marks], path)  # LiteRT keeps a matrix's outputs as rows


def _marks(names: Sequence[str], stand_in: Shape) -> dict[str, np.ndarray]:
    """Weights of a template, numbered from 1."""
    sizes = weight_shapes(stand_in)
    return {name: marked(number, sizes[name]) for number, name in enumerate(names, 1)}


def _softmax_products(precision: str) -> tuple[Callable, Callable]:
    """What multiplies h with the rows of the first part, and of all others.

    In `fast` the rare words of the others see h rounded to int8, in half the time: that changes their logits about as
    much as int8 changes their rows, and what is likely comes out the same.
    """
    return {
        "fast": (_product_in_two, tf.matmul),
        "exact": (_product_in_two, _product_in_two),
        "float32": (tf.matmul, tf.matmul),
    }[precision]


@cache
def _softmax_template(product: Callable, small: bool) -> bytes:
    """The file of a part."""
    rows, add = marked(1, [ROWS, PROJECTION]), marked(2, [ROWS])

    def logits(h):
        return {"logits": product(h, rows.T) + add}

    return _file(logits, [tf.TensorSpec([None, PROJECTION], tf.float32, "h")], small)


def _write_softmax(weights: Weights, rows: tuple[int, int], product: Callable, small: bool, path: Path) -> None:
    """One part of the softmax: logits from the top layer's h."""
    matrix, bias = weights.softmax(*rows)
    fill(_softmax_template(product, small), {ROWS: len(matrix), PROJECTION: matrix.shape[1]}, [matrix, bias], path)


def _write_rounded(weights: Weights, path: Path) -> None:
    """What the product sees of h: h times a matrix that int8 holds exactly and that changes nothing."""
    one = marked(1, [PROJECTION, PROJECTION])
    template = _file(
        lambda h: {"rounded": _product_in_two(h, one)}, [tf.TensorSpec([None, PROJECTION], tf.float32, "h")], small=True
    )
    size = weights.shape.projection
    fill(template, {PROJECTION: size}, [np.eye(size, dtype=np.float32)], path)


def _write_norms(weights: Weights, path: Path) -> None:
    """Norms of each row of the softmax: of what int8 takes away from it, and of what it keeps; float32 [2, rows]."""
    parts = [error_norms(weights.softmax(*rows)[0]) for rows in part_bounds(weights.shape.rows)]
    with open(path, "wb") as file:
        np.save(file, np.concatenate(parts, 1))


def _product_in_two(x, matrix):
    """A product whose x, float32 [rows, n], loses nothing where LiteRT rounds it to int8.

    LiteRT gives each row 256 levels from its minimum to its maximum, 0 among them (XNNPACK's dynamic
    quantisation). What that rounding takes away is multiplied as a row of its own, and added.
    """
    width = tf.maximum(tf.reduce_max(x, 1, True), 0.0) - tf.minimum(tf.reduce_min(x, 1, True), 0.0)
    levels = 255 / tf.maximum(width, 1e-30)
    lost = x - tf.round(x * levels) / levels
    both = tf.reshape(tf.stack([x, lost], 1), [-1, x.shape[1]]) @ matrix
    return tf.reduce_sum(tf.reshape(both, [-1, 2, matrix.shape[1]]), 1)


def _file(function, inputs: list[tf.TensorSpec], small: bool) -> bytes:
    """A function as a LiteRT file; `small` stores matrices in int8."""
    traced = tf.function(function, input_signature=inputs).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], tf.Module())
    if small:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return converter.convert()
