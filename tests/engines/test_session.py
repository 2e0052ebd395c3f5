import shutil

import numpy as np
import pytest
import tensorflow as tf

from lmgen.checkpoint.names import shards
from lmgen.checkpoint.writer import write_checkpoint
from lmgen.engines.placement import Placement
from lmgen.errors import DeviceError, IntegrityError, MissingError
from lmgen.model import read, read_on, take
from lmgen.store.library import find
from lmgen.text.vocabulary import LITERAL

import reference
from conftest import load

WORDS = ["the", "cat", "never-seen", "voilà", "<S>", "</S>", "x" * 60]


@pytest.fixture(params=["tiny_folder", "released_folder"])
def folder(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def copy(tiny_folder, tmp_path):
    """Without the manifest, which would tell of any change before it is looked at."""
    return shutil.copytree(tiny_folder, tmp_path / "copy", ignore=shutil.ignore_patterns("model.toml"))


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
    """Converted files have the same bits; TensorFlow's products have them on some processors only."""
    model = load("mini" if name == "mini" else str(request.getfixturevalue(name)), engine="session")
    again = load("mini" if name == "mini" else str(request.getfixturevalue(name)), engine="session")
    texts = [np.roll(WORDS, shift).tolist() for shift in range(7)]
    together = model.start(7)
    for words in zip(*texts, strict=True):
        together = model.advance(together, words)
    for row, text in enumerate(texts):
        alone = again.start()  # with its own word vectors, computed one by one
        for word in text:
            alone = again.advance(alone, [word])
        np.testing.assert_allclose(again.logits(alone)[0], model.logits(together)[row], rtol=1e-6, atol=1e-5)


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

    assert np.allclose(tiny_model.logits(state)[[2, 0, 0]], tiny_model.logits(chosen), rtol=0, atol=2e-6)


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

    with pytest.raises(IntegrityError, match=f"{file} in .* is cut short"):
        load(str(copy))


def test_an_extra_shard_is_refused_by_name(copy):
    """A copy beside it is what programs of 2016 call overlapping slices."""
    shutil.copy(copy / "ckpt-base", copy / "ckpt-base.1")

    with pytest.raises(IntegrityError, match="has ckpt-base.1 beside the twelve"):
        load(str(copy))


@pytest.mark.parametrize(
    ("model", "problem"),
    [
        ("tiny", "ckpt-lstm is damaged"),
        ("mini", "ckpt-lstm is damaged: a checksum is wrong"),
    ],
)
def test_damaged_bytes_inside_a_shard_are_refused(tiny_folder, tmp_path, model, problem):
    """A small file is one block with its index, which TensorFlow reads first."""
    folder = shutil.copytree(tiny_folder if model == "tiny" else find("mini").folder, tmp_path / "copy")
    data = bytearray((folder / "ckpt-lstm").read_bytes())
    data[len(data) // 2] ^= 255
    (folder / "ckpt-lstm").write_bytes(data)

    with pytest.raises(IntegrityError, match=problem):
        load(str(folder), engine="session")


def test_values_that_are_not_finite_are_refused(copy, tiny_weights):
    spoilt = {**tiny_weights, "lstm/lstm_1/B": np.full_like(tiny_weights["lstm/lstm_1/B"], np.nan)}
    write_checkpoint(copy, spoilt, 1)

    with pytest.raises(IntegrityError, match="lstm/lstm_1/B in ckpt-lstm holds values that are not finite"):
        load(str(copy))


def test_a_tensor_of_another_shape_is_refused(copy, tiny_weights):
    write_checkpoint(copy, {**tiny_weights, "lstm/lstm_0/B": np.zeros(5, np.float32)}, 1)

    with pytest.raises(IntegrityError, match=r"lstm/lstm_0/B in .*ckpt-lstm has the shape \[5\], the graph \[96\]"):
        load(str(copy))


def test_a_tensor_of_another_type_is_refused(copy, tiny_weights):
    write_checkpoint(copy, {**tiny_weights, "lstm/lstm_0/B": np.zeros(96, np.int32)}, 1)

    with pytest.raises(IntegrityError, match="lstm/lstm_0/B in ckpt-lstm is not kept as float32 numbers"):
        load(str(copy))


def test_a_missing_tensor_is_refused(copy, tiny_weights):
    write_checkpoint(copy, {name: value for name, value in tiny_weights.items() if name != "lstm/lstm_0/B"}, 1)

    with pytest.raises(IntegrityError, match="ckpt-lstm lacks the tensor lstm/lstm_0/B"):
        load(str(copy))


def test_a_shard_under_another_shard_s_name_is_refused(copy):
    shutil.copy(copy / "ckpt-softmax0", copy / "ckpt-softmax5")

    with pytest.raises(IntegrityError, match="softmax/W_0 is in both ckpt-softmax0 and ckpt-softmax5"):
        load(str(copy))


def test_a_folder_s_name_is_no_pattern(tiny_folder, tmp_path):
    folder = shutil.copytree(tiny_folder, tmp_path / "[a]*? \\b")

    assert load(str(folder)).shape.rows == 40


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("the\ncat\n", "not a GraphDef in text form"),
        ('node { name: "x" op: "NoOp" }', "not a graph of the lm_1b family"),
        ('node { name: "x" op: "ReadFile" }', r"has the operation ReadFile \(x\).*refused"),
        ('node { name: "x" op: "WriteFile" }', "has the operation WriteFile"),
        ('node { name: "x" op: "PyFunc" }', "has the operation PyFunc"),
        ('node { name: "x" op: "NoOp" } library { function { } }', "defines functions"),
        ("#" * (1 << 24) + "\n", "has 17 MB: a graph of the lm_1b family has about one"),
    ],
    ids="vocabulary stranger ReadFile WriteFile PyFunc functions enormous".split(),
)
def test_a_file_that_is_no_graph_of_the_family_is_refused(copy, text, problem):
    (copy / "graph-tiny.pbtxt").write_text(text)

    with pytest.raises(IntegrityError, match=f"graph-tiny.pbtxt .*{problem}"):
        load(str(copy))


