"""A GraphDef from a file: read, checked before it can run, and cut down to what is needed of it. No TensorFlow."""

import re
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf import text_format
from tensorboard.compat.proto.graph_pb2 import GraphDef

from lmgen.errors import IntegrityError, MissingError, UsageError

if TYPE_CHECKING:
    from lmgen.checkpoint.shape import Shape

LONGEST = 1 << 24
"""Bytes of a graph's text at most; the release has 1.2 million."""
OPERATIONS = set(
    """
    Add AddN Assign AssignAdd BiasAdd BiasAddGrad BroadcastGradientArgs Cast Concat ConcatOffset Const Conv2D
    Conv2DBackpropFilter Conv2DBackpropInput DestroyTemporaryVariable Div DynamicStitch Equal ExpandDims Fill Gather
    HistogramSummary Identity L2Loss MatMul Max Mean Minimum Mul Neg NoOp Pack Placeholder RandomStandardNormal
    RandomUniform Range Rank Relu ReluGrad Reshape RestoreSlice SaveSlices ScalarSummary Shape ShapeN ShardedFilename
    ShardedFilespec Sigmoid Slice Softmax SoftmaxCrossEntropyWithLogits SparseToDense Split Sqrt Square Squeeze Sub Sum
    Tanh TemporaryVariable Tile Transpose Unique UnsortedSegmentSum Variable ZerosLike
    """.split()
)
"""Those of the released graph, which has its training half too. A GraphDef is a program: no other ones may run."""
NODE, INPUT = re.compile(r'node {\n  name: "(.*)"'), re.compile(r'(?m)^  input: "(.*)"')
"""In the text of one."""
MEMORY = re.compile(r"lstm/lstm_\d+/concat_2")
"""The node of a layer's memory after a word."""


def read_graph(path: Path) -> GraphDef:
    """Parse a GraphDef in text form. Raises IntegrityError for what is none, or might do more than compute."""
    definition = _parsed(_text(path), path)
    _check_operations(definition, path)
    return definition


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > LONGEST:
            raise IntegrityError(f"{path} has {size / 1e6:,.0f} MB: a graph of the lm_1b family has about one")
        return path.read_text("utf-8")
    except OSError as error:
        raise MissingError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise IntegrityError(f"{path} is not a GraphDef in text form: {error}") from error


def _parsed(text: str, path: Path) -> GraphDef:
    try:
        return text_format.Parse(text, GraphDef())
    except (text_format.ParseError, RecursionError, ValueError) as error:
        raise IntegrityError(f"{path} is not a GraphDef in text form: {error}") from error


def _check_operations(definition, path: Path) -> None:
    for node in definition.node:
        if node.op not in OPERATIONS:
            raise IntegrityError(
                f"{path} has the operation {node.op} ({node.name}), which no model of the lm_1b family needs: refused"
            )
    if definition.library.function:
        raise IntegrityError(f"{path} defines functions, which no model of the lm_1b family needs: refused")


def shape_of(definition, path: Path) -> "Shape":
    """The sizes of a model, read off its graph's variables."""
    from lmgen.checkpoint.shape import WIDTHS, Shape  # which takes longer than who only draws a graph should wait

    sizes = {
        node.name: tuple(dim.size for dim in node.attr["shape"].shape.dim)
        for node in definition.node
        if node.op == "Variable"
    }
    layers = sum(name.endswith("/W_P_0") for name in sizes)
    try:
        return Shape(
            filters=tuple(sizes[f"char_embedding/cnn_{index}/b"][-1] for index in range(len(WIDTHS))),
            highways=sum(name.endswith("/gate/b") for name in sizes),
            projection=sizes["char_embedding/proj/b"][1],
            cells=sizes["lstm/lstm_0/W_F_diag"][0],
            layers=layers,
            rows=sizes["softmax/b"][0],
        )
    except (KeyError, IndexError) as error:
        raise IntegrityError(f"{path} is not a graph of the lm_1b family: it lacks {error}") from error
    except UsageError as error:
        raise IntegrityError(f"{path} is not a graph of the lm_1b family: {error}") from error


def extract(definition: GraphDef, outputs: Iterable[str], inputs: Iterable[str]) -> GraphDef:
    """The nodes that `outputs` need, without those behind `inputs`; tensors are named `node:index`.

    Control inputs are dropped: in this family they only serve to store the memories.
    """
    needed = _needed({node.name: node.input for node in definition.node}, outputs, inputs)
    part = GraphDef(versions=definition.versions)
    for node in definition.node:
        if node.name in needed:
            copy = part.node.add()
            copy.CopyFrom(node)
            copy.input[:] = [source for source in node.input if not _is_control(source)]
            copy.attr.pop("_class", None)
    return part


def _needed(sources: Mapping[str, Iterable[str]], outputs: Iterable[str], inputs: Iterable[str] = ()) -> set[str]:
    """The nodes behind `outputs`, those included, by the inputs of each."""
    cut = {_node(name) for name in inputs}
    waiting = deque(map(_node, outputs))
    needed: set[str] = set()
    while waiting:
        name = waiting.popleft()
        if name in needed or name in cut:
            continue
        if name not in sources:
            raise IntegrityError(f"the graph lacks the node {name}: it is not of the lm_1b family")
        needed.add(name)
        waiting.extend(_node(source) for source in sources[name] if not _is_control(source))
    return needed


def _node(tensor: str) -> str:
    return tensor.partition(":")[0]


def _is_control(source: str) -> bool:
    return source.startswith("^")


def read_forward(path: Path) -> GraphDef:
    """The part of a graph from a word's characters to the softmax and the memories, without its training half."""
    definition = _parsed(_shortened(_text(path)), path)
    return extract(definition, _ends(node.name for node in definition.node), [])


def _ends(names: Iterable[str]) -> list[str]:
    return ["softmax_out", *filter(MEMORY.fullmatch, names)]


def _shortened(text: str) -> str:
    """A graph's text with fewer of the nodes that its forward pass does not need: parsing takes its time."""
    entries = re.split(r"(?m)^(?=\w)", text)
    names = [match[1] if (match := NODE.match(entry)) else "" for entry in entries]
    sources = {name: INPUT.findall(entry) for name, entry in zip(names, entries, strict=True)}
    try:
        needed = {"", *_needed(sources, _ends(names))}
    except IntegrityError:  # not written as usual
        return text
    return "".join(entry for name, entry in zip(names, entries, strict=True) if name in needed)
