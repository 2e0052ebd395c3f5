"""Write TensorBoard's files, without TensorFlow."""

import itertools
import os
import socket
import time
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
from google_crc32c import value as crc32c
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_DOUBLE, DT_STRING
from tensorboard.plugins.custom_scalar import layout_pb2, metadata as custom_scalar
from tensorboard.plugins.histogram import metadata as histogram
from tensorboard.plugins.text import metadata as text

from lmgen.checkpoint import masked
from lmgen.pictures import Png

BUCKETS = 30
"""Of a histogram."""
MARKDOWN = {ord(letter): f"&#{ord(letter)};" for letter in "\\`*_{}[]<>()#+-.!|&~"}
"""What is a sign of Markdown, as itself."""

TEXT = text.create_summary_metadata(display_name=None, description=None)
HISTOGRAM = histogram.create_summary_metadata(display_name=None, description=None)
BUCKETS_SHAPE = TensorShapeProto(dim=[TensorShapeProto.Dim(size=BUCKETS), TensorShapeProto.Dim(size=3)])

_files = itertools.count()


class Writer:
    """An event file in a folder, which is made; what is written can be seen after a `flush`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time()):010}.{socket.gethostname()}.{os.getpid()}.{next(_files)}"
        self._file = open(folder / name, "xb")  # noqa: SIM115 (closed by close)
        self._write(Event(file_version="brain.Event:2"))

    def write(self, step: int, values: Iterable[Summary.Value]) -> None:
        """Values of one step."""
        self._write(Event(step=step, summary=Summary(value=values)))

    def write_graph(self, definition: bytes) -> None:
        """A serialised GraphDef."""
        self._write(Event(graph_def=definition))

    def flush(self) -> None:
        """Let what was written be seen."""
        self._file.flush()

    def close(self) -> None:
        """Nothing more is to come."""
        self._file.close()

    def _write(self, event: Event) -> None:
        event.wall_time = time.time()
        data = event.SerializeToString()
        size = len(data).to_bytes(8, "little")
        self._file.write(size + _checksum(size) + data + _checksum(data))


def _checksum(data: bytes) -> bytes:
    """The masked CRC-32C of the TFRecord format; TensorBoard's own writer computes it in Python, for too long."""
    return masked(crc32c(data)).to_bytes(4, "little")


def scalars(values: dict[str, float]) -> list[Summary.Value]:
    """Values by their tags."""
    return [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]


def text_value(tag: str, markdown: str) -> Summary.Value:
    """A text in Markdown; `plain` makes some of any text."""
    return Summary.Value(tag=tag, metadata=TEXT, tensor=_string(markdown.encode()))


@lru_cache(4096)
def plain(text: str) -> str:
    """Markdown that shows a text as it is."""
    return text.translate(MARKDOWN).encode("utf-8", "replace").decode()


def histogram_value(tag: str, values: np.ndarray) -> Summary.Value:
    """How many values lie in each of BUCKETS equal ranges; of any shape, those that are not finite left out."""
    counts, edges = np.histogram(values[np.isfinite(values)], BUCKETS)
    buckets = np.stack([edges[:-1], edges[1:], counts], 1)
    tensor = TensorProto(dtype=DT_DOUBLE, tensor_shape=BUCKETS_SHAPE, tensor_content=buckets.tobytes())
    return Summary.Value(tag=tag, metadata=HISTOGRAM, tensor=tensor)


def image_value(tag: str, png: Png) -> Summary.Value:
    """A picture."""
    image = Summary.Image(encoded_image_string=png.finish(), width=png.width, height=png.height)
    return Summary.Value(tag=tag, image=image)


def layout_value(categories: dict[str, dict[str, list[str]]]) -> Summary.Value:
    """What the custom scalars tab shows: patterns of tags by chart, charts by category."""
    layout = layout_pb2.Layout(
        category=[
            layout_pb2.Category(
                title=title,
                chart=[
                    layout_pb2.Chart(title=chart, multiline=layout_pb2.MultilineChartContent(tag=tags))
                    for chart, tags in charts.items()
                ],
            )
            for title, charts in categories.items()
        ]
    )
    return Summary.Value(
        tag=custom_scalar.CONFIG_SUMMARY_TAG,
        metadata=custom_scalar.create_summary_metadata(),
        tensor=_string(layout.SerializeToString()),
    )


def _string(data: bytes) -> TensorProto:
    return TensorProto(dtype=DT_STRING, tensor_shape=TensorShapeProto(), string_val=[data])