def test_a_dangerous_operation_among_good_ones_is_refused(copy):
    with open(copy / "graph-tiny.pbtxt", "a") as file:
        file.write('node { name: "spy" op: "ReadFile" input: "save/Const" }')

    with pytest.raises(IntegrityError, match=r"ReadFile \(spy\)"):
        load(str(copy))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_graph_cut_short_is_refused(copy, share):
    text = (copy / "graph-tiny.pbtxt").read_text()
    (copy / "graph-tiny.pbtxt").write_text(text[: int(len(text) * share)])

    with pytest.raises(IntegrityError, match="not a GraphDef in text form"):
        load(str(copy))


def test_a_graph_cut_short_between_two_nodes_is_refused(copy):
    text = (copy / "graph-tiny.pbtxt").read_text()
    (copy / "graph-tiny.pbtxt").write_text(text[: text.index('node {\n  name: "lstm/lstm_1/')])

    with pytest.raises(IntegrityError, match="the lm_1b family"):
        load(str(copy))


def test_a_graph_given_as_vocabulary_is_refused(copy):
    shutil.copy(copy / "graph-tiny.pbtxt", copy / "vocab-tiny.txt")

    with pytest.raises(IntegrityError, match="vocab-tiny.txt cannot be used: it has no line </S>"):
        load(str(copy))


def test_the_released_graph_s_operations_are_all_allowed():
    from lmgen.checkpoint.definition import OPERATIONS, read_graph

    from conftest import RELEASED_GRAPH

    if not RELEASED_GRAPH.exists():
        pytest.skip("the released graph is not here")

    assert {node.op for node in read_graph(RELEASED_GRAPH).node} == OPERATIONS


@pytest.mark.parametrize("written", [str, lambda text: text.replace("node {", "node{")])
def test_a_graph_s_forward_pass_is_the_same_read_alone(released_folder, tmp_path, written):
    """However its text is written."""
    from lmgen.checkpoint.definition import MEMORY, extract, read_forward, read_graph

    [graph] = released_folder.glob("graph-*.pbtxt")
    copy = tmp_path / "graph.pbtxt"
    copy.write_text(written(graph.read_text()))
    whole = read_graph(graph)
    memories = [node.name for node in whole.node if MEMORY.fullmatch(node.name)]

    assert len(memories) == 2
    assert read_forward(copy) == extract(whole, ["softmax_out", *memories], [])


def test_marks_can_be_spelled_as_the_sample_mode_of_2016_did(tiny_folder, tiny_model):
    spelled = load(str(tiny_folder), spelled_marks=True)

    assert np.allclose(spelled.vectors(["<S>"]), tiny_model.vectors([f"{LITERAL}<S>"]), rtol=0, atol=2e-6)
    assert not np.allclose(spelled.vectors(["<S>"]), tiny_model.vectors(["<S>"]), rtol=0, atol=2e-6)
    assert np.allclose(spelled.vectors(["the"]), tiny_model.vectors(["the"]), rtol=0, atol=2e-6)


def test_a_vocabulary_larger_than_the_softmax_is_refused(copy):
    with open(copy / "vocab-tiny.txt", "a") as file:
        file.writelines(f"more{n}\n" for n in range(20))

    with pytest.raises(IntegrityError, match="they do not belong together"):
        load(str(copy))
