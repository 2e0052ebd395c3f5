"""A model from LiteRT files: no TensorFlow, a start in a tenth of a second, and the memory's speed."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.compiled_model import (
    CompiledModel,
    CpuOptions,
    Environment,
    EnvironmentOptions,
    HardwareAccelerator,
    Options,
    TensorBuffer,
)

from lmgen.checkpoint import ModelFiles, aligned, check_vocabulary
from lmgen.engines.litert_files import Converted
from lmgen.engines.quiet import quiet_tensorflow
from lmgen.engines.sharing import ModelLock, VectorCache, keep_for_ever, ready_after_fork
from lmgen.engines.weight_cache import find_packed
from lmgen.engines.word_cache import KeptVectors
from lmgen.errors import IntegrityError
from lmgen.model import State
from lmgen.text import Vocabulary

KEPT = "words.vectors"
LEAST_BYTES = 1 << 26
"""Smaller models are packed at every start, in less time than files of their packed weights could be checked."""


class LiteRTModel:
    """A `LanguageModel` on converted files. The numbers of a row are the same in any batch."""

    def __init__(self, files: ModelFiles, converted: Converted, threads: int = 0, spelled_marks: bool = False) -> None:
        self.files, self.precision = files, converted.precision
        self.vocabulary = Vocabulary.load(files.vocabulary, spelled_marks)
        threads = threads or os.cpu_count() or 1
        self._lock = ModelLock()
        self._open = partial(Function, threads=threads, lock=self._lock)
        packed: dict[Path, Path] = {}
        if converted.size >= LEAST_BYTES:
            packed = find_packed(converted, lambda path, target: _compiled(path, threads, target))
        self._embed, self._step, *self._softmax = (
            self._open(path, packed=packed.get(path)) for path in converted.paths
        )
        self._cells = self._step.width("state_0") - self._step.width("x")
        check_vocabulary(files, len(self.vocabulary), sum(part.output_width("logits") for part in self._softmax))
        self._cache = VectorCache(self._speller(packed), self._lock)

    def start(self, rows: int = 1) -> State:
        size = self._cells + self._step.width("x")
        return tuple(np.zeros((rows, size), np.float32) for _ in range(self._step.inputs - 1))

    def advance(self, state: State, words: Sequence[str]) -> State:
        names = [f"state_{layer}" for layer in range(len(state))]
        new = self._step(x=self.vectors(words), **dict(zip(names, state, strict=True)))
        return tuple(new[name] for name in names)

    def logits(self, state: State) -> np.ndarray:
        return self.logits_of(self.hidden(state))

    def hidden(self, state: State) -> np.ndarray:
        return np.ascontiguousarray(state[-1][:, self._cells :])

    def logits_of(self, hidden: np.ndarray) -> np.ndarray:
        return np.concatenate(list(self.logits_in_parts(hidden)), 1)

    def logits_in_parts(self, hidden: np.ndarray) -> Iterator[np.ndarray]:
        for part in self._softmax:
            yield part.run(h=hidden)["logits"]

    def vectors(self, words: Sequence[str]) -> np.ndarray:
        return self._cache.of(words)

    def _speller(self, packed: dict[Path, Path]) -> Callable[[list[str]], np.ndarray]:
        """What computes vectors of words; where packed weights are kept, it keeps them too."""
        for path in list(packed.values())[:1]:
            with contextlib.suppress(OSError):
                return KeptVectors(path.with_name(KEPT), self._step.width("x"), self.vocabulary, self._spelled).of
        return lambda words: self._spelled(self.vocabulary.all_char_ids(words))

    def _spelled(self, characters: np.ndarray) -> np.ndarray:
        return self._embed(characters=characters)["vectors"]


class Function:
    """The one function of a file, for any number of rows.

    Called with inputs by their names, float32 or int32 [rows, width], it returns outputs by their names, float32
    [rows, width]. Threads take turns, each with buffers of its own; a forked process, in which LiteRT's threads are
    gone, loads the file again.
    """

    def __init__(self, path: Path, threads: int, lock: ModelLock, packed: Path | None = None) -> None:
        self._lock, self._compile = lock, partial(_compiled, path, threads, packed)
        self._load()
        ready_after_fork(self)
        [(name, signature)] = self._model.get_signature_list().items()
        self._inputs, outputs = self._model.get_input_tensor_details(name), self._model.get_output_tensor_details(name)
        self._widths = {output: int(outputs[output]["shape"][-1]) for output in signature["outputs"]}
        self._names: list[str] = signature["inputs"]

    def __call__(self, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        return {name: output.copy() for name, output in self.run(**inputs).items()}

    def run(self, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """As a call, but the outputs are not copied: they hold until the same thread runs the function again."""
        rows = len(inputs[self._names[0]])
        with self._lock:
            if self._model is None:
                with quiet_tensorflow():
                    self._load()
            if rows != self._rows:
                self._resize(rows)
            buffers = self._buffers(rows)
            for name, buffer in zip(self._names, buffers.given, strict=True):
                buffer.write(inputs[name])
            self._model.run_by_index(0, buffers.given, buffers.taken)
        return buffers.outputs

    def _load(self) -> None:
        self._model: Any = self._compile()
        self._rows, self._own = 0, threading.local()

    def after_fork(self) -> None:
        """Load the file again when it is needed; to free the parent's model would wait for threads that are not here."""
        keep_for_ever((self._model, self._own))
        self._model = None

    def _resize(self, rows: int) -> None:
        for number, name in enumerate(self._names):
            self._model.resize_input_tensor(number, [rows, self.width(name)])
        self._rows = rows

    def _buffers(self, rows: int) -> "_Buffers":
        """Those of the thread that asks, for so many rows."""
        buffers: _Buffers | None = getattr(self._own, "buffers", None)
        if buffers is None or buffers.rows != rows:
            room = buffers.room if buffers else {}
            buffers = self._own.buffers = _Buffers(rows, self._widths, room, self._model.create_input_buffers(0))
        return buffers

    @property
    def inputs(self) -> int:
        return len(self._names)

    def width(self, name: str) -> int:
        """Numbers in a row of an input."""
        return int(self._inputs[name]["shape"][-1])

    def output_width(self, name: str) -> int:
        return self._widths[name]


