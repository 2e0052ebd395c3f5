"""Where the numbers of a checkpoint lie in its files, read without TensorFlow.

A file of the first format is a leveldb table: blocks of entries, an index of the blocks, and a footer.
TensorFlow writes each float32 tensor as one entry, a message SavedTensorSlices, and never compresses:
its numbers are one run of bytes, an extent, which can be read in parts or mapped into memory.
"""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import google_crc32c
import numpy as np

from lmgen.checkpoint.digests import masked
from lmgen.checkpoint.folder import CHECKPOINT_FILES
from lmgen.errors import IntegrityError

FOOTER, TRAILER = 48, 5
"""Bytes: of the footer, and of what follows each block (how it is compressed, and its checksum)."""
META, SLICE, NAME, TENSOR, FLOATS = 1, 2, 1, 3, 5
"""Fields: of SavedTensorSlices its table of contents and its data; of that, name and tensor; of that, the packed float32
numbers (tensorflow/core/util/saved_tensor_slice.proto)."""
LISTED, SHAPE, DIMENSION, SIZE = 1, 2, 2, 1
"""Fields: of the table of contents each tensor; of that its shape; of that each dimension; of that its size."""
ALIGNMENT = 64
"""Bytes: TensorFlow copies arrays that do not begin at a multiple of it."""
CHUNK = 1 << 20
"""Bytes summed up at once: few enough to stay in a core's cache. Reading is faster than mapping pages."""


@dataclass(frozen=True)
class Extent:
    """The numbers of one float32 tensor."""

    path: Path
    offset: int
    """Of the first byte in the file: any number, not only multiples of four."""
    count: int
    """How many numbers there are."""

    def read(self, begin: int = 0, end: int | None = None) -> np.ndarray:
        """Numbers from place `begin` up to `end`, None for all: float32 [end - begin], in memory of their own."""
        numbers = aligned((self.count if end is None else end) - begin)
        self.fill(numbers, begin)
        return numbers

    def fill(self, numbers: np.ndarray, begin: int) -> None:
        """Read numbers from place `begin` on into `numbers`, float32 [count], contiguous.

        Raises IntegrityError if the file ends before.
        """
        room = numbers.data.cast("B")
        with open(self.path, "rb", buffering=0) as file:
            file.seek(self.offset + 4 * begin)
            while room and (count := file.readinto(room)):  # 2 GB at most at once
                room = room[count:]
        if room:
            raise IntegrityError(f"{self.path} is cut short: replace it with a good copy")

    def mapped(self, columns: int) -> np.ndarray:
        """All numbers as a matrix, float32 [count / columns, columns]; only what is looked at is read from the file."""
        with open(self.path, "rb") as file:
            memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        memory.madvise(mmap.MADV_RANDOM)
        return np.frombuffer(memory, "<f4", self.count, self.offset).reshape(-1, columns)


