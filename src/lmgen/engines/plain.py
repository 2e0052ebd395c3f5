"""The network in plain NumPy, straight from a checkpoint.

It shows what lies inside a model, which converted files and sessions do not. A conversion is
compared with it. Every number is float32, and every text may have any number of rows.
"""

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lmgen.checkpoint import CARRY_BIAS, FORGET_BIAS, WIDTHS, Weights, open_checkpoint
from lmgen.model import LanguageModel, State

Gates = dict[str, np.ndarray]
"""What opens in a layer: `input`, `forget`, `output`, each float32 [rows, cells], 0 to 1."""


@dataclass(frozen=True)
class Layer:
    """The weights of one projected LSTM with peepholes (Sak et al. 2014)."""

    matrix: np.ndarray
    """float32 [2 projection, 4 cells]: the gates i, j, f, o side by side."""
    bias: np.ndarray
    """float32 [4 cells]."""
    peepholes: dict[str, np.ndarray]
    """float32 [cells], by the letters F, I and O."""
    projection: np.ndarray
    """float32 [cells, projection]."""

    def step(self, x: np.ndarray, memory: np.ndarray) -> tuple[np.ndarray, Gates]:
        """The memory after one more input, and the gates that made it.

        Args:
          x: the input, float32 [rows, projection].
          memory: c then h, float32 [rows, cells + projection], as is the one returned.
        """
        cells = len(self.projection)
        c, h = memory[:, :cells], memory[:, cells:]
        i, j, f, o = np.split(np.concatenate([x, h], 1) @ self.matrix + self.bias, 4, axis=1)
        forget = _sigmoid(f + np.float32(FORGET_BIAS) + self.peepholes["F"] * c)
        take_in = _sigmoid(i + self.peepholes["I"] * c)
        c = forget * c + take_in * np.tanh(j)
        out = _sigmoid(o + self.peepholes["O"] * c)
        memory = np.concatenate([c, (out * np.tanh(c)) @ self.projection], 1)
        return memory, {"input": take_in, "forget": forget, "output": out}


class PlainNetwork:
    """A model's forward pass.

    Args:
      weights: of its checkpoint; each is read when it is first needed, and kept.
      kept: what is used of a matrix of LSTM or softmax, given and returned as float32 [outputs, inputs].
    """

    def __init__(self, weights: Weights, kept: Callable[[np.ndarray], np.ndarray] = lambda matrix: matrix) -> None:
        self._weights, self._kept = weights, kept

    def vectors(self, characters: np.ndarray) -> np.ndarray:
        """Words' vectors, float32 [words, projection], from their character ids, int32 [words, 50]."""
        weights = self._spelling
        letters = weights["char_embedding/W"][characters]
        x = np.concatenate([self._strongest(letters, index) for index in range(len(WIDTHS))], 1)
        for index in range(self._weights.shape.highways):
            scope = f"char_embedding/dense_{index}"
            gate = _sigmoid(x @ weights[f"{scope}/gate/W"] + weights[f"{scope}/gate/b"] + np.float32(CARRY_BIAS))
            new = np.maximum(x @ weights[f"{scope}/tr/W"] + weights[f"{scope}/tr/b"], 0)
            x = gate * new + (1 - gate) * x
        return x @ weights["char_embedding/proj/W"] + weights["char_embedding/proj/b"]

    def advance(self, state: State, vectors: np.ndarray) -> tuple[State, tuple[Gates, ...]]:
        """The memory after one more word of each row, and each layer's gates.

        Args:
          vectors: of the words, float32 [rows, projection].
        """
        x, memories, gates = vectors, [], []
        for layer, memory in zip(self._layers, state, strict=True):
            new, opened = layer.step(x, memory)
            memories.append(new)
            gates.append(opened)
            x = new[:, len(layer.projection) :]
        return tuple(memories), tuple(gates)

    def logits(self, hidden: np.ndarray, begin: int, end: int) -> np.ndarray:
        """Logits of some softmax rows, float32 [rows, end - begin].

        Args:
          hidden: the top layer's h, float32 [rows, projection].
          begin: the first softmax row, a multiple of 8.
          end: the row after the last, a multiple of 8.
        """
        matrix, bias = self._weights.softmax(begin, end)
        return hidden @ self._kept(matrix).T + bias

    def output_vectors(self, ids: Sequence[int]) -> np.ndarray:
        """Rows of the softmax's matrix, float32 [ids, projection]; 0 <= each id < softmax rows."""
        return self._weights.softmax_rows(np.asarray(ids, np.int64))

    @property
    def softmax_shards(self) -> list[np.ndarray]:
        """See `Weights.softmax_shards`."""
        return self._weights.softmax_shards

    def _strongest(self, letters: np.ndarray, index: int) -> np.ndarray:
        """What one convolution finds at its strongest place, float32 [words, filters]."""
        kernel = self._spelling[f"char_embedding/cnn_{index}/kernel"][:, :, 0]
        places = letters.shape[1] - len(kernel) + 1
        maps = sum(letters[:, at : at + places] @ row for at, row in enumerate(kernel))
        return np.maximum(maps + self._spelling[f"char_embedding/cnn_{index}/b"][0, 0, 0], 0).max(1)

    @cached_property
    def _spelling(self) -> dict[str, np.ndarray]:
        return {name: self._weights[name] for name in self._weights.names("char_embedding/")}

    @cached_property
    def _layers(self) -> list[Layer]:
        layers = []
        for scope in (f"lstm/lstm_{layer}" for layer in range(self._weights.shape.layers)):
            matrix, projection = (self._kept(self._weights[f"{scope}/{name}"].T).T for name in ("W", "W_P"))
            peepholes = {gate: self._weights[f"{scope}/W_{gate}_diag"] for gate in "FIO"}
            layers.append(Layer(matrix, self._weights[f"{scope}/B"], peepholes, projection))
        return layers


_networks: "weakref.WeakKeyDictionary[LanguageModel, PlainNetwork]" = weakref.WeakKeyDictionary()


def look_inside(model: LanguageModel) -> PlainNetwork:
    """A model's own network, from the checkpoint that it was loaded from; it is kept as long as the model is."""
    if model not in _networks:
        _networks[model] = PlainNetwork(open_checkpoint(model.files).weights)
    return _networks[model]


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return (1 + np.tanh(x / 2)) / 2  # where exp would overflow, tanh does not
