"""A checkpoint as an ONNX model: one step of reading, and the logits after it.

Inputs are `characters`, int32 [rows, 50], and the LSTM states `state_0`, … , float32 [rows, cells + projection]; outputs
are `logits`, float32 [rows, softmax rows], and the states after the word, `new_state_0`, …

In int8 the gates' matrices and the softmax are int8 rows, each with a scale of its own, as in `lmgen convert`; the standard
operator DequantizeLinear makes float32 of them. The projections stay float32: few numbers, of which most of the loss would come
(benchmarks/exports.py). ONNX's own LSTM has no projection: it is written in simpler operators.
"""

from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper, save_model

from lmgen.checkpoint import CARRY_BIAS, FORGET_BIAS, WIDTHS, Weights
from lmgen.export.litert import part_bounds
from lmgen.export.quantise import quantised
from lmgen.text import WORD_LENGTH

MODEL, DATA = "model.onnx", "model.onnx.data"
OPSET, IR = 17, 8
"""Versions of the operators and of the format that runtimes of 2022 know already (ONNX 1.12)."""
LARGE = 1 << 28
"""Bytes of weights from which they are a file of their own: a protocol buffer ends at two gigabytes."""
PAGE = 4096
"""Bytes: weights in a file of their own begin at multiples of it, so that they can be mapped into memory."""


def write_onnx(weights: Weights, folder: Path, int8: bool) -> None:
    """Write `model.onnx` into a folder; of a large model its weights beside it, as `model.onnx.data`.

    At no time more than a part of the softmax is in memory then.
    """
    size = weights.shape.parameters * (1 if int8 else 4)
    with open(folder / DATA, "wb") as data:
        graph = _Graph(data if size >= LARGE else None, int8)
        _write_step(graph, weights)
    if size < LARGE:
        (folder / DATA).unlink()
    save_model(_model(graph, weights), str(folder / MODEL))


def _model(graph: "_Graph", weights: Weights) -> ModelProto:
    shape = weights.shape
    state, layers = ["rows", shape.cells + shape.projection], range(shape.layers)
    float32, value = TensorProto.FLOAT, helper.make_tensor_value_info
    inputs = [
        value("characters", TensorProto.INT32, ["rows", WORD_LENGTH]),
        *(value(f"state_{layer}", float32, state) for layer in layers),
    ]
    outputs = [
        value("logits", float32, ["rows", shape.rows]),
        *(value(f"new_state_{layer}", float32, state) for layer in layers),
    ]
    made = helper.make_graph(graph.nodes, "lmgen", inputs, outputs, graph.initializers)
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(made, opset_imports=opsets, ir_version=IR, producer_name="lmgen")


