"""Exported models, run by other runtimes, against NumPy in float64 and the session engine."""

import shutil
import sys

import numpy as np
import onnx
import pytest
import tensorflow as tf
from google.protobuf import text_format

from lmgen.checkpoint.folder import open_folder
from lmgen.checkpoint.names import shards
from lmgen.errors import IntegrityError, MissingError, UnsupportedError, UsageError
from lmgen.export.export import FORMATS, export_model
from lmgen.export.onnx import DATA, MODEL
from lmgen.store.library import find
from lmgen.text.vocabulary import Vocabulary

import exports
import reference

WORDS = [["the", "cat", "never-seen"], ["voilà", "<S>", "</S>"], ["x" * 60, "the", "£"]]
"""What three texts read, one after the other."""


def exported(folder, tmp_path, form, precision="float32"):
    export_model(open_folder(folder), form, precision, tmp_path / form)
    return tmp_path / form


def read(step, folder, shape, texts=WORDS):
    """Logits and states after each word of some texts side by side."""
    [vocabulary] = folder.glob("vocab-*.txt")
    states = [np.zeros((len(texts), shape.cells + shape.projection), np.float32)] * shape.layers
    for words in zip(*texts, strict=True):
        logits, states = step(Vocabulary.load(vocabulary).all_char_ids(words), states)
        yield logits, *states


def exact(weights):
    """A step in float64."""
    variables = shards(weights)

    def step(characters, states):
        new = reference.advance(variables, states, characters)
        return reference.logits(variables, new), new

    return step


def farthest(step, folder, tiny_shape, tiny_weights):
    """The largest difference from float64 of any logit and any number of the states."""
    pairs = zip(read(step, folder, tiny_shape), read(exact(tiny_weights), folder, tiny_shape), strict=True)
    return max(np.abs(found - wanted).max() for one, other in pairs for found, wanted in zip(one, other, strict=True))


@pytest.mark.parametrize(("form", "most"), [("onnx", 2e-5), ("savedmodel", 2e-5)])
def test_a_step_in_float32_differs_from_float64_by_rounding(
    tiny_folder, tmp_path, tiny_shape, tiny_weights, form, most
):
    folder = exported(tiny_folder, tmp_path, form)

    assert farthest(exports.STEPS[form](folder), folder, tiny_shape, tiny_weights) < most


@pytest.mark.parametrize(("precision", "most"), [("float32", 2e-5), ("int8", 0.1)])
def test_files_for_the_web_take_one_text_and_compute_the_same(
    tiny_folder, tmp_path, tiny_shape, tiny_weights, precision, most
):
    from ai_edge_litert.interpreter import Interpreter

    folder = exported(tiny_folder, tmp_path, "litert-web", precision)
    one, other = (
        list(read(step, folder, tiny_shape, WORDS[:1])) for step in (exports.web_step(folder), exact(tiny_weights))
    )

    assert max(np.abs(found[0] - wanted[0]).max() for found, wanted in zip(one, other, strict=True)) < most
    for path in folder.glob("*.tflite"):
        for tensor in Interpreter(str(path)).get_input_details():
            assert list(tensor["shape_signature"]) == list(tensor["shape"])
            assert tensor["shape"][0] == 1


def test_the_released_graph_s_model_is_exported_too(released_folder, tmp_path, tiny_shape, tiny_weights):
    folder = exported(released_folder, tmp_path, "onnx")

    assert farthest(exports.onnx_step(folder), folder, tiny_shape, tiny_weights) < 2e-5
    assert not (folder / "model.toml").exists()


