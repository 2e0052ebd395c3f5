"""A model from a GraphDef and a sharded checkpoint, in a TensorFlow session, placed on devices.

The graph is used as it was released, with three changes that leave its numbers alone (to float32
rounding): the memories are fed and fetched instead of kept in variables; every weight is joined from
its shards once, at load, not at every word; and the product with the softmax matrix is a call of its
own.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from lmgen.checkpoint import (
    SHARDS,
    ModelFiles,
    Weights,
    check_vocabulary,
    extract,
    joined_name,
    memory_name,
    open_checkpoint,
    shard_names,
)
from lmgen.engines.placement import Placement
from lmgen.engines.sharing import ModelLock, VectorCache
from lmgen.errors import DeviceError, IntegrityError
from lmgen.model import State
from lmgen.text import WORD_LENGTH, Vocabulary

v1 = tf.compat.v1

LEAST_ROWS = 2
"""One row alone is multiplied by another kernel, whose rounding differs: it is run as two equal rows,
so that a text gets the same numbers alone as in any batch."""
LETTERS = ("char_embedding/Reshape", "char_embedding/EmbeddingLookupUnique")
"""Scopes of integer operations, which have no GPU kernels."""


class SessionModel:
    """A `LanguageModel` in a TensorFlow session."""

    precision = "float32"

    def __init__(self, files: ModelFiles, placement: Placement, spelled_marks: bool = False) -> None:
        checkpoint = open_checkpoint(files)
        self.files, self.shape = files, checkpoint.shape
        self.vocabulary = Vocabulary.load(files.vocabulary, spelled_marks)
        check_vocabulary(files, len(self.vocabulary), self.shape.rows)
        self._vectors = VectorCache(self._spell, ModelLock())
        graph = tf.Graph()
        with graph.as_default():
            self._session = v1.Session(graph=graph, config=_config(placement))
            self._devices = _devices(self._session, placement)
            with _refusing(files.graph):
                self._build(checkpoint.definition, checkpoint.weights)
                self._try()

    def start(self, rows: int = 1) -> State:
        size = self.shape.cells + self.shape.projection
        return tuple(np.zeros((rows, size), np.float32) for _ in range(self.shape.layers))

    def advance(self, state: State, words: Sequence[str]) -> State:
        feeds = dict(zip(self._memories, map(_at_least_two, state), strict=True))
        feeds[self._word] = _at_least_two(self.vectors(words))
        return tuple(layer[: len(words)] for layer in self._session.run(self._advanced, feeds))

    def logits(self, state: State) -> np.ndarray:
        return self.logits_of(self.hidden(state))

    def hidden(self, state: State) -> np.ndarray:
        return state[-1][:, self.shape.cells :]

    def logits_of(self, hidden: np.ndarray) -> np.ndarray:
        return self._session.run(self._logits, {self._top: _at_least_two(hidden)})[: len(hidden)]

    def logits_in_parts(self, hidden: np.ndarray) -> Iterator[np.ndarray]:
        yield self.logits_of(hidden)

    def vectors(self, words: Sequence[str]) -> np.ndarray:
        return self._vectors.of(words)

    def _spell(self, words: list[str]) -> np.ndarray:
        characters = _at_least_two(self.vocabulary.all_char_ids(words))
        return self._session.run(self._embedded, {self._characters: characters[:, None]})[: len(words)]

    def placement(self) -> list[tuple[str, str, str]]:
        """(node, operation, device) of all that runs for one word, as TensorFlow placed it."""
        feeds = dict(zip(self._memories, self.start(LEAST_ROWS), strict=True))
        feeds[self._characters] = np.zeros((LEAST_ROWS, 1, WORD_LENGTH), np.int32)
        feeds[self._word] = feeds[self._top] = np.zeros((LEAST_ROWS, self.shape.projection), np.float32)
        metadata = v1.RunMetadata()
        options = v1.RunOptions(output_partition_graphs=True)
        self._session.run([self._embedded, self._advanced, self._logits], feeds, options, metadata)
        return sorted((node.name, node.op, node.device) for part in metadata.partition_graphs for node in part.node)

    def _build(self, definition: Any, weights: Weights) -> None:
        shape, floats = self.shape, tf.float32
        state_size = [None, shape.cells + shape.projection]
        self._memories = [v1.placeholder(floats, state_size) for _ in range(shape.layers)]
        self._characters = v1.placeholder(tf.int32, [None, 1, WORD_LENGTH])
        self._word = v1.placeholder(floats, [None, shape.projection])
        inputs = {
            "char_inputs_in:0": self._characters,
            "all_embs_out:0": self._word,
            **{f"{memory_name(layer)}/read:0": memory for layer, memory in enumerate(self._memories)},
        }
        names = {joined_name(name): name for name in weights.names() if name != "softmax/W"}
        states = [f"lstm/lstm_{layer}/concat_2:0" for layer in range(shape.layers)]
        outputs = ["char_embedding/proj/add:0", "BiasAdd:0", *states]
        part = extract(definition, outputs, [*inputs, "MatMul:0", *names])
        turned = {_turn(node) for node in part.node if node.op == "MatMul"}
        weights.check()
        for tensor, name in names.items():
            with tf.device(self._device_of(name)):
                inputs[tensor] = self._restored(weights[name], tensor in turned)
        inputs["MatMul:0"] = self._product(weights)
        for node in part.node:
            node.device = self._device_of(node.name)
        part = v1.GraphDef.FromString(part.SerializeToString())
        self._embedded, self._logits, *self._advanced = tf.import_graph_def(part, inputs, outputs, name="")

    def _try(self) -> None:
        """Run one word: TensorFlow sees only then what is wrong with some graphs. Raises ValueError for odd results."""
        state = self.advance(self.start(LEAST_ROWS), ["a"] * LEAST_ROWS)
        given, found = [layer.shape for layer in self.start(LEAST_ROWS)], [layer.shape for layer in state]
        if found != given or self.logits(state).shape != (LEAST_ROWS, self.shape.rows):
            raise ValueError("its results have other shapes than they should")

    def _product(self, weights: Weights) -> tf.Tensor:
        """The top layer's output times the softmax matrix, whose shards are spread over the devices.

        Row w of the matrix is row w // 8 of shard w % 8, so the products are dealt out in turn.
        """
        products = []
        self._top = v1.placeholder(tf.float32, [None, self.shape.projection])
        for shard, variable in enumerate(shard_names("softmax/W")):
            with tf.device(self._devices[shard * len(self._devices) // SHARDS]):
                part = self._restored(weights.variable(variable))
                products.append(tf.raw_ops.BatchMatMulV2(x=self._top, y=part, adj_y=True))
        with tf.device(self._devices[-1]):
            return tf.reshape(tf.transpose(tf.stack(products, 1), [0, 2, 1]), [-1, self.shape.rows])

    def _restored(self, value: np.ndarray, turned: bool = False) -> tf.Tensor:
        """Keep a weight, or its transpose, on the device: at once, so that little more than the model is ever in memory."""
        given = v1.placeholder(tf.float32, value.shape)
        variable = v1.Variable(tf.transpose(given) if turned else given, use_resource=True, trainable=False)
        try:
            self._session.run(variable.initializer, {given: value})
        except tf.errors.ResourceExhaustedError as error:
            raise DeviceError("not enough memory for this model: try another --device") from error
        return variable.read_value()

    def _device_of(self, name: str) -> str:
        if name.startswith((*LETTERS, "char_embedding/W")):
            return "/device:CPU:0"
        if match := re.match(r"lstm/lstm_(\d+)/", name):
            return self._devices[int(match[1]) % len(self._devices)]
        return self._devices[0 if name.startswith("char_embedding/") else -1]


@contextmanager
def _refusing(graph: Path) -> Iterator[None]:
    """Turn what TensorFlow says of a graph that it cannot run into one line."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise DeviceError("not enough memory for this model: try another --device") from error
    except (ValueError, KeyError, IndexError, TypeError, OverflowError, tf.errors.OpError) as error:
        reason = str(error).strip().partition("\n")[0][:200]
        raise IntegrityError(f"{graph} is not a graph of the lm_1b family, or damaged: {reason}") from error


