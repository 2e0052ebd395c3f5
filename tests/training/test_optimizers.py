"""Every optimizer beside its formulas in plain NumPy, float32."""

import numpy as np
import pytest
import tensorflow as tf

from lmgen.checkpoint.shape import Shape, weight_shapes
from lmgen.training.optimizers import Adam, Average, Muon, optimizers, orthogonal

SHAPE = Shape(filters=(2, 2, 2, 2, 4, 4, 8, 8), projection=16, cells=24, rows=40)
LSTM, PROJECTION = "lstm/lstm_0/W", "lstm/lstm_0/W_P"


def some(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def apply(optimizer, gradients, factors):
    for step, (gradient, factor) in enumerate(zip(gradients, factors, strict=True), 1):
        optimizer.apply(gradient, tf.constant(factor, tf.float32), tf.constant(step))


def newton_schulz(matrix):
    rows, columns = matrix.shape
    x = matrix.T if rows > columns else matrix
    x = x / (np.linalg.norm(x) + 1e-7)
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x - 4.7750 * square @ x + 2.0315 * square @ square @ x
    return (x.T if rows > columns else x) * np.sqrt(max(1, columns / rows))


def test_adam_is_kingma_and_ba_s():
    weight, gradients, factors = some(3, 4), [some(3, 4, seed=seed) for seed in (1, 2, 3)], (0.5, 1.0, 0.1)
    variable = tf.Variable(weight)
    apply(Adam({"w": variable}, 0.01), [{"w": tf.constant(one)} for one in gradients], factors)

    mean = square = np.zeros((3, 4))
    for step, (gradient, factor) in enumerate(zip(gradients, factors, strict=True), 1):
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        corrected = np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        weight = weight - 0.01 * factor * corrected * mean / (np.sqrt(square) + 1e-8)
    np.testing.assert_allclose(variable.numpy(), weight, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "shape", "parts"), [(LSTM, (8, 24), 4), (PROJECTION, (12, 5), 1), ("x", (5, 12), 1)])
def test_muon_moves_by_the_momentum_made_orthogonal(name, shape, parts):
    weight, gradients, factors = some(*shape), [some(*shape, seed=seed) for seed in (1, 2, 3)], (0.5, 1.0, 0.1)
    variable = tf.Variable(weight)
    apply(Muon({name: variable}, 0.02, tf.float32), [{name: tf.constant(one)} for one in gradients], factors)

    momentum = np.zeros(shape)
    for gradient, factor in zip(gradients, factors, strict=True):
        momentum = 0.95 * momentum + 0.05 * gradient
        ahead = 0.95 * momentum + 0.05 * gradient
        direction = np.concatenate([newton_schulz(part) for part in np.split(ahead, parts, 1)], 1)
        weight = weight - 0.02 * factor * direction
    np.testing.assert_allclose(variable.numpy(), weight, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(16, 16), (16, 40), (40, 16)])
def test_singular_values_come_near_one(shape):
    matrices = tf.constant(some(2, *shape))

    for matrix in orthogonal(matrices, tf.float32).numpy():
        values = np.linalg.svd(matrix, compute_uv=False) / max(1, shape[1] / shape[0]) ** 0.5
        assert 0.3 < values.min() <= values.max() < 1.3


def test_every_weight_is_moved_by_one_optimizer():
    weights = {name: tf.Variable(tf.zeros(shape)) for name, shape in weight_shapes(SHAPE).items()}

    adam, muon = optimizers(weights, "muon", 0.1, 0.1, tf.float32)
    everything, nothing = optimizers(weights, "adam", 0.1, 0.1, tf.float32)

    assert sorted([*adam.weights, *muon.weights]) == sorted(everything.weights) == sorted(weights)
    assert not nothing.weights
    assert set(muon.weights) == {
        *(f"lstm/lstm_{layer}/{matrix}" for layer in (0, 1) for matrix in ("W", "W_P")),
        *(f"char_embedding/dense_{layer}/{part}/W" for layer in (0, 1) for part in ("gate", "tr")),
        "char_embedding/proj/W",
    }


def test_the_average_is_the_weights_mean_with_a_horizon_of_3_percent_of_the_steps():
    variable, expected = tf.Variable([0.0]), None
    average = Average({"w": variable})
    for step in range(1, 200):
        variable.assign([float(step)])
        average.update(tf.constant(step))
        share = 1 / (1 + 0.03 * (step - 1))
        expected = step if expected is None else expected + share * (step - expected)

    assert average.weights["w"].numpy() == pytest.approx([expected], rel=1e-4)
    assert 190 < expected < 199
