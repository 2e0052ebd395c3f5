"""Templates that lie in the package, and the files made of them."""

import sys

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from lmgen.checkpoint.folder import open_folder
from lmgen.checkpoint.shape import Shape
from lmgen.engines.litert_files import PRECISIONS
from lmgen.errors import IntegrityError, UnsupportedError
from lmgen.export import flatbuffer, quantise
from lmgen.export.agreement import check_agreement
from lmgen.export.flatbuffer import SHIPPED, Template, stripped, template_path
from lmgen.export.litert import convert, find_template

from conftest import load, random_weights, write_tiny


def structure(template):
    """Operators, shapes and numbers of weights: what a version of the converter could change."""
    model = schema.ModelT.InitFromPackedBuf(template, 0)
    [graph] = model.subgraphs
    operators = [
        (model.operatorCodes[one.opcodeIndex].builtinCode, [*one.inputs], [*one.outputs]) for one in graph.operators
    ]
    tensors = [(tensor.type, [*tensor.shape], _number(model, tensor)) for tensor in graph.tensors]
    return operators, tensors


def _number(model, tensor):
    data = model.buffers[tensor.buffer].data
    if data is None or not len(data) or tensor.type == schema.TensorType.INT32:
        return None
    return float(tensor.quantization.scale[0]) if tensor.type == schema.TensorType.INT8 else bytes(data[:4])


@pytest.mark.parametrize("template", SHIPPED, ids=lambda template: template_path(template).stem)
def test_a_template_is_what_the_converter_makes_today(template):
    from lmgen.export.templates import make

    assert structure(template_path(template).read_bytes()) == structure(stripped(make(template)))


def test_templates_are_small():
    assert max(template_path(template).stat().st_size for template in SHIPPED) < 40_000


def test_a_model_of_a_shape_that_lies_in_no_template_needs_tensorflow(monkeypatch):
    monkeypatch.delitem(sys.modules, "lmgen.export.templates", raising=False)
    monkeypatch.setitem(sys.modules, "tensorflow", None)

    with pytest.raises(UnsupportedError, match=r"pip install 'lmgen\[tensorflow\]'"):
        find_template(Template("memory", "float32", 9))


def test_a_weight_without_a_place_is_refused(tmp_path):
    template = find_template(Template("softmax"))
    weights = [np.zeros((8, 8), np.float32), np.zeros(8, np.float32), np.zeros(8, np.float32)]

    with pytest.raises(UnsupportedError, match=r"no place for weights \{3\}"):
        flatbuffer.fill(template, {flatbuffer.ROWS: 8, flatbuffer.PROJECTION: 8}, weights, tmp_path / "softmax.tflite")


@pytest.mark.parametrize(("layers", "highways"), [(1, 1), (3, 2), (4, 1)])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_models_of_other_depths_are_converted_too(layers, highways, precision, tmp_path, tiny_words):
    shape = Shape((2, 2, 2, 2, 4, 4, 8, 8), highways, 16, 24, layers, 40)
    files = open_folder(write_tiny(tmp_path / "deep", shape, tiny_words, random_weights(shape)))
    list(convert(files, files.folder / f"litert-{precision}", precision))

    model, session = load(files.folder, "litert", precision), load(files.folder, "session")
    state, other = model.start(), session.start()
    for word in ("<S>", "the", "cat"):
        state, other = model.advance(state, [word]), session.advance(other, [word])
    np.testing.assert_allclose(model.logits(state), session.logits(other), atol=0.1 if precision == "fast" else 1e-5)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", ["lstm/lstm_1/W", "char_embedding/dense_0/tr/W", "softmax/b", "lstm/lstm_0/W_F_diag"])
def test_files_of_other_weights_do_not_agree(
    all_converted_folder, tiny_shape, tiny_weights, tmp_path, tiny_words, precision, name
):
    """One weight of the checkpoint is another than the files were made of."""
    changed = {**tiny_weights, name: np.roll(tiny_weights[name], 1, axis=0)}
    files = open_folder(write_tiny(tmp_path / "other", tiny_shape, tiny_words, changed))
    from lmgen.checkpoint.check import open_checkpoint

    weights = open_checkpoint(files).weights
    with pytest.raises(IntegrityError, match="does not compute what its checkpoint does"):
        check_agreement(all_converted_folder / f"litert-{precision}", files, weights, [(0, 40)], precision)


def test_int8_keeps_a_row_to_half_a_step():
    matrix = np.random.default_rng(0).normal(size=(5, 12)).astype(np.float32)
    values, scales = quantise.quantised(matrix)

    assert np.abs(values * scales[:, None] - matrix).max(1) == pytest.approx(scales / 2, abs=1)
    assert (np.abs(values * scales[:, None] - matrix) <= scales[:, None] / 2 * 1.001).all()
