"""The fast network computes what the plain one does: in float32 to 1e-5, gradients too."""

import numpy as np
import pytest
import tensorflow as tf

from lmgen.checkpoint import network as plain
from lmgen.checkpoint.shape import Shape
from lmgen.text.vocabulary import MARKS, Vocabulary
from lmgen.training import network
from lmgen.training.batches import Spelling

from conftest import random_weights

SHAPE = Shape(filters=(2, 3, 4, 5, 6, 7, 8, 5), projection=16, cells=24, rows=40)
TYPES = [*MARKS, *(f"w{'o' * n}rd" for n in range(20)), "voilà", "a" * 39]
VOCABULARY = Vocabulary(TYPES)
STEPS, ROWS = 4, 3


@pytest.fixture(scope="module")
def problem():
    """Weights, a window of text with sentence boundaries in it, memories and targets."""
    rng = np.random.default_rng(3)
    inputs = rng.integers(0, len(TYPES), (STEPS, ROWS))
    inputs[0, 0] = inputs[2, 1] = 0
    keep = (inputs != 0)[:, :, None].astype(np.float32)
    states = [rng.normal(size=(ROWS, 40)).astype(np.float32) * 0.5 for _ in range(2)]
    targets = rng.integers(0, 40, STEPS * ROWS).astype(np.int32)
    weights = {name: tf.Variable(value) for name, value in random_weights(SHAPE, 1).items()}
    return weights, inputs, keep, states, targets


def fast(problem, dtype=tf.float32):
    weights, inputs, keep, states, targets = problem
    words = Spelling(TYPES, VOCABULARY).distinct(inputs)
    h, new = network.read(weights, SHAPE, words, keep, list(map(tf.constant, states)), dtype)
    rows, bias = tf.convert_to_tensor(weights["softmax/W"]), tf.convert_to_tensor(weights["softmax/b"])
    loss = network.candidate_loss(tf.reshape(h, [STEPS * ROWS, -1]), rows, bias, targets)
    return loss, h, new


def slow(problem):
    weights, inputs, keep, states, targets = problem
    spelled = ["<S>", *TYPES[1:]]
    characters = VOCABULARY.all_char_ids([spelled[index] for index in inputs.flat]).reshape(STEPS, ROWS, 50)
    h, new = plain.read(weights, SHAPE, tf.constant(characters), tf.constant(keep), states)
    return plain.loss(weights, tf.reshape(h, [STEPS * ROWS, -1]), targets), h, new


def gradients(function, problem):
    weights = problem[0]
    with tf.GradientTape() as tape:
        loss, *_ = function(problem)
    values = tape.gradient(loss, list(weights.values()))
    return dict(zip(weights, map(tf.convert_to_tensor, values), strict=True))


def test_outputs_memories_and_loss_are_the_plain_network_s(problem):
    loss, h, states = fast(problem)
    expected_loss, expected_h, expected_states = slow(problem)

    assert np.allclose(loss, expected_loss, atol=1e-5)
    assert np.allclose(h, expected_h, atol=1e-5)
    assert np.allclose(states, expected_states, atol=1e-5)


def test_every_gradient_is_the_plain_network_s(problem):
    ours, expected = gradients(fast, problem), gradients(slow, problem)

    for name, value in expected.items():
        assert np.allclose(ours[name], value, atol=1e-5), name
        assert np.abs(value).max() > 0, name


def test_half_precision_products_stay_close(problem):
    """bfloat16 has 8 bits: gradients differ by a few per cent of their largest entry."""
    ours = gradients(lambda given: fast(given, tf.bfloat16), problem)

    for name, value in gradients(slow, problem).items():
        assert np.abs(ours[name] - value).max() < 0.1 * np.abs(value).max(), name


def test_text_before_a_boundary_has_no_effect_after_it(problem):
    weights, inputs, keep, states, targets = problem
    other = [state + 1 for state in states]

    row = fast(problem)[1][:, 0]  # its sentence begins at the first step
    same = fast((weights, inputs, keep, other, targets))[1][:, 0]

    assert np.array_equal(row, same)


def test_dropout_zeroes_its_share_and_keeps_the_mean():
    x = tf.ones([200, 100])

    dropped = network._drop(x, (0.25, tf.constant([1, 2])), 0).numpy()

    assert np.isclose((dropped == 0).mean(), 0.25, atol=0.02)
    assert np.isclose(dropped.mean(), 1, atol=0.02)


def test_the_network_agrees_with_the_session_engine(tiny_model, tiny_shape, tiny_weights):
    """What is trained is what is run."""
    states = [tf.zeros([2, 40])] * 2
    words = ["the", "never-seen"]
    buckets = [tf.constant(tiny_model.vocabulary.all_char_ids(words))]
    index, keep = tf.constant([[0, 1]]), tf.ones([1, 2, 1])

    _, states = network.read(tiny_weights, tiny_shape, (buckets, index), keep, states, tf.float32)

    assert np.allclose(tiny_model.advance(tiny_model.start(2), words), states, atol=1e-5)
