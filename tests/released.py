"""The released GraphDef at a small size: only shape constants and device names are changed."""

import re

import tensorflow as tf
from google.protobuf import text_format

from program_2016 import NAMES as PUBLIC


def scaled_down(path, shape):
    """The text of the graph for another shape; only what its users run is kept, not the training half."""
    definition = tf.compat.v1.GraphDef()
    text_format.Parse(path.read_text(), definition)
    nodes = {node.name: node for node in definition.node}
    restoring = sorted(name for name in nodes if re.fullmatch(r"save/Assign(_\d+)?", name))
    nodes["save/restore_shard"].input[:] = [f"^{name}" for name in restoring]  # this copy forgot the softmax
    small = tf.compat.v1.GraphDef(versions=definition.versions)
    for name in _needed(nodes, [*PUBLIC, "states_init", "save/restore_all"]):
        copy = small.node.add()
        copy.CopyFrom(nodes[name])
        copy.device = ""
        _scale(copy, shape)
    return text_format.MessageToString(small)


def _needed(nodes, outputs):
    """Names of the nodes that outputs depend on, in the order of the file."""
    needed, waiting = set(), list(outputs)
    while waiting:
        name = waiting.pop().removeprefix("^").partition(":")[0]
        if name not in needed:
            needed.add(name)
            waiting.extend(nodes[name].input)
    return [name for name in nodes if name in needed]


def _scale(node, shape):
    state = shape.cells + shape.projection
    constants = {
        "zeros": [[0.0] * state],
        "zeros_1": [[0.0] * state],
        "Reshape_3/shape": [-1, shape.projection],
        "pack_1/values_1": shape.rows,
        **{f"char_embedding/cnn_{i}/Reshape_1/shape": [-1, n] for i, n in enumerate(shape.filters)},
        **{f"lstm/lstm_{n}/Slice/size": [-1, shape.cells] for n in (0, 1)},
        **{f"lstm/lstm_{n}/Slice_1/begin": [0, shape.cells] for n in (0, 1)},
        **{f"lstm/lstm_{n}/Slice_1/size": [-1, shape.projection] for n in (0, 1)},
    }
    if node.name in constants:
        dtype = tf.as_dtype(node.attr["dtype"].type)
        node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(constants[node.name], dtype))
    elif node.op == "Variable" and node.name != "global_step":
        size = tf.TensorShape(_variable_shape(node.name, shape))
        node.attr["shape"].shape.CopyFrom(size.as_proto())


def _variable_shape(name, shape):
    width, size, cells = shape.width, shape.projection, shape.cells
    widths = (1, 2, 3, 4, 5, 6, 7, 7)
    for index, filters in enumerate(shape.filters):
        if name == f"char_embedding/cnn_{index}/kernel":
            return (widths[index], 16, 1, filters)
        if name == f"char_embedding/cnn_{index}/b":
            return (1, 1, 1, filters)
    patterns = {
        r"Variable(_1)?": (1, cells + size),
        r"char_embedding/W": (256, 16),
        r".*/(gate|tr)/W_\d": (width // 8, width),
        r".*/(gate|tr)/b": (1, width),
        r".*/proj/W_\d": (width // 8, size),
        r".*/proj/b": (1, size),
        r"lstm/.*/W_\d": (2 * size // 8, 4 * cells),
        r"lstm/.*/B": (4 * cells,),
        r"lstm/.*/W_._diag": (cells,),
        r"lstm/.*/W_P_\d": (cells // 8, size),
        r"softmax/W_\d": (shape.rows // 8, size),
        r"softmax/b": (shape.rows,),
    }
    return next(sizes for pattern, sizes in patterns.items() if re.fullmatch(pattern, name))
