"""What gradients do to weights: Adam, Muon, and the average of the weights over the last steps.

Muon (Jordan 2024, kellerjordan.github.io/posts/muon) moves a matrix by its momentum made orthogonal, so that every
direction moves by the same length. It serves the matrices between vectors that the network makes itself; embeddings,
convolutions, biases and the softmax belong to Adam (Kingma and Ba 2015).
"""

import re
from typing import Protocol

import numpy as np
import tensorflow as tf

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""Adam's constants, as in the paper."""
MOMENTUM = 0.95
COEFFICIENTS, ITERATIONS = (3.4445, -4.7750, 2.0315), 5
"""Of the Newton-Schulz iteration, as published: singular values come near 1, not to it."""
HORIZON = 0.03
"""The average reaches back over this share of the steps made."""

Tensors = dict[str, tf.Tensor]
Variables = dict[str, tf.Variable]

_MATRIX = re.compile(r"lstm/lstm_\d+/W(_P)?|char_embedding/(dense_\d+/(gate|tr)|proj)/W")


class Optimizer(Protocol):
    """Moves some of the weights; its memory is in `slots`."""

    weights: Variables
    slots: Variables
    """By names that no other optimizer uses."""

    def apply(self, gradients: Tensors, factor: tf.Tensor, step: tf.Tensor) -> None:
        """Make one step, the `step`-th, from 1; the learning rate is multiplied by `factor`, float32 []."""


class Adam:
    """Adam by TensorFlow's fused operation."""

    def __init__(self, weights: Variables, rate: float) -> None:
        self.weights, self._rate = weights, rate
        self.slots = {
            f"{kind}:{name}": tf.Variable(tf.zeros_like(value))
            for kind in ("mean", "square")
            for name, value in weights.items()
        }

    def apply(self, gradients: Tensors, factor: tf.Tensor, step: tf.Tensor) -> None:
        """See `Optimizer`."""
        step = tf.cast(step, tf.float32)
        for name, weight in self.weights.items():
            tf.raw_ops.ResourceApplyAdam(
                var=weight.handle,
                m=self.slots[f"mean:{name}"].handle,
                v=self.slots[f"square:{name}"].handle,
                beta1_power=BETA1**step,
                beta2_power=BETA2**step,
                lr=self._rate * factor,
                beta1=BETA1,
                beta2=BETA2,
                epsilon=EPSILON,
                grad=gradients[name],
            )


class Muon:
    """Muon for matrices [inputs, outputs]; the four gates of an LSTM are matrices of their own."""

    def __init__(self, weights: Variables, rate: float, dtype: tf.DType) -> None:
        self.weights, self._rate, self._dtype = weights, rate, dtype
        self.slots = {f"momentum:{name}": tf.Variable(tf.zeros_like(value)) for name, value in weights.items()}

    def apply(self, gradients: Tensors, factor: tf.Tensor, step: tf.Tensor) -> None:
        """See `Optimizer`."""
        for name, weight in self.weights.items():
            momentum, gradient = self.slots[f"momentum:{name}"], gradients[name]
            momentum.assign(MOMENTUM * momentum + (1 - MOMENTUM) * gradient)
            ahead = MOMENTUM * momentum + (1 - MOMENTUM) * gradient  # Nesterov's
            parts = tf.split(ahead, 4, 1) if re.fullmatch(r"lstm/lstm_\d+/W", name) else [ahead]
            direction = tf.concat(tf.unstack(orthogonal(tf.stack(parts), self._dtype)), 1)
            weight.assign_sub(self._rate * factor * direction)


def orthogonal(matrices: tf.Tensor, dtype: tf.DType) -> tf.Tensor:
    """Matrices made orthogonal, then scaled by sqrt(outputs / inputs) where they have more outputs.

    Args:
      matrices: float32 [some, inputs, outputs].
      dtype: of the products.
    """
    _, inputs, outputs = matrices.shape
    a, b, c = COEFFICIENTS
    wide = tf.transpose(matrices, [0, 2, 1]) if inputs > outputs else matrices
    x = tf.cast(wide / (tf.norm(wide, axis=[1, 2], keepdims=True) + 1e-7), dtype)
    for _ in range(ITERATIONS):
        square = tf.matmul(x, x, transpose_b=True)
        x = a * x + tf.matmul(b * square + c * tf.matmul(square, square), x)
    x = tf.transpose(x, [0, 2, 1]) if inputs > outputs else x
    return tf.cast(x, tf.float32) * np.float32(max(1.0, outputs / inputs) ** 0.5)


def optimizers(weights: Variables, kind: str, rate: float, muon_rate: float, dtype: tf.DType) -> list[Optimizer]:
    """Who moves which weights: Adam all of them, or with `muon` all but the matrices, which Muon moves."""
    matrices = {name: value for name, value in weights.items() if kind == "muon" and _MATRIX.fullmatch(name)}
    rest = {name: value for name, value in weights.items() if name not in matrices}
    return [Adam(rest, rate), Muon(matrices, muon_rate, dtype)]


class Average:
    """The weights' mean over the last steps, the latest counting most (Polyak's, exponential)."""

    def __init__(self, weights: Variables) -> None:
        self._weights = weights
        self.slots = {f"average:{name}": tf.Variable(value) for name, value in weights.items()}

    def update(self, step: tf.Tensor) -> None:
        """Take the weights after the `step`-th step, int [], into the average."""
        share = 1 / (1 + HORIZON * tf.cast(step - 1, tf.float32))
        for name, weight in self._weights.items():
            average = self.slots[f"average:{name}"]
            average.assign_add(share * (weight - average))

    @property
    def weights(self) -> Variables:
        """The averages, by the weights' names."""
        return {name: self.slots[f"average:{name}"] for name in self._weights}
