"""A checkpoint as TensorFlow's SavedModel: one step of reading, and the logits after it.

The signature `serving_default` takes `characters`, int32 [rows, 50], and the LSTM states `state_0`, … , float32
[rows, cells + projection]; it gives `logits`, float32 [rows, softmax rows], and `new_state_0`, …: as the ONNX model does.
"""

from pathlib import Path

import tensorflow as tf

from lmgen.checkpoint import Weights, lstm_step, word_vectors
from lmgen.export.litert import part_bounds
from lmgen.text import WORD_LENGTH


def write_savedmodel(weights: Weights, folder: Path) -> None:
    """Write `saved_model.pb` and its variables into a folder. The weights are in memory once, and a part of them twice.

    Raises OSError if it cannot be written.
    """
    with tf.device("cpu:0"):
        step = _Step(weights)
        try:
            tf.saved_model.save(step, str(folder), step.step)
        except tf.errors.OpError as error:  # a full disk: the end of the message says so
            raise OSError(error.message.rpartition("; ")[2].partition(" [Op")[0]) from error


class _Step(tf.Module):
    """One word of each row is read, and the next predicted."""

    def __init__(self, weights: Weights) -> None:
        super().__init__()
        self._shape = weights.shape
        names = [name for name in weights.names() if not name.startswith("softmax/")]
        self._weights = {name: tf.Variable(weights[name], name=name) for name in names}
        self._softmax = [
            tuple(tf.Variable(part, name="softmax") for part in weights.softmax(*rows))
            for rows in part_bounds(self._shape.rows)
        ]
        self._states = [f"state_{layer}" for layer in range(self._shape.layers)]
        size = self._shape.cells + self._shape.projection
        inputs = [tf.TensorSpec([None, size], tf.float32, name) for name in self._states]
        characters = tf.TensorSpec([None, WORD_LENGTH], tf.int32, "characters")
        self.step = tf.function(self._read, input_signature=[characters, *inputs])

    def _read(self, characters, *states):
        x, outputs = word_vectors(self._weights, self._shape, characters), {}
        for layer, (name, state) in enumerate(zip(self._states, states, strict=True)):
            state = lstm_step(self._weights, f"lstm/lstm_{layer}", x, state)
            x = state[:, self._shape.cells :]
            outputs[f"new_{name}"] = state
        parts = [tf.matmul(x, matrix, transpose_b=True) + bias for matrix, bias in self._softmax]
        return {"logits": tf.concat(parts, 1), **outputs}