class _Graph:
    """Nodes and weights of a graph in the making.

    Args:
      data: the file that takes the weights; None where they stay in the graph.
      int8: whether matrices are kept as int8 rows.
    """

    def __init__(self, data: Any, int8: bool) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[TensorProto] = []
        self._data, self._int8 = data, int8

    def node(self, kind: str, *inputs: str, outputs: list[str] | None = None, **attributes: Any) -> str:
        """Add an operator; the name of its first output, `kind_number` if none is given, is returned."""
        names = outputs or [f"{kind}_{len(self.nodes)}"]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0]

    def constant(self, name: str, values: Any) -> str:
        """A small weight or a number, in its own type, which stays in the graph."""
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def weight(self, name: str, values: np.ndarray) -> str:
        """A weight, in the graph or in the file that takes them."""
        if self._data is None:
            return self.constant(name, values)
        begin = -(-self._data.tell() // PAGE) * PAGE
        self._data.seek(begin)
        self._data.write(np.ascontiguousarray(values).data)
        kind = helper.np_dtype_to_tensor_dtype(values.dtype)
        tensor = TensorProto(name=name, dims=values.shape, data_type=kind, data_location=TensorProto.EXTERNAL)
        for key, value in {"location": DATA, "offset": begin, "length": values.nbytes}.items():
            tensor.external_data.add(key=key, value=str(value))
        self.initializers.append(tensor)
        return name

    def product(self, x: str, name: str, matrix: np.ndarray) -> str:
        """The product of x and a matrix, float32 [inputs, outputs]."""
        return self.node("MatMul", x, self.weight(name, matrix))

    def product_of_rows(self, x: str, name: str, rows: np.ndarray) -> str:
        """The product of x and a matrix that may be int8; its rows, float32 [outputs, inputs], are given."""
        if not self._int8:
            return self.node("Gemm", x, self.weight(name, rows), transB=1)
        values, scales = quantised(rows)
        scale = self.constant(f"{name}.scale", scales)
        zero = self.constant(f"{name}.zero", np.zeros(len(rows), np.int8))
        matrix = self.node("DequantizeLinear", self.weight(f"{name}.int8", values), scale, zero, axis=0)
        return self.node("MatMul", x, self.node("Transpose", matrix, perm=[1, 0]))


def _write_step(graph: _Graph, weights: Weights) -> None:
    """Characters and states become logits and states."""
    x = _vectors(graph, weights)
    for layer in range(weights.shape.layers):
        x = _lstm(graph, weights, layer, x)
    logits = []
    for number, (begin, end) in enumerate(part_bounds(weights.shape.rows)):
        matrix, bias = weights.softmax(begin, end)
        product = graph.product_of_rows(x, f"softmax/W.{number}", matrix)
        logits.append(graph.node("Add", product, graph.constant(f"softmax/b.{number}", bias)))
    graph.node("Concat", *logits, outputs=["logits"], axis=1)


def _vectors(graph: _Graph, weights: Weights) -> str:
    """The vectors of words, float32 [rows, projection]."""
    letters = graph.node("Gather", graph.constant("char_embedding/W", weights["char_embedding/W"]), "characters")
    letters = graph.node("Transpose", letters, perm=[0, 2, 1])
    features = [_strongest(graph, weights, index, letters) for index in range(len(WIDTHS))]
    x = graph.node("Concat", *features, axis=1)
    one = graph.constant("one", np.float32(1))
    for index in range(weights.shape.highways):
        scope = f"char_embedding/dense_{index}"
        gate = graph.node("Sigmoid", _affine(graph, weights, f"{scope}/gate", x, CARRY_BIAS))
        new = graph.node("Mul", gate, graph.node("Relu", _affine(graph, weights, f"{scope}/tr", x)))
        x = graph.node("Add", new, graph.node("Mul", graph.node("Sub", one, gate), x))
    return _affine(graph, weights, "char_embedding/proj", x)


def _strongest(graph: _Graph, weights: Weights, index: int, letters: str) -> str:
    """What one convolution finds at its strongest place, float32 [rows, filters]."""
    scope = f"char_embedding/cnn_{index}"
    kernel = graph.constant(f"{scope}/kernel", weights[f"{scope}/kernel"][:, :, 0].transpose(2, 1, 0))
    bias = graph.constant(f"{scope}/b", weights[f"{scope}/b"].reshape(-1))
    maps = graph.node("Relu", graph.node("Conv", letters, kernel, bias))
    return graph.node("ReduceMax", maps, axes=[2], keepdims=0)


def _affine(graph: _Graph, weights: Weights, scope: str, x: str, more: float = 0.0) -> str:
    bias = graph.constant(f"{scope}/b", weights[f"{scope}/b"][0] + np.float32(more))
    return graph.node("Add", graph.product(x, f"{scope}/W", weights[f"{scope}/W"]), bias)


def _lstm(graph: _Graph, weights: Weights, layer: int, x: str) -> str:
    """One step of a projected LSTM with peepholes (Sak et al. 2014); its h, float32 [rows, projection], is returned."""
    scope, shape = f"lstm/lstm_{layer}", weights.shape
    c, h = f"{scope}/c", f"{scope}/h"
    sizes = graph.constant(f"{scope}/sizes", np.array([shape.cells, shape.projection]))
    graph.node("Split", f"state_{layer}", sizes, outputs=[c, h], axis=1)
    both = graph.node("Concat", x, h, axis=1)
    product = graph.product_of_rows(both, f"{scope}/W", weights[f"{scope}/W"].T)  # a matrix's outputs are rows
    z = graph.node("Add", product, graph.constant(f"{scope}/B", _bias(weights, scope)))
    i, j, f, o = (f"{scope}/{gate}" for gate in "ijfo")
    graph.node("Split", z, outputs=[i, j, f, o], axis=1)
    peep = {gate: graph.constant(f"{scope}/W_{gate}_diag", weights[f"{scope}/W_{gate}_diag"]) for gate in "FIO"}

    def gate(value: str, name: str, cell: str) -> str:
        return graph.node("Sigmoid", graph.node("Add", value, graph.node("Mul", peep[name], cell)))

    kept = graph.node("Mul", gate(f, "F", c), c)
    cell = graph.node("Add", kept, graph.node("Mul", gate(i, "I", c), graph.node("Tanh", j)))
    out = graph.node("Mul", gate(o, "O", cell), graph.node("Tanh", cell))
    new = graph.product(out, f"{scope}/W_P", weights[f"{scope}/W_P"])
    graph.node("Concat", cell, new, outputs=[f"new_state_{layer}"], axis=1)
    return new


def _bias(weights: Weights, scope: str) -> np.ndarray:
    """The LSTM's bias with the constant of its forget gate: the gates i, j, f, o, float32 [4 cells]."""
    bias = weights[f"{scope}/B"].copy()
    bias.reshape(4, -1)[2] += np.float32(FORGET_BIAS)
    return bias