class _Buffers:
    """What one thread gives a function of so many rows, and where it takes the outputs."""

    def __init__(
        self, rows: int, widths: dict[str, int], room: dict[str, np.ndarray], given: Sequence[TensorBuffer]
    ) -> None:
        """`room`: memory from before, used again where it is large enough."""
        self.rows, self.room, self.given = rows, room, given
        self.outputs: dict[str, np.ndarray] = {}
        for name, width in widths.items():
            if len(room.get(name, ())) < rows * width:
                room[name] = aligned(rows * width)
            self.outputs[name] = room[name][: rows * width].reshape(rows, width)
        self.taken = [TensorBuffer.create_from_host_memory(output) for output in self.outputs.values()]


def _compiled(path: Path, threads: int, packed: Path | None) -> CompiledModel:
    """A file's function on the CPU; its packed weights are read from `packed`, or written there.

    LiteRT checks the structure of what it is given in memory, not of a file: small ones are given so.
    """
    cpu = CpuOptions(num_threads=threads, xnnpack_weight_cache_path=str(packed or ""))
    options = Options(hardware_accelerators=HardwareAccelerator.CPU, cpu_options=cpu)
    try:
        if packed is None:
            return CompiledModel.from_buffer(path.read_bytes(), environment=_environment(), options=options)
        return CompiledModel.from_file(str(path), environment=_environment(), options=options)
    except (ValueError, RuntimeError) as error:
        raise IntegrityError(f"{path} is damaged: make it again with `lmgen convert`") from error


@cache
def _environment() -> Environment:
    """LiteRT without a search for accelerators. It reports what it does on stderr, now and at its end."""
    nowhere = str(Path(__file__).parent / "none")
    options = EnvironmentOptions(runtime_path=nowhere, compiler_plugin_path=nowhere, dispatch_library_path=nowhere)
    first = np.zeros(1, np.float32)
    TensorBuffer.create_from_host_memory(first).write(first)  # what all buffers need reports on itself, too
    return Environment.create(options=options)