def test_onnx_of_mini_is_the_session_s(tmp_path):
    """float32: each is within 2e-5 of float64, so both within 4e-5. int8: KL below 1e-3 nats a word."""
    session, sentences = exports.sentences_for("mini", 14)
    wanted = exports.read(exports.session_step(session), session, sentences)
    assert len(wanted) > 200

    for precision in ("float32", "int8"):
        export_model(find("mini"), "onnx", precision, tmp_path / precision)
        found = exports.read(exports.onnx_step(tmp_path / precision), session, sentences)
        if precision == "float32":
            assert np.abs(found - wanted).max() < 4e-5
        else:
            assert 1e-6 < exports.divergence(wanted, found) < 1e-3
            assert (tmp_path / precision / MODEL).stat().st_size < 20e6


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_weights_of_a_large_model_are_a_file_of_their_own(tiny_folder, tmp_path, tiny_shape, precision, monkeypatch):
    whole = exported(tiny_folder, tmp_path, "onnx", precision).rename(tmp_path / "whole")
    monkeypatch.setattr("lmgen.export.onnx.LARGE", 0)
    monkeypatch.setattr("lmgen.export.litert.PART_ROWS", 16)
    monkeypatch.setattr("lmgen.export.litert.FREQUENT_ROWS", 8)
    parted = exported(tiny_folder, tmp_path, "onnx", precision)
    onnx.checker.check_model(parted / MODEL, full_check=True)

    kept = {
        tensor.name
        for tensor in onnx.load(parted / MODEL, load_external_data=False).graph.initializer
        if tensor.raw_data
    }
    assert not kept & {"softmax/W.0", "softmax/W.0.int8", "lstm/lstm_0/W_P", "char_embedding/proj/W"}
    assert not (whole / DATA).exists()
    steps = [exports.onnx_step(folder) for folder in (whole, parted)]
    for one, other in zip(*(read(step, whole, tiny_shape) for step in steps), strict=True):
        assert max(np.abs(found - wanted).max() for found, wanted in zip(one, other, strict=True)) < 1e-5


def test_int8_is_kept_by_standard_operators_alone(tiny_folder, tmp_path):
    model = onnx.load(exported(tiny_folder, tmp_path, "onnx", "int8") / MODEL)
    onnx.checker.check_model(model, full_check=True)

    assert {node.domain for node in model.graph.node} == {""}
    assert [node.op_type for node in model.graph.node].count("DequantizeLinear") == 3
    types = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    assert types["softmax/W.0.int8"] == types["lstm/lstm_0/W.int8"] == onnx.TensorProto.INT8


def test_the_binary_graph_is_the_text_s_and_runs_as_in_2016(tiny_folder, tmp_path, tiny_shape, tiny_weights):
    folder = exported(tiny_folder, tmp_path, "graphdef")
    definition = tf.compat.v1.GraphDef.FromString((folder / "graph.pb").read_bytes())
    [text] = tiny_folder.glob("graph-*.pbtxt")
    assert definition == text_format.Parse(text.read_text(), tf.compat.v1.GraphDef())

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.import_graph_def(definition, name="")
        session.run("save/restore_all", {"save/Const:0": str(tiny_folder / "ckpt-*")})
        session.run("states_init")

        def step(characters, states):
            return session.run("BiasAdd:0", {"char_inputs_in:0": characters[:, None]}), states

        found, wanted = (list(read(each, folder, tiny_shape, WORDS[:1])) for each in (step, exact(tiny_weights)))
        assert max(np.abs(one[0] - other[0]).max() for one, other in zip(found, wanted, strict=True)) < 2e-5


@pytest.mark.parametrize("form", FORMATS)
def test_the_vocabulary_and_the_manifest_lie_beside_it(tiny_folder, tmp_path, form):
    folder = exported(tiny_folder, tmp_path, form)

    for name in ("vocab-tiny.txt", "model.toml"):
        assert (folder / name).read_bytes() == (tiny_folder / name).read_bytes()


def test_a_damaged_checkpoint_leaves_nothing(tiny_folder, tmp_path):
    folder = shutil.copytree(tiny_folder, tmp_path / "copy")
    content = bytearray((folder / "ckpt-softmax3").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "ckpt-softmax3").write_bytes(content)

    with pytest.raises(IntegrityError, match="ckpt-softmax3 is damaged"):
        exported(folder, tmp_path, "onnx")
    assert [path.name for path in tmp_path.iterdir() if path != folder and path.name != "home"] == []


def test_what_cannot_be_written_is_refused(tiny_folder, tmp_path):
    files = open_folder(tiny_folder)

    with pytest.raises(UsageError, match="savedmodel is written in float32 alone"):
        export_model(files, "savedmodel", "int8", tmp_path / "new")
    with pytest.raises(MissingError, match="cannot write"):
        export_model(files, "onnx", "float32", tmp_path / "none" / "new")


@pytest.mark.parametrize(("form", "module"), [("onnx", "onnx"), ("savedmodel", "tensorflow")])
def test_a_library_that_is_missing_is_named(tiny_folder, tmp_path, form, module, monkeypatch):
    monkeypatch.delitem(sys.modules, f"lmgen.export.{form}", raising=False)
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed

    with pytest.raises(UnsupportedError, match=rf"--format {form} needs .*: pip install 'lmgen\[{module}\]'"):
        exported(tiny_folder, tmp_path, form)
    assert not (tmp_path / form).exists()
