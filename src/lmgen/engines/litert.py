"""A model from LiteRT files: no TensorFlow, a start in a tenth of a second, and the memory's speed."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path

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

from lmgen.checkpoint import ModelFiles, aligned
from lmgen.engines.litert_files import Converted
from lmgen.engines.placement import Placement
from lmgen.engines.quiet import quiet_tensorflow
from lmgen.engines.weight_cache import find_packed
from lmgen.engines.word_cache import KeptVectors
from lmgen.errors import IntegrityError
from lmgen.model import LanguageModel, State, VectorCache
from lmgen.text import Vocabulary

KEPT = "words.vectors"


class LiteRTModel:
    """A `LanguageModel` over converted files. Rows never touch each other's numbers."""

    def __init__(self, files: ModelFiles, converted: Converted, threads: int = 0, spelled_marks: bool = False) -> None:
        self._files, self.graph_file = files, files.graph
        self.vocabulary = Vocabulary.load(files.vocabulary, spelled_marks)
        threads = threads or os.cpu_count() or 1
        packed = find_packed(converted, lambda path, target: _compiled(path, threads, target))
        self._embed, self._step, *self._softmax = (
            Function(path, threads, packed.get(path)) for path in converted.paths
        )
        self._cells = self._step.width("state_0") - self._step.width("x")
        rows = sum(part.output_width("logits") for part in self._softmax)
        if rows < len(self.vocabulary):
            raise IntegrityError(
                f"{files.vocabulary} has {len(self.vocabulary)} words, the softmax only {rows} rows: they do not belong together"
            )
        self._cache = VectorCache(self._keeper(packed) or self._compute)

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

    def output_vectors(self, words: Sequence[str]) -> np.ndarray:
        return self._session.output_vectors(words)

    def gates(self, state: State, words: Sequence[str]) -> tuple[dict[str, np.ndarray], ...]:
        return self._session.gates(state, words)

    @cached_property
    def _session(self) -> LanguageModel:
        """Tells what lies inside the graph, which converted files do not show."""
        with quiet_tensorflow():
            from lmgen.engines.session import SessionModel

            return SessionModel(self._files, Placement(), self.vocabulary.spelled_marks)

    def _keeper(self, packed: dict[Path, Path]) -> Callable[[list[str]], np.ndarray] | None:
        """What gives vectors of words and keeps them, where packed weights are kept."""
        if not packed:
            return None
        path, size = next(iter(packed.values())).with_name(KEPT), self._step.width("x")
        with contextlib.suppress(OSError):
            return KeptVectors(path, size, self.vocabulary, self._spelled).of
        return None

    def _compute(self, words: list[str]) -> np.ndarray:
        return self._spelled(self.vocabulary.all_char_ids(words))

    def _spelled(self, characters: np.ndarray) -> np.ndarray:
        return self._embed(characters=characters)["vectors"]


class Function:
    """The one function of a file, for any number of rows.

    Called, it returns outputs by their names, float32 [rows, width], from inputs [rows, width]. What `run` returns
    is the same, but not copied: it holds until the function runs again.
    """

    def __init__(self, path: Path, threads: int, packed: Path | None = None) -> None:
        self._model = _compiled(path, threads, packed)
        [(name, signature)] = self._model.get_signature_list().items()
        self._inputs, outputs = self._model.get_input_tensor_details(name), self._model.get_output_tensor_details(name)
        self._widths = {output: int(outputs[output]["shape"][-1]) for output in signature["outputs"]}
        self._names, self._rows = signature["inputs"], 0
        self._room, self._outputs = {}, {}

    def __call__(self, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        return {name: output.copy() for name, output in self.run(**inputs).items()}

    def run(self, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        if len(inputs[self._names[0]]) != self._rows:
            self._resize(len(inputs[self._names[0]]))
        for name, buffer in zip(self._names, self._given, strict=True):
            buffer.write(inputs[name])
        self._model.run_by_index(0, self._given, self._taken)
        return self._outputs

    def _resize(self, rows: int) -> None:
        self._rows = rows
        for number, name in enumerate(self._names):
            self._model.resize_input_tensor(number, [rows, self.width(name)])
        self._given = self._model.create_input_buffers(0)
        for name, width in self._widths.items():
            if len(self._room.get(name, ())) < rows * width:
                self._room[name] = aligned(rows * width)
            self._outputs[name] = self._room[name][: rows * width].reshape(rows, width)
        self._taken = [TensorBuffer.create_from_host_memory(output) for output in self._outputs.values()]

    @property
    def inputs(self) -> int:
        return len(self._names)

    def width(self, name: str) -> int:
        """Numbers in a row of an input."""
        return int(self._inputs[name]["shape"][-1])

    def output_width(self, name: str) -> int:
        return self._widths[name]


def _compiled(path: Path, threads: int, packed: Path | None) -> CompiledModel:
    """A file's function on the CPU; its packed weights are read from `packed`, or written there."""
    cpu = CpuOptions(num_threads=threads, xnnpack_weight_cache_path=str(packed or ""))
    options = Options(hardware_accelerators=HardwareAccelerator.CPU, cpu_options=cpu)
    try:
        return CompiledModel.from_file(str(path), environment=_environment(), options=options)
    except (ValueError, RuntimeError) as error:
        raise IntegrityError(f"{path} is damaged: make it anew with `lmgen convert`") from error


@cache
def _environment() -> Environment:
    """LiteRT without a search for accelerators. It tells what it does on stderr, now and at its end."""
    nowhere = str(Path(__file__).parent / "none")
    options = EnvironmentOptions(runtime_path=nowhere, compiler_plugin_path=nowhere, dispatch_library_path=nowhere)
    first = np.zeros(1, np.float32)
    TensorBuffer.create_from_host_memory(first).write(first)  # what all buffers need tells of itself, too
    return Environment.create(options=options)
