"""A checkpoint becomes LiteRT files: letters to vectors, LSTMs, and the softmax in parts."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import tensorflow as tf

from lmgen import plain
from lmgen.checkpoint import check_checkpoint, restore
from lmgen.converted import MEMORY, SOFTMAX, VECTORS, fingerprint, save_facts
from lmgen.definition import read_graph, shape_of
from lmgen.graph import shard_names
from lmgen.layout import joined
from lmgen.manifest import SHARDS, Shape, weight_shapes
from lmgen.store import ModelFiles
from lmgen.template import fill, marked
from lmgen.vocabulary import WORD_LENGTH

PROJECTION, CELLS, ROWS = 40, 104, 1016
"""Sizes of templates: no sum or multiple of them that comes up is another's, and the converter makes int8 of all matrices."""
PART_ROWS = 100_000
"""Softmax rows of a part at most: a file of 100 MB in int8 at 1,024 numbers a row."""


def part_bounds(rows: int) -> list[tuple[int, int]]:
    """First row and end of each part of the softmax; all begin at multiples of the number of shards."""
    step = -(-rows // -(-rows // PART_ROWS) // SHARDS) * SHARDS
    return [(begin, min(begin + step, rows)) for begin in range(0, rows, step)]


def convert(files: ModelFiles, folder: Path, precision: str) -> Iterator[tuple[str, int]]:
    """Write the files of a precision into `folder`, which appears when all are there.

    Yields each file's name and how many there will be, before it is made. What an interrupted run has
    made is used again, if the checkpoint is the same. Raises IntegrityError if the checkpoint is damaged.
    """
    shape = shape_of(read_graph(files.graph), files.graph)
    check_checkpoint(files.folder, shape)
    partial = folder.with_name(f".partial-{folder.name}-{fingerprint(files)[:16]}")
    partial.mkdir(parents=True, exist_ok=True)
    makers = _makers(files.folder, shape, precision == "fast")
    for name, make in makers.items():
        yield name, len(makers)
        if not (partial / name).exists():
            made = partial / f"{name}.partial"
            made.write_bytes(make())
            made.replace(partial / name)
    save_facts(partial, files, makers)
    shutil.rmtree(folder, ignore_errors=True)
    partial.replace(folder)


def _makers(folder: Path, shape: Shape, small: bool) -> dict[str, Callable[[], bytes]]:
    """What makes each file, by its name."""
    shards = cache(lambda: [restore(folder, shard) for shard in shard_names("softmax/W")])
    bias = cache(lambda: restore(folder, "softmax/b"))
    makers = {
        VECTORS: lambda: _vectors(_weights(folder, shape, "char_embedding/"), shape),
        MEMORY: lambda: _memory(_weights(folder, shape, "lstm/"), shape, small),
    }
    for number, (begin, end) in enumerate(part_bounds(shape.rows)):
        rows = slice(begin // SHARDS, end // SHARDS)
        makers[SOFTMAX.format(number)] = lambda rows=rows, begin=begin, end=end: _softmax(
            joined("softmax/W", [shard[rows] for shard in shards()]), bias()[begin:end], small
        )
    return makers


def _weights(folder: Path, shape: Shape, scope: str) -> dict[str, np.ndarray]:
    """All weights of a scope, by their names without shards."""
    weights = {}
    for name in weight_shapes(shape):
        if name.startswith(scope):
            weights[name] = joined(name, [restore(folder, variable) for variable in shard_names(name)])
    return weights


def _vectors(weights, shape: Shape) -> bytes:
    def vectors(characters):
        return {"vectors": plain.word_vectors(weights, shape, characters)}

    return _file(vectors, [tf.TensorSpec([None, WORD_LENGTH], tf.int32, "characters")], small=False)


def _memory(weights: dict[str, np.ndarray], shape: Shape, small: bool) -> bytes:
    states = [f"state_{layer}" for layer in range(shape.layers)]
    product = _product_in_two if small else tf.matmul
    stand_in = replace(shape, projection=PROJECTION, cells=CELLS)
    sizes = {name: size for name, size in weight_shapes(stand_in).items() if name in weights}
    marks = {name: marked(number, size) for number, (name, size) in enumerate(sizes.items(), 1)}

    def advance(x, *memories):
        new = {}
        for layer, (name, memory) in enumerate(zip(states, memories, strict=True)):
            new[name] = plain.lstm_step(marks, f"lstm/lstm_{layer}", x, memory, CELLS, product)
            x = new[name][:, CELLS:]
        return new

    inputs = [tf.TensorSpec([None, PROJECTION + CELLS], tf.float32, name) for name in states]
    template = _file(advance, [tf.TensorSpec([None, PROJECTION], tf.float32, "x"), *inputs], small)
    parts = ((1, 0), (2, 0), (0, 1), (0, 2), (0, 3), (0, 4), (1, 1))
    real = {p * PROJECTION + c * CELLS: p * shape.projection + c * shape.cells for p, c in parts}
    return fill(template, real, [weights[name].T for name in sizes])  # LiteRT keeps a matrix's outputs as rows


def _softmax(matrix: np.ndarray, bias: np.ndarray, small: bool) -> bytes:
    product = _product_in_two if small else tf.matmul
    rows, add = marked(1, [ROWS, PROJECTION]), marked(2, [ROWS])

    def logits(h):
        return {"logits": product(h, rows.T) + add}

    template = _file(logits, [tf.TensorSpec([None, PROJECTION], tf.float32, "h")], small)
    return fill(template, {ROWS: matrix.shape[0], PROJECTION: matrix.shape[1]}, [matrix, bias])


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
