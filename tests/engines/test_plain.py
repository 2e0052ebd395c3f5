"""The network in plain NumPy against the reference in float64 and against the engines."""

import numpy as np
import pytest

from lmgen.checkpoint.names import shards
from lmgen.engines.plain import look_inside
from lmgen.model import read, take

import reference
from conftest import load


@pytest.fixture(params=["tiny_folder", "released_folder"])
def model(request):
    return load(request.getfixturevalue(request.param), "session")


def test_every_step_is_the_reference_s(model, tiny_weights):
    network, variables = look_inside(model), shards(tiny_weights)
    characters = model.vocabulary.all_char_ids(["the", "never-seen", "<S>"])
    state = take(read(model, ["cat"]).state, [0, 0, 0])
    vectors = network.vectors(characters)
    new, _ = network.advance(state, vectors)
    hidden = new[-1][:, 24:]

    np.testing.assert_allclose(vectors, reference.word_vectors(variables, characters), atol=1e-5)
    for found, expected in zip(new, reference.advance(variables, state, characters), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(network.logits(hidden, 0, 40), reference.logits(variables, new), atol=1e-5)
    np.testing.assert_allclose(network.logits(hidden, 8, 24), network.logits(hidden, 0, 40)[:, 8:24], atol=1e-6)


def test_gates_are_sigmoids_of_what_a_layer_reads(model, tiny_weights, tiny_shape):
    state = read(model, ["the"]).state
    _, gates = look_inside(model).advance(state, model.vectors(["cat"]))

    c, h = np.split(state[0], [tiny_shape.cells], axis=1)
    z = np.concatenate([model.vectors(["cat"]), h], 1) @ tiny_weights["lstm/lstm_0/W"]
    i, _, f, _ = np.split(z + tiny_weights["lstm/lstm_0/B"], 4, axis=1)
    for gate, z, name, bias in (("input", i, "I", 0), ("forget", f, "F", 1)):
        expected = 1 / (1 + np.exp(-(z + bias + tiny_weights[f"lstm/lstm_0/W_{name}_diag"] * c)))
        np.testing.assert_allclose(gates[0][gate], expected, atol=1e-5)
    assert [sorted(layer) for layer in gates] == [["forget", "input", "output"]] * 2
    assert gates[1]["output"].shape == (1, 24)


def test_vectors_of_the_output_are_the_softmax_s_rows(model, tiny_weights):
    found = look_inside(model).output_vectors([5, 0, 39])

    np.testing.assert_array_equal(found, tiny_weights["softmax/W"][[5, 0, 39]])


def test_a_model_is_looked_into_once(model):
    assert look_inside(model) is look_inside(model)
