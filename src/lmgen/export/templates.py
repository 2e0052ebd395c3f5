"""LiteRT files at small sizes, each weight a number of its own, made by TensorFlow's converter: see `flatbuffer`.

`python -m lmgen.export.templates` makes those in the package again, so that few models need TensorFlow to
be converted. Numbers of layers and of highways are part of a file's structure, sizes are not.
"""

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import tensorflow as tf

from lmgen.checkpoint import CARRY_BIAS, Shape, lstm_step, weight_shapes, word_vectors
from lmgen.engines import quiet_tensorflow
from lmgen.export.flatbuffer import (
    CELLS,
    FILTERS,
    PROJECTION,
    ROWS,
    SHIPPED,
    Template,
    marked,
    stripped,
    template_path,
)
from lmgen.text import WORD_LENGTH


@cache
def make(template: Template) -> bytes:
    """The file of a template, weights and all."""
    makers = {"vectors": _vectors, "memory": _memory, "softmax": _softmax, "rounded": _rounded}
    return makers[template.kind](template)


def _vectors(template: Template) -> bytes:
    """The vector of a word from its characters."""
    shape = Shape(filters=FILTERS, highways=template.count, projection=PROJECTION)
    marks = dict(_marks("char_embedding/", shape))
    folded = {name: mark - CARRY_BIAS if name.endswith("gate/b") else mark for name, mark in marks.items()}

    def vectors(characters):
        return {"vectors": word_vectors(folded, shape, characters)}

    return _file(vectors, [tf.TensorSpec([None, WORD_LENGTH], tf.int32, "characters")], template)


def _memory(template: Template) -> bytes:
    """All LSTMs: the new memories from a word's vector and the old ones."""
    states = [f"state_{layer}" for layer in range(template.count)]
    marks = dict(_marks("lstm/", Shape(projection=PROJECTION, cells=CELLS, layers=template.count)))

    def advance(x, *memories):
        new = {}
        for layer, (name, memory) in enumerate(zip(states, memories, strict=True)):
            new[name] = lstm_step(marks, f"lstm/lstm_{layer}", x, memory, _PRODUCTS[template.product])
            x = new[name][:, CELLS:]
        return new

    inputs = [tf.TensorSpec([None, PROJECTION + CELLS], tf.float32, name) for name in states]
    return _file(advance, [tf.TensorSpec([None, PROJECTION], tf.float32, "x"), *inputs], template)


def _softmax(template: Template) -> bytes:
    """Logits of some words."""
    rows, bias = marked(1, [ROWS, PROJECTION]), marked(2, [ROWS])
    product = _PRODUCTS[template.product]

    def logits(h):
        return {"logits": product(h, rows.T) + bias}

    return _file(logits, [tf.TensorSpec([None, PROJECTION], tf.float32, "h")], template)


def _rounded(template: Template) -> bytes:
    """What a product sees of h."""
    one, product = marked(1, [PROJECTION, PROJECTION]), _PRODUCTS[template.product]

    def rounded(h):
        return {"rounded": product(h, one)}

    return _file(rounded, [tf.TensorSpec([None, PROJECTION], tf.float32, "h")], template)


def _marks(scope: str, shape: Shape) -> Iterator[tuple[str, np.ndarray]]:
    """Weights of a template by their names, numbered from 1."""
    sizes = {name: size for name, size in weight_shapes(shape).items() if name.startswith(scope)}
    for number, (name, size) in enumerate(sizes.items(), 1):
        yield name, marked(number, size)


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


_PRODUCTS: dict[str, Callable] = {"float32": tf.matmul, "int8": tf.matmul, "int8-in-two": _product_in_two}


def _file(function: Callable, inputs: list[tf.TensorSpec], template: Template) -> bytes:
    """A function as a LiteRT file, its matrices in int8 unless the template's are float32."""
    traced = tf.function(function, input_signature=inputs).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], tf.Module())
    if template.product != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return converter.convert()


def main() -> None:
    """Write the package's templates."""
    for template in SHIPPED:
        with quiet_tensorflow():
            content = stripped(make(template))
        template_path(template).parent.mkdir(exist_ok=True)
        template_path(template).write_bytes(content)


if __name__ == "__main__":
    main()
