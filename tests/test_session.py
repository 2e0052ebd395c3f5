import shutil

import numpy as np
import pytest
import tensorflow as tf

from lmgen.engines import load
from lmgen.errors import DeviceError, IntegrityError, MissingError
from lmgen.layout import shards, write_checkpoint
from lmgen.model import read, read_on, take
from lmgen.placement import Placement
from lmgen.store import find

import reference

WORDS = ["the", "cat", "never-seen", "voilà", "<S>", "</S>", "x" * 60]


@pytest.fixture(params=["tiny_folder", "released_folder"])
def folder(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def copy(tiny_folder, tmp_path):
    return shutil.copytree(tiny_folder, tmp_path / "copy")


def test_every_row_agrees_with_numpy_to_1e_5(folder, tiny_weights):
    """Logits and memories of seven texts of four words, on our graph and on the released one."""
    model, variables = load(str(folder)), shards(tiny_weights)
    state, expected = model.start(len(WORDS)), [np.zeros((len(WORDS), 40))] * 2
    for step in range(4):
        words = np.roll(WORDS, step).tolist()
        state = model.advance(state, words)
        expected = reference.advance(variables, expected, model.vocabulary.all_char_ids(words))
        assert np.abs(model.logits(state) - reference.logits(variables, expected)).max() < 1e-5
        assert np.abs(np.array(state) - expected).max() < 1e-5


def test_the_default_model_agrees_with_numpy_to_float32_s_rounding():
    """Its logits reach 20 and more: within 2e-6 of the largest."""
    files, model = find("mini"), load("mini")
    reader = tf.compat.v1.train.NewCheckpointReader(str(files.folder / "ckpt-*"))
    variables = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    state = model.start(2)
    expected = [layer.astype(np.float64) for layer in state]
    for words in (["<S>", "<S>"], ["The", "Pineapples"], ["president", "drive"]):
        state = model.advance(state, words)
        expected = reference.advance(variables, expected, model.vocabulary.all_char_ids(words))
    logits = reference.logits(variables, expected)[:, : len(model.vocabulary)]

    difference = model.logits(state)[:, : len(model.vocabulary)] - logits
    assert np.abs(difference).max() < 2e-6 * np.abs(logits).max()


def test_vectors_are_those_of_the_character_cnn(tiny_model, tiny_weights):
    expected = reference.word_vectors(shards(tiny_weights), tiny_model.vocabulary.all_char_ids(WORDS))

    assert np.abs(tiny_model.vectors(WORDS) - expected).max() < 1e-5


@pytest.mark.parametrize("name", ["tiny_folder", "mini"])
def test_a_text_has_the_same_numbers_alone_and_in_any_batch(name, request):
    """To the last bit: else the same seed could write other words in a larger batch."""
    model = load("mini" if name == "mini" else str(request.getfixturevalue(name)))
    again = load("mini" if name == "mini" else str(request.getfixturevalue(name)))
    texts = [np.roll(WORDS, shift).tolist() for shift in range(7)]
    together = model.start(7)
    for words in zip(*texts, strict=True):
        together = model.advance(together, words)
    for row, text in enumerate(texts):
        alone = again.start()  # with its own word vectors, computed one by one
        for word in text:
            alone = again.advance(alone, [word])
        assert np.array_equal(again.logits(alone)[0], model.logits(together)[row])


def test_memory_is_an_argument_and_nothing_is_remembered(tiny_model):
    context = read(tiny_model, ["the", "cat"])
    before = [layer.copy() for layer in context.state]

    first = read_on(tiny_model, context, ["sat"])
    read_on(tiny_model, context, ["word1", "word2"])
    second = read_on(tiny_model, context, ["sat"])

    assert first.words == ("<S>", "the", "cat", "sat") == second.words
    assert np.array_equal(first.state, second.state)
    assert np.array_equal(before, context.state)


def test_rows_of_a_state_can_be_chosen(tiny_model):
    state = tiny_model.advance(tiny_model.start(3), ["the", "cat", "sat"])

    chosen = take(state, [2, 0, 0])

    assert np.array_equal(tiny_model.logits(state)[[2, 0, 0]], tiny_model.logits(chosen))


def test_layers_and_softmax_spread_over_devices_without_changing_the_numbers(tiny_folder, tiny_model):
    spread = load(str(tiny_folder), placement=Placement(devices=("cpu:0", "cpu:1")))
    state = spread.advance(spread.start(2), ["the", "cat"])

    used = {name: device[-5:] for name, _, device in spread.placement()}

    assert np.allclose(tiny_model.logits(state), spread.logits(state), atol=1e-6)
    assert used["lstm/lstm_0/concat_2"] == "CPU:0"
    assert used["lstm/lstm_1/concat_2"] == "CPU:1"


def test_an_absent_device_is_refused_with_those_there_are(tiny_folder):
    with pytest.raises(DeviceError, match="no device gpu:0 here, only cpu:0"):
        load(str(tiny_folder), placement=Placement(devices=("gpu:0",)))


def test_soft_placement_puts_the_cpu_in_an_absent_device_s_place(tiny_folder, tiny_model):
    model = load(str(tiny_folder), placement=Placement(devices=("gpu:0",), soft=True))
    state = model.advance(model.start(1), ["the"])

    assert np.allclose(tiny_model.logits(state), model.logits(state))


def test_a_missing_shard_is_named(copy):
    (copy / "ckpt-softmax5").unlink()

    with pytest.raises(MissingError, match="lacks ckpt-softmax5"):
        load(str(copy))


@pytest.mark.parametrize("file", ["ckpt-lstm", "ckpt-softmax0", "ckpt-char-embedding"])
def test_a_shard_cut_short_is_refused(copy, file):
    data = (copy / file).read_bytes()
    (copy / file).write_bytes(data[: len(data) // 2])

    with pytest.raises(IntegrityError, match="cannot restore the checkpoint"):
        load(str(copy))


def test_values_that_are_not_finite_are_refused(copy, tiny_weights):
    spoilt = {**tiny_weights, "lstm/lstm_1/B": np.full_like(tiny_weights["lstm/lstm_1/B"], np.nan)}
    write_checkpoint(copy, spoilt, 1)

    with pytest.raises(IntegrityError, match="lstm/lstm_1/B in ckpt-lstm holds values that are not finite"):
        load(str(copy))


def test_a_shard_of_another_shape_is_refused(copy, tiny_weights):
    write_checkpoint(copy, {**tiny_weights, "lstm/lstm_0/B": np.zeros(5, np.float32)}, 1)

    with pytest.raises(IntegrityError, match="cannot restore the checkpoint"):
        load(str(copy))


def test_a_file_that_is_no_graph_is_refused(copy):
    (copy / "graph-tiny.pbtxt").write_text("the\ncat\n")

    with pytest.raises(IntegrityError, match="not a GraphDef in text form"):
        load(str(copy))


def test_a_graph_of_another_family_is_refused(copy):
    (copy / "graph-tiny.pbtxt").write_text('node { name: "x" op: "NoOp" }')

    with pytest.raises(IntegrityError, match="not a graph of the lm_1b family"):
        load(str(copy))


def test_a_vocabulary_larger_than_the_softmax_is_refused(copy):
    with open(copy / "vocab-tiny.txt", "a") as file:
        file.writelines(f"more{n}\n" for n in range(20))

    with pytest.raises(IntegrityError, match="they do not belong together"):
        load(str(copy))
