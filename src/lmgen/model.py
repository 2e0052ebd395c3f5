"""What a language model can do; texts as values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lmgen.vocabulary import SENTENCE_START, Vocabulary

State = tuple[np.ndarray, ...]
"""LSTM memory, one float32 array [rows, cells + projection] per layer: c, then h. Never changed in place."""


class LanguageModel(Protocol):
    """Reading and predicting are two calls: the softmax costs most, and not every word read needs it."""

    vocabulary: Vocabulary

    def start(self, rows: int = 1) -> State:
        """An empty memory for so many texts."""

    def advance(self, state: State, words: Sequence[str]) -> State:
        """Each row reads one word, by its spelling (unknown words are read by their letters)."""

    def logits(self, state: State) -> np.ndarray:
        """Unnormalised log-probabilities of the next word, float32 [rows, softmax rows].

        There are more softmax rows than words: those from len(vocabulary) on belong to no word, but
        take their share of the distribution.
        """

    def vectors(self, words: Sequence[str]) -> np.ndarray:
        """What the LSTM sees of each word, float32 [words, projection]."""

    def output_vectors(self, words: Sequence[str]) -> np.ndarray:
        """The softmax's row of each word of the vocabulary, float32 [words, projection]."""

    def gates(self, state: State, words: Sequence[str]) -> tuple[dict[str, np.ndarray], ...]:
        """What opens in each layer as each row reads a word: `input`, `forget`, `output`, float32 [rows, cells]."""

    def graph(self) -> bytes:
        """The network from a word's characters to the softmax, as a serialised GraphDef."""


def take(state: State, rows: Sequence[int]) -> State:
    """Choose rows: repeat them, drop them, reorder them."""
    return tuple(layer[list(rows)] for layer in state)


@dataclass(frozen=True)
class Context:
    """A text that was read: its words, from `<S>` on, and the memory of one row after them."""

    words: tuple[str, ...]
    state: State


def read(model: LanguageModel, words: Sequence[str]) -> Context:
    """Begin a sentence and read words."""
    return read_on(model, Context((), model.start()), (SENTENCE_START, *words))


def read_on(model: LanguageModel, context: Context, words: Sequence[str]) -> Context:
    """Read more words; the context given stays as it was."""
    state = context.state
    for word in words:
        state = model.advance(state, [word])
    return Context((*context.words, *words), state)
