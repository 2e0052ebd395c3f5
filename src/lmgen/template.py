"""A LiteRT file of any size, made at a small one.

TensorFlow's converter takes minutes and many times a model's memory. So it is given a template: the same
function at TEMPLATE sizes, each weight filled with a number of its own. In the small file every size is
then replaced by the real one, and every weight by the real one, in int8 where the template's is.
"""

from collections.abc import Sequence

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

IDENTIFIER = b"TFL3"


def marked(number: int, shape: Sequence[int]) -> np.ndarray:
    """The template of weight `number`, from 1 on: a little more than that number.

    Not even, which would be folded away; nor so even that two would be equal, and so shared, in int8.
    """
    return number + np.random.default_rng(number).uniform(0, 0.5, shape).astype(np.float32)


def fill(template: bytes, sizes: dict[int, int], weights: Sequence[np.ndarray]) -> bytes:
    """The file of real size.

    Args:
      template: a file whose weight number n was made by `marked(n, …)`.
      sizes: real size by template size, for every size that is not a size of its own right.
      weights: float32, number 1 first; a matrix has the orientation of its template in the file.
    """
    model = schema.ModelT.InitFromPackedBuf(template, 0)
    for tensor in model.subgraphs[0].tensors:
        data = model.buffers[tensor.buffer].data
        if data is not None and len(data) and len(tensor.shape):
            _refill(tensor, model.buffers[tensor.buffer], sizes, weights)
        tensor.shape = _resized(tensor.shape, sizes)
        if tensor.shapeSignature is not None:
            tensor.shapeSignature = _resized(tensor.shapeSignature, sizes)
    builder = flatbuffers.Builder(len(template) + sum(weight.nbytes for weight in weights))
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def _refill(tensor, buffer, sizes: dict[int, int], weights: Sequence[np.ndarray]) -> None:
    """Put the real contents in place of a template's."""
    if tensor.type == schema.TensorType.INT32:
        values = _resized(np.frombuffer(bytes(buffer.data), np.int32), sizes)
    elif tensor.type == schema.TensorType.INT8:
        number = int(float(tensor.quantization.scale[0]) * 127)
        values, scales = quantised(weights[number - 1])
        quantization = tensor.quantization
        quantization.scale, quantization.zeroPoint = scales, np.zeros(len(scales), np.int64)
        quantization.min = quantization.max = None
    else:
        number = int(np.frombuffer(bytes(buffer.data[:4]), np.float32)[0])
        values = weights[number - 1]
    buffer.data = np.ascontiguousarray(values).reshape(-1).view(np.uint8)


def _resized(values, sizes: dict[int, int]) -> np.ndarray:
    return np.array([sizes.get(int(value), int(value)) for value in values], np.int32)


def quantised(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A float32 matrix as int8 [rows, columns] times a float32 scale for each row, the largest number being 127."""
    scales = np.abs(matrix).max(1) / np.float32(127)
    scales[scales == 0] = 1
    values = matrix / scales[:, None]
    return np.rint(values, out=values).astype(np.int8), scales
