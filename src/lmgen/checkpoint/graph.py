"""The family's GraphDef, node for node as in the release, at any size.

Names, op types and attributes follow graph-2016-09-10.pbtxt, so that a program written for the
release runs unchanged on what is built here. Left out are the initialisers (the checkpoint has every
weight), the gradients and the summaries, which no such program asks for.
"""

import numpy as np
import tensorflow as tf

from lmgen.checkpoint.names import memory_name, variable_shapes
from lmgen.checkpoint.shape import CARRY_BIAS, CHARACTER_SIZE, FORGET_BIAS, SHARDS, WIDTHS, Shape, weight_shapes
from lmgen.text import WORD_LENGTH

PRODUCER = 9
"""GraphDef version of the release."""


class _Builder:
    """Adds nodes to a GraphDef; every method returns the name to use as an input."""

    def __init__(self) -> None:
        self.definition = tf.compat.v1.GraphDef()
        self.definition.versions.producer = PRODUCER

    def add(self, op: str, name: str, *inputs: str, **attributes) -> str:
        node = self.definition.node.add(op=op, name=name, input=inputs)
        for key, value in attributes.items():
            _set(node.attr[key], value)
        return name

    def floats(self, op: str, name: str, *inputs: str, **attributes) -> str:
        return self.add(op, name, *inputs, T=tf.float32, **attributes)

    def ints(self, op: str, name: str, *inputs: str, **attributes) -> str:
        return self.add(op, name, *inputs, T=tf.int32, **attributes)

    def const(self, name: str, value, dtype: tf.DType = tf.int32) -> str:
        node = self.definition.node.add(op="Const", name=name)
        _set(node.attr["dtype"], dtype)
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value, dtype))
        return name

    def placeholder(self, name: str, dtype: tf.DType, *shape: int) -> str:
        return self.add("Placeholder", name, dtype=dtype, shape=tf.TensorShape(shape))

    def variable(self, name: str, shape, dtype: tf.DType = tf.float32) -> str:
        """A variable and the node that reads it, whose name is returned."""
        self.add("Variable", name, dtype=dtype, shape=tf.TensorShape(shape), container=b"", shared_name=b"")
        return self.add("Identity", f"{name}/read", name, T=dtype, _class=[f"loc:@{name}".encode()])

    def assign(self, name: str, variable: str, value: str, dtype: tf.DType = tf.float32) -> str:
        return self.add("Assign", name, variable, value, T=dtype, validate_shape=True, use_locking=True)

    def concat(self, name: str, axis: int, *inputs: str) -> str:
        """The op of 2016, whose first input is the axis."""
        return self.floats("Concat", name, self.const(f"{name}/concat_dim", axis), *inputs, N=len(inputs))

    def matmul(self, name: str, x: str, y: str, transpose_b: bool = False) -> str:
        return self.floats("MatMul", name, x, y, transpose_a=False, transpose_b=transpose_b)

    def sharded(self, name: str, shape: tuple[int, int], concat: str, axis: int = 0) -> str:
        """A matrix kept in eight variables of equal rows, joined along `axis` by the node `concat`."""
        part = (shape[0] // SHARDS, shape[1])
        shards = [self.variable(f"{name}_{shard}", part) for shard in range(SHARDS)]
        return self.concat(concat, axis, *shards)


def _set(attribute, value) -> None:
    """Store a Python value in the field of an AttrValue that its type calls for."""
    if isinstance(value, bool):
        attribute.b = value
    elif isinstance(value, int):
        attribute.i = value
    elif isinstance(value, bytes):
        attribute.s = value
    elif isinstance(value, tf.DType):
        attribute.type = value.as_datatype_enum
    elif isinstance(value, tf.TensorShape):
        attribute.shape.CopyFrom(value.as_proto())
    elif value and isinstance(value[0], bytes):
        attribute.list.s.extend(value)
    else:
        attribute.list.i.extend(value)


def build_graph(shape: Shape, batch: int = 1):
    """The GraphDef of a model: it reads one word of each of `batch` texts at a time."""
    graph = _Builder()
    _inputs(graph, batch)
    _memories(graph, shape, batch)
    top = _lstm_layers(graph, shape, _character_cnn(graph, shape, batch))
    _loss(graph, shape, _softmax(graph, shape, top))
    graph.variable("global_step", (), tf.int64)
    _restore(graph, shape)
    return graph.definition


def _inputs(graph: _Builder, batch: int) -> None:
    graph.placeholder("inputs_in", tf.int32, batch, 1)  # nothing reads it, in the release either
    graph.placeholder("char_inputs_in", tf.int32, batch, 1, WORD_LENGTH)
    graph.placeholder("targets_in", tf.int32, batch, 1)
    graph.placeholder("target_weights_in", tf.float32, batch, 1)


def _memories(graph: _Builder, shape: Shape, batch: int) -> None:
    size = (batch, shape.cells + shape.projection)
    for layer in range(shape.layers):
        name = memory_name(layer)
        zeros = graph.const(f"zeros_{layer}" if layer else "zeros", np.zeros(size), tf.float32)
        graph.variable(name, size)
        graph.assign(f"{name}/Assign", name, zeros)
    graph.add("NoOp", "states_init", *(f"^{memory_name(layer)}/Assign" for layer in range(shape.layers)))


def _character_cnn(graph: _Builder, shape: Shape, batch: int) -> str:
    scope = "char_embedding"
    flat = graph.ints("Reshape", f"{scope}/Reshape", "char_inputs_in", graph.const(f"{scope}/Reshape/shape", [-1]))
    letters = _look_up(graph, scope, flat)
    x = _convolutions(graph, shape, scope, letters)
    for index in range(shape.highways):
        x = _highway(graph, shape, f"{scope}/dense_{index}", x)
    x = _affine(graph, f"{scope}/proj", x, (shape.width, shape.projection))
    by_step = graph.const(f"{scope}/Reshape_1/shape", [batch, 1, -1])
    x = graph.floats("Reshape", f"{scope}/Reshape_1", x, by_step)
    x = graph.floats("Reshape", "Reshape", x, graph.const("Reshape/shape", [batch, -1]))
    return graph.floats("Split", "all_embs_out", graph.const("all_embs_out/split_dim", 1), x, num_split=1)


def _look_up(graph: _Builder, scope: str, characters: str) -> str:
    table = graph.variable(f"{scope}/W", weight_shapes(Shape())["char_embedding/W"])
    scope = f"{scope}/EmbeddingLookupUnique"
    types = {"Tparams": tf.float32, "Tindices": tf.int32, "validate_indices": True}
    unique = graph.ints("Unique", f"{scope}/Unique", characters)
    rows = graph.add("Gather", f"{scope}/embedding_lookup", table, unique, **types)
    return graph.add("Gather", f"{scope}/Gather", rows, f"{unique}:1", **types)


def _convolutions(graph: _Builder, shape: Shape, scope: str, letters: str) -> str:
    features: list[str] = []
    for index, (width, filters) in enumerate(zip(WIDTHS, shape.filters, strict=True)):
        features.append(_convolution(graph, f"{scope}/cnn_{index}", letters, width, filters))
        joined = f"{scope}/concat_{index}" if index else f"{scope}/concat"
        if index:
            top = graph.concat(joined, 1, *features)
        else:
            top = graph.floats("Identity", joined, *features)
    return top


def _convolution(graph: _Builder, name: str, letters: str, width: int, filters: int) -> str:
    image = graph.const(f"{name}/Reshape/shape", [-1, WORD_LENGTH, CHARACTER_SIZE, 1])
    x = graph.floats("Reshape", f"{name}/Reshape", letters, image)
    kernel = graph.variable(f"{name}/kernel", (width, CHARACTER_SIZE, 1, filters))
    x = graph.floats("Conv2D", f"{name}/Conv2D", x, kernel, strides=[1, 1, 1, 1], padding=b"VALID", data_format=b"NHWC")
    x = graph.floats("Add", f"{name}/add", x, graph.variable(f"{name}/b", (1, 1, 1, filters)))
    x = graph.floats("Relu", f"{name}/Relu", x)
    x = graph.floats("Max", f"{name}/Max", x, graph.const(f"{name}/Max/reduction_indices", [1]), keep_dims=True)
    return graph.floats("Reshape", f"{name}/Reshape_1", x, graph.const(f"{name}/Reshape_1/shape", [-1, filters]))


def _affine(graph: _Builder, name: str, x: str, shape: tuple[int, int]) -> str:
    x = graph.matmul(f"{name}/MatMul", x, graph.sharded(f"{name}/W", shape, f"{name}/concat"))
    return graph.floats("Add", f"{name}/add", x, graph.variable(f"{name}/b", (1, shape[1])))


def _highway(graph: _Builder, shape: Shape, name: str, x: str) -> str:
    square = (shape.width, shape.width)
    gate = _affine(graph, f"{name}/gate", x, square)
    gate = graph.floats("Sub", f"{name}/gate/sub", gate, graph.const(f"{name}/gate/sub/y", -CARRY_BIAS, tf.float32))
    gate = graph.floats("Sigmoid", f"{name}/gate/Sigmoid", gate)
    new = graph.floats("Relu", f"{name}/tr/Relu", _affine(graph, f"{name}/tr", x, square))
    carry = graph.floats("Sub", f"{name}/sub", graph.const(f"{name}/sub/x", 1.0, tf.float32), gate)
    return graph.floats(
        "Add",
        f"{name}/add",
        graph.floats("Mul", f"{name}/mul", gate, new),
        graph.floats("Mul", f"{name}/mul_1", carry, x),
    )


def _lstm_layers(graph: _Builder, shape: Shape, x: str) -> str:
    for layer in range(shape.layers):
        x = _lstm_layer(graph, shape, layer, x)
    return x


def _lstm_layer(graph: _Builder, shape: Shape, layer: int, x: str) -> str:
    name, cells, size = f"lstm/lstm_{layer}", shape.cells, shape.projection
    memory = memory_name(layer)
    matrix = graph.sharded(f"{name}/W", (2 * size, 4 * cells), f"{name}/concat")
    projection = graph.sharded(f"{name}/W_P", (cells, size), f"{name}/concat_1")
    c = _columns(graph, f"{name}/Slice", f"{memory}/read", 0, cells)
    h = _columns(graph, f"{name}/Slice_1", f"{memory}/read", cells, size)
    scope = f"{name}/LSTMCellWithCachedConcat"
    x = graph.matmul(f"{scope}/MatMul", graph.concat(f"{scope}/concat", 1, x, h), matrix)
    cell, output = _cell(graph, name, cells, x, c)
    hidden = graph.matmul(f"{scope}/MatMul_1", output, projection)
    graph.assign(f"{name}/Assign", memory, graph.concat(f"{name}/concat_2", 1, cell, hidden))
    return graph.floats("Identity", f"{name}/control_dependency", hidden, f"^{name}/Assign")


def _columns(graph: _Builder, name: str, x: str, start: int, size: int) -> str:
    begin, extent = graph.const(f"{name}/begin", [0, start]), graph.const(f"{name}/size", [-1, size])
    return graph.floats("Slice", name, x, begin, extent, Index=tf.int32)


def _cell(graph: _Builder, layer: str, cells: int, x: str, c: str) -> tuple[str, str]:
    """The new c and the gated output of it; the gates come in the order i, j, f, o."""
    scope = f"{layer}/LSTMCellWithCachedConcat"

    def floats(op: str, name: str, *inputs: str, **attributes) -> str:
        return graph.floats(op, f"{scope}/{name}", *inputs, **attributes)

    x = floats("BiasAdd", "BiasAdd", x, graph.variable(f"{layer}/B", (4 * cells,)), data_format=b"NHWC")
    gates = floats("Split", "split", graph.const(f"{scope}/split/split_dim", 1), x, num_split=4)
    peep_f, peep_i, peep_o = (graph.variable(f"{layer}/W_{gate}_diag", (cells,)) for gate in "FIO")
    forget = floats("Add", "add", f"{gates}:2", graph.const(f"{scope}/add/y", FORGET_BIAS, tf.float32))
    forget = floats("Sigmoid", "Sigmoid", floats("Add", "add_1", forget, floats("Mul", "mul", peep_f, c)))
    kept = floats("Mul", "mul_1", forget, c)
    take_in = floats("Sigmoid", "Sigmoid_1", floats("Add", "add_2", gates, floats("Mul", "mul_2", peep_i, c)))
    cell = floats("Add", "add_3", kept, floats("Mul", "mul_3", take_in, floats("Tanh", "Tanh", f"{gates}:1")))
    out = floats("Add", "add_4", f"{gates}:3", floats("Mul", "mul_4", peep_o, cell))
    return cell, floats("Mul", "mul_5", floats("Sigmoid", "Sigmoid_2", out), floats("Tanh", "Tanh_1", cell))


def _softmax(graph: _Builder, shape: Shape, top: str) -> str:
    """Logits. Row w of the matrix is row w // 8 of shard w % 8: joined side by side, then cut into rows."""
    top = graph.floats("Identity", "feature_soft", top)
    joined = graph.sharded("softmax/W", (shape.rows, shape.projection), "concat", axis=1)
    rows = graph.const("Reshape_3/shape", [-1, shape.projection])
    matrix = graph.floats("Reshape", "Reshape_3", joined, rows)
    x = graph.matmul("MatMul", top, matrix, transpose_b=True)
    bias = graph.variable("softmax/b", (shape.rows,))
    logits = graph.floats("BiasAdd", "BiasAdd", x, bias, data_format=b"NHWC")
    graph.floats("Softmax", "softmax_out", logits)
    return logits


def _loss(graph: _Builder, shape: Shape, logits: str) -> None:
    swap = graph.const("transpose/perm", [1, 0])
    targets = graph.ints("Transpose", "transpose", "targets_in", swap)
    targets = graph.ints("Reshape", "Reshape_1", targets, graph.const("Reshape_1/shape", [-1, 1]))
    weights = graph.floats("Transpose", "transpose_1", "target_weights_in", swap)
    weights = graph.floats("Reshape", "Reshape_2", weights, graph.const("Reshape_2/shape", [-1]))
    losses = graph.floats(
        "SoftmaxCrossEntropyWithLogits", "SoftmaxCrossEntropyWithLogits", logits, _one_hot(graph, shape, targets)
    )
    everything = graph.const("range", [0])
    total = graph.floats("Sum", "Sum", graph.floats("Mul", "mul", losses, weights), everything, keep_dims=False)
    weight = graph.floats("Sum", "Sum_1", weights, everything, keep_dims=False)
    weight = graph.floats("Add", "add", weight, graph.const("add/y", 1e-4, tf.float32))
    graph.floats("Identity", "log_perplexity_out", graph.floats("Div", "div", total, weight))
    graph.ints("Identity", "class_ids_out", targets)
    graph.floats("Identity", "class_weights_out", weights)


def _one_hot(graph: _Builder, shape: Shape, targets: str) -> str:
    flat = graph.ints("Reshape", "Reshape_4", targets, graph.const("Reshape_4/shape", [-1]))
    size = graph.ints("Shape", "Shape", flat)
    count = graph.ints("Squeeze", "Squeeze", size, squeeze_dims=[0])
    numbers = graph.add("Range", "range_1", graph.const("range_1/start", 0), count, graph.const("range_1/delta", 1))
    places = graph.ints("Pack", "pack", numbers, flat, N=2)
    places = graph.ints("Transpose", "transpose_2", places, graph.const("transpose_2/perm", [1, 0]))
    extent = graph.ints("Pack", "pack_1", count, graph.const("pack_1/values_1", shape.rows), N=2)
    ones = graph.floats("Fill", "ones", size, graph.const("ones/Const", 1.0, tf.float32))
    zero = graph.const("SparseToDense/default_value", 0.0, tf.float32)
    return graph.floats("SparseToDense", "SparseToDense", places, extent, ones, zero, Tindices=tf.int32)


def _restore(graph: _Builder, shape: Shape) -> None:
    """The saver's half that reads: one slice after another in the order of the sorted names."""
    pattern = graph.const("save/Const", b"model", tf.string)
    assigned = []
    for index, (name, dtype) in enumerate(sorted(saved_variables(shape).items())):
        suffix = f"_{index}" if index else ""
        slice_name = f"save/restore_slice{suffix}"
        value = graph.add(
            "RestoreSlice",
            slice_name,
            pattern,
            graph.const(f"{slice_name}/tensor_name", name.encode(), tf.string),
            graph.const(f"{slice_name}/shape_and_slice", b"", tf.string),
            dt=dtype,
            preferred_shard=0,
        )
        assigned.append(graph.assign(f"save/Assign{suffix}", name, value, dtype))
    graph.add("NoOp", "save/restore_shard", *(f"^{name}" for name in assigned))
    graph.add("NoOp", "save/restore_all", "^save/restore_shard")


def saved_variables(shape: Shape) -> dict[str, tf.DType]:
    """The variables a checkpoint holds, shards counted one by one."""
    return {"global_step": tf.int64, **dict.fromkeys(variable_shapes(shape), tf.float32)}
