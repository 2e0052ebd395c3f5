import gzip

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format

from lmgen.checkpoint.graph import build_graph, saved_variables
from lmgen.checkpoint.names import shards
from lmgen.text.vocabulary import Vocabulary

import reference
import released
from conftest import RELEASED_GRAPH, SCALED_GRAPH
from program_2016 import run_2016

PUBLIC = {  # dtype and shape of everything a program asks of the release, at batch 1
    "inputs_in:0": ("int32", [1, 1]),
    "char_inputs_in:0": ("int32", [1, 1, 50]),
    "targets_in:0": ("int32", [1, 1]),
    "target_weights_in:0": ("float32", [1, 1]),
    "softmax_out:0": ("float32", [1, 40]),
    "log_perplexity_out:0": ("float32", []),
    "class_ids_out:0": ("int32", [None, 1]),
    "class_weights_out:0": ("float32", [None]),
    "all_embs_out:0": ("float32", [1, 16]),
    "lstm/lstm_0/control_dependency:0": ("float32", [1, 16]),
    "lstm/lstm_1/control_dependency:0": ("float32", [1, 16]),
    "Reshape_3:0": ("float32", [None, 16]),
    "BiasAdd:0": ("float32", [1, 40]),
    "lstm/lstm_0/concat_2:0": ("float32", [1, 40]),
    "lstm/lstm_1/concat_2:0": ("float32", [1, 40]),
    "save/Const:0": ("string", []),
}


@pytest.fixture(scope="module")
def imported(tiny_shape):
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(build_graph(tiny_shape), name="")
    return graph


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_tensor_is_there_with_its_type_and_shape(imported, name):
    tensor = imported.get_tensor_by_name(name)
    dtype, shape = PUBLIC[name]

    assert tensor.dtype.name == dtype
    tensor.shape.assert_is_compatible_with(shape)


def test_every_public_operation_is_there(imported):
    for name in ("states_init", "save/restore_all"):
        assert imported.get_operation_by_name(name).type == "NoOp"
    assert imported.get_operation_by_name("global_step").type == "Variable"


def test_the_checkpoint_s_112_variables_are_restored_in_the_order_of_their_names(tiny_shape):
    names = [
        node.attr["value"].tensor.string_val[0].decode()
        for node in build_graph(tiny_shape).node
        if node.name.endswith("/tensor_name")
    ]

    assert len(names) == 112
    assert names == sorted(saved_variables(tiny_shape))
    assert (names[61], names[62], names[63]) == ("char_embedding/proj/b", "global_step", "lstm/lstm_0/B")
    assert names[111] == "softmax/b"


WHOLE = pytest.mark.skipif(not RELEASED_GRAPH.exists(), reason="the whole released graph is not beside the checkout")


@WHOLE
def test_the_graph_in_the_repository_is_the_released_one_scaled_down(tiny_shape):
    assert gzip.decompress(SCALED_GRAPH.read_bytes()).decode() == released.scaled_down(RELEASED_GRAPH, tiny_shape)


@WHOLE
def test_the_graph_is_the_released_one_node_for_node(tiny_shape):
    """Names, ops and inputs of all but the loss, where ranks that never change are constants here."""
    whole = tf.compat.v1.GraphDef()
    text_format.Parse(RELEASED_GRAPH.read_text(), whole)
    theirs = {node.name: (node.op, [*node.input]) for node in whole.node}
    ours = {node.name: (node.op, [*node.input]) for node in build_graph(tiny_shape).node}

    different = {name for name, node in ours.items() if theirs.get(name) != node}

    loss = "transpose range Sum pack Squeeze Fill ones SparseToDense".split()
    assert [name for name in different if not name.startswith(tuple(loss))] == ["save/restore_shard"]


@pytest.fixture(params=["tiny_folder", "released_folder"])
def folder(request):
    return request.getfixturevalue(request.param)


def test_a_program_of_2016_runs_unchanged(folder, tiny_weights, tiny_words):
    """On a folder lmgen wrote as on the released graph; within 1e-5 of NumPy in every output."""
    variables, vocabulary = shards(tiny_weights), Vocabulary(tiny_words)
    words, targets = ["<S>", "the", "unheard-of", "voilà", "</S>"], [3, 4, 2, 0, 5]
    characters = vocabulary.all_char_ids(words)

    fetched = run_2016(folder, zip(characters, targets, strict=True))

    assert fetched["global_step"] in (7, 14108582)
    assert np.array_equal(tiny_weights["softmax/W"], fetched["weights"])
    states = [np.zeros((1, 40))] * 2
    for row, target, step in zip(characters, targets, fetched["steps"], strict=True):
        states = reference.advance(variables, states, row[None])
        scores = reference.logits(variables, states)
        softmax = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
        assert np.allclose(softmax, step["softmax_out:0"], atol=1e-6)
        assert np.isclose(-np.log(softmax[0, target]) / 1.0001, step["log_perplexity_out:0"], atol=1e-5)
        assert np.allclose(reference.word_vectors(variables, row[None]), step["all_embs_out:0"], atol=1e-5)
        for layer in (0, 1):
            hidden = step[f"lstm/lstm_{layer}/control_dependency:0"]
            assert np.allclose(states[layer][:, 24:], hidden, atol=1e-5)
        assert (step["class_ids_out:0"].item(), step["class_weights_out:0"].item()) == (target, 1.0)


def test_a_graph_for_a_batch_reads_several_texts_at_once(tiny_folder, tiny_shape, tiny_weights, tiny_words):
    variables = shards(tiny_weights)
    characters = Vocabulary(tiny_words).all_char_ids(["the", "cat", "sat"])
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.import_graph_def(build_graph(tiny_shape, batch=3), name="")
        session.run("save/restore_all", {"save/Const:0": str(tiny_folder / "ckpt-*")})
        session.run("states_init")
        logits = session.run("BiasAdd:0", {"char_inputs_in:0": characters[:, None]})

    states = reference.advance(variables, [np.zeros((3, 40))] * 2, characters)
    assert np.allclose(reference.logits(variables, states), logits, atol=1e-5)
