"""A model from LiteRT files: no TensorFlow, a start in a tenth of a second, and the memory's speed."""

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from lmgen.converted import Converted
from lmgen.errors import IntegrityError
from lmgen.model import LanguageModel, State, VectorCache
from lmgen.placement import Placement
from lmgen.quiet import quiet_tensorflow
from lmgen.store import ModelFiles
from lmgen.vocabulary import Vocabulary


class LiteRTModel:
    """A `LanguageModel` over converted files. Rows never touch each other's numbers."""

    def __init__(self, files: ModelFiles, converted: Converted, threads: int = 0, spelled_marks: bool = False) -> None:
        self._files, self.graph_file = files, files.graph
        self.vocabulary = Vocabulary.load(files.vocabulary, spelled_marks)
        threads = threads or os.cpu_count() or 1
        self._embed = _Function(converted.vectors, threads)
        self._step = _Function(converted.memory, threads)
        self._softmax = [_Function(path, threads) for path in converted.softmax]
        self._cells = self._step.width("state_0") - self._step.width("x")
        rows = sum(part.output_width("logits") for part in self._softmax)
        if rows < len(self.vocabulary):
            raise IntegrityError(
                f"{files.vocabulary} has {len(self.vocabulary)} words, the softmax only {rows} rows: they do not belong together"
            )
        self._cache = VectorCache(self._compute)

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
        parts = [part(h=hidden)["logits"] for part in self._softmax]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, 1)

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
            from lmgen.session import SessionModel

            return SessionModel(self._files, Placement(), self.vocabulary.spelled_marks)

    def _compute(self, words: list[str]) -> np.ndarray:
        return self._embed(characters=self.vocabulary.all_char_ids(words))["vectors"]


class _Function:
    """The one function of a file, for any number of rows."""

    def __init__(self, path: Path, threads: int) -> None:
        try:
            self._interpreter = Interpreter(str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
            self._run = self._interpreter.get_signature_runner()
        except (ValueError, RuntimeError) as error:
            raise IntegrityError(f"{path} is damaged: make it anew with `lmgen convert`") from error

    def __call__(self, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        return self._run(**inputs)

    @property
    def inputs(self) -> int:
        return len(self._run.get_input_details())

    def width(self, name: str) -> int:
        """Numbers in a row of an input."""
        return int(self._run.get_input_details()[name]["shape"][-1])

    def output_width(self, name: str) -> int:
        return int(self._run.get_output_details()[name]["shape"][-1])