class RowReader:
    """A matrix in a file of which rows are read when they are asked for; unlike mapped ones they leave no memory taken."""

    def __init__(self, extent: Extent, columns: int) -> None:
        self._extent, self.shape = extent, (extent.count // columns, columns)
        self._file = open(extent.path, "rb", buffering=0)  # noqa: SIM115 (as long as this)

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Rows by their numbers, int64 [rows]: float32 [rows, columns]. Raises IntegrityError if the file is cut short."""
        size, file, begin = 4 * self.shape[1], self._file.fileno(), self._extent.offset
        parts = [os.pread(file, size, begin + size * row) for row in rows.tolist()]
        if any(len(part) < size for part in parts):
            raise IntegrityError(f"{self._extent.path} is cut short: replace it with a good copy")
        return np.frombuffer(b"".join(parts), "<f4").reshape(-1, self.shape[1])


def aligned(count: int) -> np.ndarray:
    """Room for numbers, float32 [count], not set yet, at an address where TensorFlow takes an array without a copy."""
    room = np.empty(count + ALIGNMENT // 4 - 1, "<f4")
    skipped = -room.ctypes.data % ALIGNMENT // 4
    return room[skipped : skipped + count]


def find_extents(folder: Path) -> dict[str, Extent]:
    """The extents of all float32 variables of a checkpoint, by name; little more than the indices is read.

    Raises IntegrityError if a file is damaged.
    """
    return {name: extent for file in CHECKPOINT_FILES for name, extent in _extents(folder / file)}


def saved_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shape of every variable that a checkpoint file says it holds, by name. Raises IntegrityError if it is damaged."""
    with _telling_damage(path), _opened(path) as data:
        for block in _blocks(data):
            for begin, end in _entries(data, *block):
                contents = dict(_fields(data, begin, end)).get(META)
                if contents:
                    return dict(_listed(data, *contents))
    raise IntegrityError(f"{path} is damaged, or not a checkpoint file: replace it with a good copy")


def check_sums(path: Path) -> None:
    """Compare a file's checksums with its blocks, all of which are read. Raises IntegrityError if any differs."""
    with _opened(path) as data, open(path, "rb", buffering=0) as file:
        for begin, end in _blocks(data):
            stored = int.from_bytes(data[end + 1 : end + TRAILER], "little")
            if stored != masked(_checksum(file, begin, end + 1)):
                raise IntegrityError(f"{path} is damaged: a checksum is wrong; replace it with a good copy")


@contextmanager
def _telling_damage(path: Path) -> Iterator[None]:
    """Turn what reading nonsense raises into one error."""
    try:
        yield
    except (IndexError, ValueError, KeyError) as error:
        raise IntegrityError(f"{path} is damaged, or not a checkpoint file: replace it with a good copy") from error


def _extents(path: Path) -> Iterator[tuple[str, Extent]]:
    with _telling_damage(path), _opened(path) as data:
        for block in _blocks(data):
            for begin, end in _entries(data, *block):
                yield from _extent(path, data, begin, end)


def _extent(path: Path, data: mmap.mmap, begin: int, end: int) -> Iterator[tuple[str, Extent]]:
    """The extent in one entry's value, if there is one."""
    message = dict(_fields(data, begin, end))
    if SLICE in message:
        part = dict(_fields(data, *message[SLICE]))
        name, tensor = data[slice(*part[NAME])].decode(), dict(_fields(data, *part[TENSOR]))
        if FLOATS in tensor:
            first, last = tensor[FLOATS]
            yield name, Extent(path, first, (last - first) // 4)


def _listed(data: mmap.mmap, begin: int, end: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes in a table of contents."""
    for number, place in _fields(data, begin, end):
        if number == LISTED:
            entry = dict(_fields(data, *place))
            sizes = [size for key, size in _fields(data, *entry[SHAPE]) if key == DIMENSION] if SHAPE in entry else []
            yield data[slice(*entry[NAME])].decode(), tuple(_size(data, *size) for size in sizes)


def _size(data: mmap.mmap, begin: int, end: int) -> int:
    """The size of a dimension, a message whose only number it is; 0 is not written."""
    tag, begin = _varint(data, begin) if begin < end else (0, begin)
    return _varint(data, begin)[0] if tag == SIZE << 3 else 0


def _opened(path: Path) -> mmap.mmap:
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _blocks(data: mmap.mmap) -> Iterator[tuple[int, int]]:
    """First byte and end of each block of entries, by the index."""
    place = len(data) - FOOTER
    for _ in range(2):  # the handle of the meta index, which is empty
        _, place = _varint(data, place)
    for begin, _ in _entries(data, *_handle(data, place)):
        yield _handle(data, begin)


def _handle(data: mmap.mmap, place: int) -> tuple[int, int]:
    begin, place = _varint(data, place)
    size, _ = _varint(data, place)
    if data[begin + size] != 0:
        raise ValueError("compressed")
    return begin, begin + size


def _entries(data: mmap.mmap, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """First byte and end of each value in a block, which ends with its restart points and their number."""
    restarts = int.from_bytes(data[end - 4 : end], "little")
    end -= 4 * (restarts + 1)
    while begin < end:
        _, begin = _varint(data, begin)
        unshared, begin = _varint(data, begin)
        size, begin = _varint(data, begin)
        begin += unshared + size
        if begin > end:
            raise ValueError("an entry goes beyond its block")
        yield begin - size, begin


def _fields(data: mmap.mmap, begin: int, end: int) -> Iterator[tuple[int, tuple[int, int]]]:
    """Number, first byte and end of each field of a protocol buffer's message that has a length."""
    while begin < end:
        tag, begin = _varint(data, begin)
        size, begin = _varint(data, begin)
        if tag & 7 == 2:
            yield tag >> 3, (begin, begin + size)
            begin += size
        elif tag & 7 != 0:
            raise ValueError("neither a number nor bytes")
    if begin > end:
        raise ValueError("a field goes beyond its message")


def _varint(data: mmap.mmap, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, and the place after it."""
    value = shift = 0
    while (byte := data[place]) >= 128:
        value |= (byte & 127) << shift
        shift, place = shift + 7, place + 1
    return value | byte << shift, place + 1


def _checksum(file: FileIO, begin: int, end: int) -> int:
    checksum = 0
    file.seek(begin)
    while begin < end and (chunk := file.read(min(CHUNK, end - begin))):
        checksum, begin = google_crc32c.extend(checksum, chunk), begin + len(chunk)
    return checksum
