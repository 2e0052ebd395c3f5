"""A LiteRT file of any size, made at a small one.

TensorFlow's converter takes minutes and many times a model's memory. So it is given a template: the same
function at small sizes, each weight filled with a number of its own. In the small file every size is then
replaced by the real one, and every weight by the real one, in int8 where the template's is. The weights
come after the file's own structure, which says where each begins, and so are written without a copy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from lmgen.errors import UnsupportedError
from lmgen.export.quantise import quantised

PROJECTION, CELLS, ROWS, FILTERS = 40, 104, 1016, (53, 59, 61, 67, 71, 73, 79, 89)
"""Sizes of templates: no sum or multiple of them that comes up is another's, and the converter makes int8 of all matrices."""
FOLDER = Path(__file__).parent / "template_files"
IDENTIFIER = b"TFL3"
ALIGNMENT = 64
"""Bytes: weights begin at multiples of a cache line."""


@dataclass(frozen=True)
class Template:
    """What a template computes."""

    kind: str
    """`vectors`, `memory`, `softmax` or `rounded`."""
    product: str = "float32"
    """How it multiplies by matrices: `float32`; `int8`, which rounds what is multiplied; `int8-in-two`, which does not."""
    count: int = 1
    """Highways of `vectors`, layers of `memory`."""


SHIPPED = (
    *(Template("vectors", count=count) for count in (1, 2)),
    *(Template("memory", product, count) for product in ("float32", "int8-in-two") for count in (1, 2, 3, 4)),
    *(Template("softmax", product) for product in ("float32", "int8", "int8-in-two")),
    Template("rounded", "int8"),
)
"""Templates that lie in the package."""


def template_path(template: Template) -> Path:
    """Where a template lies, or would."""
    return FOLDER / f"{template.kind}-{template.count}-{template.product}.tflite"


def stripped(template: bytes) -> bytes:
    """A template without its weights: of each only the number is left."""
    model = schema.ModelT.InitFromPackedBuf(template, 0)
    for tensor in model.subgraphs[0].tensors:
        buffer, scales = model.buffers[tensor.buffer], tensor.quantization
        if buffer.data is not None and len(buffer.data) and tensor.type != schema.TensorType.INT32:
            buffer.data = buffer.data[:4]
        if scales is not None and scales.scale is not None:
            scales.scale, scales.zeroPoint, scales.min, scales.max = scales.scale[:1], [0], None, None
    return _packed(model)


def marked(number: int, shape: Sequence[int]) -> np.ndarray:
    """The template of weight `number`, 1 <= number: float32 numbers of a given shape, up to a half above it.

    They are not all equal, for those would be folded away, and no two weights are so alike that they would be equal,
    and so shared, in int8.
    """
    return number + np.random.default_rng(number).uniform(0, 0.5, shape).astype(np.float32)


def fill(template: bytes, sizes: dict[int, int], weights: Sequence[np.ndarray], path: Path) -> None:
    """Write the file of real size.

    Args:
      template: a file whose weight number n was made by `marked(n, …)`.
      sizes: real size by template size, for every size that is not a size of its own right.
      weights: float32 [outputs, inputs] or [outputs] as the template's in the file, number 1 first.
      path: of the file to write.

    Raises UnsupportedError if a weight has no place in the template.
    """
    model = schema.ModelT.InitFromPackedBuf(template, 0)
    contents, placed = {}, set()
    for tensor in model.subgraphs[0].tensors:
        data = model.buffers[tensor.buffer].data
        tensor.shape = _resized(tensor.shape, sizes)
        if tensor.shapeSignature is not None:
            tensor.shapeSignature = _resized(tensor.shapeSignature, sizes)
        if data is not None and len(data) and len(tensor.shape):
            number, contents[tensor.buffer] = _content(tensor, bytes(data), sizes, weights)
            placed.add(number)
    if missing := set(range(1, len(weights) + 1)) - placed:
        raise UnsupportedError(f"this version of the converter has no place for weights {missing} of {path.stem}")
    _write(model, contents, path)


def fix_sizes(path: Path) -> None:
    """Let a file that `fill` wrote take one row, no more: what it says of other sizes is removed, in place."""
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    for tensor in model.subgraphs[0].tensors:
        tensor.shapeSignature = None
    end = min(buffer.offset for buffer in model.buffers if buffer.offset)
    with open(path, "r+b") as file:  # the structure is shorter than it was: the weights stay where they are
        file.write(_packed(model).ljust(end, b"\0"))


def _content(tensor, data: bytes, sizes: dict[int, int], weights: Sequence[np.ndarray]) -> tuple[int, np.ndarray]:
    """The number of the weight whose place it is, 0 for none; and what takes the place of a template's data, in its shape."""
    number = 0
    if tensor.type == schema.TensorType.INT32:
        values = _resized(np.frombuffer(data, np.int32), sizes)
    elif tensor.type == schema.TensorType.INT8:
        number = int(float(tensor.quantization.scale[0]) * 127)
        values, scales = quantised(weights[number - 1])
        quantization = tensor.quantization
        quantization.scale, quantization.zeroPoint = scales, np.zeros(len(scales), np.int64)
        quantization.min = quantization.max = None
    elif number := int(np.frombuffer(data[:4], np.float32)[0]):
        values = weights[number - 1]
    else:  # the converter's own zeros
        values = np.zeros(tensor.shape, np.float32)
    return number, np.ascontiguousarray(values).reshape(tensor.shape)


def _resized(values, sizes: dict[int, int]) -> np.ndarray:
    return np.array([sizes.get(int(value), int(value)) for value in values], np.int32)


def _write(model, contents: dict[int, np.ndarray], path: Path) -> None:
    """Write the structure, and after it the contents of buffers."""
    for number in contents:
        model.buffers[number].data = None
        model.buffers[number].offset = model.buffers[number].size = 1  # takes as much room as any other number
    end = _aligned(len(_packed(model)))
    for number, content in contents.items():
        model.buffers[number].offset, model.buffers[number].size = end, content.nbytes
        end = _aligned(end + content.nbytes)
    with open(path, "wb") as file:
        file.write(_packed(model))
        for number, content in contents.items():
            file.seek(model.buffers[number].offset)
            file.write(content.data)  # tofile says nothing of a full disk
        file.truncate(end)


def _packed(model) -> bytes:
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
