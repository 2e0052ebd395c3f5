"""Vectors of texts that were read: the LSTM's output at every token, or one for each sentence."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from lmgen.errors import UsageError
from lmgen.model import LanguageModel, State
from lmgen.scoring import Passage, Sentence, read_together, runs_of, windows_of
from lmgen.text import SENTENCE_END, SENTENCE_START

POOLS = ("last", "mean")


@dataclass(frozen=True)
class Embedded:
    """A sentence and the LSTM's output at each of its tokens."""

    sentence: Sentence
    tokens: tuple[str, ...]
    """What was read: `<S>` and the words; a `</S>` among the words is read as `<S>`."""
    vectors: np.ndarray
    """h after each token, float32 [tokens, projection]."""

    def pooled(self, pool: str) -> np.ndarray:
        """One vector of the sentence, float32 [projection]: `last`, after the last word, or the `mean` over its words."""
        return self.vectors[-1] if pool == "last" else self.vectors[1:].mean(0)


def embed_sentences(
    model: LanguageModel, sentences: Iterable[Sentence], layer: int | None = None, rows: int = 128
) -> Iterator[Embedded]:
    """Read sentences, each from an empty LSTM state, in order.

    Args:
      layer: of the LSTM, from 0; the top one without it, which is what the softmax sees.
      rows: sentences read side by side.

    Raises UsageError for a layer that there is not.
    """
    layers, waiting = len(model.start()), list[Sentence]()
    if layer is not None and not 0 <= layer < layers:
        raise UsageError(f"there is no layer {layer}: the model has {layers}, from 0 to {layers - 1}")

    def passages() -> Iterator[Passage]:
        for sentence in sentences:
            waiting.append(sentence)
            yield Passage(_read(sentence), np.zeros(0, np.int64), model.start())

    for window in windows_of(passages()):
        vectors = _outputs(model, window, rows, layers - 1 if layer is None else layer)
        for passage in window:
            count = len(passage.inputs)
            yield Embedded(waiting.pop(0), tuple(passage.inputs), vectors[:count])
            vectors = vectors[count:]


def stacked(model: LanguageModel, embedded: Iterable[Embedded], pool: str) -> tuple[np.ndarray, list[int]]:
    """A vector of each sentence, float32 [sentences, projection], and the sentences' numbers."""
    found = [(one.pooled(pool), one.sentence.number) for one in embedded]
    size = model.vectors([SENTENCE_START]).shape[1]
    vectors = np.stack([vector for vector, _ in found]) if found else np.empty((0, size), np.float32)
    return vectors, [number for _, number in found]


def _read(sentence: Sentence) -> list[str]:
    return [SENTENCE_START, *(SENTENCE_START if word == SENTENCE_END else word for word in sentence.words)]


def _outputs(model: LanguageModel, window: list[Passage], rows: int, layer: int) -> np.ndarray:
    """H of a layer after each input of some passages, float32 [inputs, projection]."""
    inputs = [word for passage in window for word in passage.inputs]
    size = model.vectors(sorted(set(inputs))).shape[1]  # spelled together, new words cost less
    found = np.empty((len(inputs), size), np.float32)
    empty: State = model.start()
    for places, state in read_together(model, inputs, runs_of(window, empty), rows):
        found[places] = state[layer][:, -size:]
    return found
