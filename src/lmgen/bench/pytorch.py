"""The same weights in PyTorch at its best, to compare speeds with: int8 matrices, activations rounded at every step.

It has what reading, writing and scoring need of a `LanguageModel`. The letters stay in float32, as in
lmgen's own int8 files, and words are spelled once.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch.nn import functional

from lmgen.checkpoint import (
    CARRY_BIAS,
    FORGET_BIAS,
    SHARDS,
    WIDTHS,
    ModelFiles,
    Weights,
    read_graph,
    shape_of,
    shard_names,
)
from lmgen.engines import ModelLock, VectorCache
from lmgen.model import State
from lmgen.text import Vocabulary

Linear = Callable[[torch.Tensor], torch.Tensor]
INT8 = "onednn"
"""PyTorch's engine for int8 products."""


class PyTorchModel:
    """Reads and predicts; `quantized` chooses int8 or float32 products in LSTMs and softmax."""

    def __init__(self, files: ModelFiles, quantized: bool = True) -> None:
        self.files, self.precision = files, "fast" if quantized else "float32"
        self.vocabulary = Vocabulary.load(files.vocabulary)
        self.shape = shape_of(read_graph(files.graph), files.graph)
        self._weights, self._linear = Weights(files.folder, self.shape), _quantized if quantized else _plain
        self._letters = {name: self._weight(name) for name in self._weights.names("char_embedding/")}
        self._layers = [self._layer(f"lstm/lstm_{layer}") for layer in range(self.shape.layers)]
        self._softmax = self._linear(self._weight("softmax/W"), self._weight("softmax/b"))
        self._cache = VectorCache(self._spell, ModelLock())

    def start(self, rows: int = 1) -> State:
        size = self.shape.cells + self.shape.projection
        return tuple(np.zeros((rows, size), np.float32) for _ in self._layers)

    def vectors(self, words: Sequence[str]) -> np.ndarray:
        return self._cache.of(words)

    def advance(self, state: State, words: Sequence[str]) -> State:
        x, new = torch.from_numpy(self.vectors(words)), []
        with torch.inference_mode():
            for step, memory in zip(self._layers, state, strict=True):
                c, x = step(x, *torch.from_numpy(memory).split([self.shape.cells, self.shape.projection], 1))
                new.append(torch.cat([c, x], 1).numpy())
        return tuple(new)

    def hidden(self, state: State) -> np.ndarray:
        return state[-1][:, self.shape.cells :]

    def logits(self, state: State) -> np.ndarray:
        return self.logits_of(self.hidden(state))

    def logits_of(self, hidden: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return self._softmax(torch.from_numpy(np.ascontiguousarray(hidden))).numpy()

    def logits_in_parts(self, hidden: np.ndarray) -> Iterator[np.ndarray]:
        yield self.logits_of(hidden)

    def _weight(self, name: str) -> torch.Tensor:
        """A weight by its name without shards; those of the softmax are never in memory all at once."""
        if name != "softmax/W":
            return torch.from_numpy(self._weights[name])
        whole = torch.empty(self.shape.rows, self.shape.projection)
        for shard, variable in enumerate(shard_names(name)):
            whole[shard::SHARDS] = torch.from_numpy(self._weights.variable(variable))
        return whole

    def _layer(self, scope: str) -> Callable:
        """One step of a projected peephole LSTM: (x, c, h) -> (c, h), float32 [rows, …]."""
        gates = self._linear(self._weight(f"{scope}/W").T, self._weight(f"{scope}/B"))
        project = self._linear(self._weight(f"{scope}/W_P").T, None)
        peep_f, peep_i, peep_o = (self._weight(f"{scope}/W_{gate}_diag") for gate in "FIO")

        def step(x: torch.Tensor, c: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            i, j, f, o = gates(torch.cat([x, h], 1)).chunk(4, 1)
            forget, let_in = torch.sigmoid(f + FORGET_BIAS + peep_f * c), torch.sigmoid(i + peep_i * c)
            c = forget * c + let_in * torch.tanh(j)
            return c, project(torch.sigmoid(o + peep_o * c) * torch.tanh(c))

        return step

    def _spell(self, words: list[str]) -> np.ndarray:
        characters = torch.from_numpy(self.vocabulary.all_char_ids(words)).long()
        with torch.inference_mode():
            return self._vectors(self._letters["char_embedding/W"][characters].transpose(1, 2)).numpy()

    def _vectors(self, letters: torch.Tensor) -> torch.Tensor:
        """Vectors of words, float32 [words, projection], from their letters', float32 [words, 16, 50]."""
        scope, weights = "char_embedding", self._letters
        features = []
        for index in range(len(WIDTHS)):
            kernel = weights[f"{scope}/cnn_{index}/kernel"][:, :, 0].permute(2, 1, 0)
            maps = functional.conv1d(letters, kernel, weights[f"{scope}/cnn_{index}/b"].flatten())
            features.append(maps.amax(2).relu())
        x = torch.cat(features, 1)
        for index in range(self.shape.highways):
            gate, new = (
                x @ weights[f"{scope}/dense_{index}/{part}/W"] + weights[f"{scope}/dense_{index}/{part}/b"]
                for part in ("gate", "tr")
            )
            gate = torch.sigmoid(gate + CARRY_BIAS)
            x = gate * torch.relu(new) + (1 - gate) * x
        return x @ weights[f"{scope}/proj/W"] + weights[f"{scope}/proj/b"]


def _plain(matrix: torch.Tensor, bias: torch.Tensor | None) -> Linear:
    matrix = matrix.contiguous()
    return lambda x: functional.linear(x, matrix, bias)


def _quantized(matrix: torch.Tensor, bias: torch.Tensor | None) -> Linear:
    """A product with a matrix, float32 [outputs, inputs], in int8: each of its rows has a scale of its own."""
    torch.backends.quantized.engine = INT8
    scales = matrix.abs().amax(1).clamp(min=1e-30).double() / 127
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch says that it will do this in another way one day
        rows = torch.quantize_per_channel(matrix, scales, torch.zeros(len(matrix)).long(), 0, torch.qint8)
        packed = torch.ops.quantized.linear_prepack(rows, bias)
    return lambda x: torch.ops.quantized.linear_dynamic(x, packed)