def _at_least_two(rows: np.ndarray) -> np.ndarray:
    return rows if len(rows) >= LEAST_ROWS else np.repeat(rows, LEAST_ROWS, axis=0)


def _turn(node: Any) -> str:
    """Make a MatMul one by the transposed matrix, whose name is returned.

    So BatchMatMul multiplies two rows as fast as memory gives the matrix; MatMul reads it twice.
    """
    node.op = "BatchMatMulV2"
    node.attr["adj_x"].b = node.attr.pop("transpose_a").b
    node.attr["adj_y"].b = not node.attr.pop("transpose_b").b
    return f"{node.input[1]}:0"


# Devices --------------------------------------------------------------------------------------


def _config(placement: Placement) -> Any:
    cpus = [int(name.rpartition(":")[2]) for name in placement.devices if name.lower().startswith("cpu:")]
    return v1.ConfigProto(
        allow_soft_placement=placement.soft,
        intra_op_parallelism_threads=placement.threads,
        device_count={"CPU": max(cpus, default=0) + 1},  # more than one is a way to try placements out
        gpu_options=v1.GPUOptions(allow_growth=placement.allow_growth),
    )


def _devices(session: Any, placement: Placement) -> list[str]:
    """Full names of the devices asked for; the CPU if none was."""
    present = [device.name.partition("/device:")[2].lower() for device in session.list_devices()]
    for name in placement.devices:
        if name.lower() not in present and not placement.soft:
            there = ", ".join(name for name in present if not name.startswith("xla"))
            raise DeviceError(f"there is no device {name} here, only {there}; or add --soft-placement")
    return [f"/device:{name.upper()}" for name in placement.devices or ("cpu:0",)]
