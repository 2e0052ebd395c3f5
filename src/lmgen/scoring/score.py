"""Score texts: every word's log-probability, its rank, and the entropy where it stands.

Rows of many texts advance together, those of like length side by side; every h is gathered, and the
softmax runs once per block of positions, from which only what is wanted is computed.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lmgen.model import LanguageModel, State, read
from lmgen.scoring.measure import Measures, Passage, Scoring, _measure_window, _windows, as_input
from lmgen.text import SENTENCE_END, SENTENCE_START

CONTEXTS = ("sentence", "document", "stream")


@dataclass(frozen=True)
class Sentence:
    """Words to score, and the end after them."""

    words: Sequence[str]
    fresh: bool = True
    """Whether the memory is emptied before it; else it goes on from the sentence before."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Columns of its own, passed through to the output."""
    number: int = 1
    """Its place in the input, from 1; texts without a word count."""


@dataclass(frozen=True)
class Scored:
    """A sentence and its scores."""

    sentence: Sentence
    tokens: tuple[str, ...]
    """Its words and `</S>`."""
    ids: np.ndarray
    """Of the tokens; that of `<UNK>` for words outside the vocabulary."""
    oov: np.ndarray
    """Which tokens are outside the vocabulary, bool [tokens]: their scores are those of `<UNK>`."""
    measures: Measures

    @property
    def logprobs(self) -> np.ndarray:
        """Ln of each token's probability, float64 [tokens]."""
        return self.measures.logprobs


def score_sentences(
    model: LanguageModel,
    sentences: Iterable[Sentence],
    options: Scoring = Scoring(),  # noqa: B008 (immutable)
) -> Iterator[Scored]:
    """Score sentences, in order; no more than WINDOW words of them are in memory, or one sentence.

    The first word is predicted after `<S>` (and the prefix), the last prediction is `</S>`.
    """
    vocabulary, known = model.vocabulary, as_input(model, options)
    start, first = _start(model, [known(word) for word in options.prefix])
    waiting: deque[tuple[Sentence, tuple[str, ...], np.ndarray]] = deque()

    def passages() -> Iterator[Passage]:
        for number, sentence in enumerate(sentences):
            fresh = sentence.fresh or not number
            tokens = (*sentence.words, SENTENCE_END)
            ids = np.array([vocabulary.id(word) for word in tokens])
            waiting.append((sentence, tokens, ids))
            inputs = [first if fresh else SENTENCE_START, *map(known, sentence.words)]
            yield Passage(inputs, ids, start if fresh else None)

    for measures in measure_passages(model, passages(), options):
        sentence, tokens, ids = waiting.popleft()
        yield Scored(sentence, tokens, ids, np.array([word not in vocabulary for word in tokens]), measures)


def _start(model: LanguageModel, prefix: Sequence[str]) -> tuple[State, str]:
    """The memory before the last word that comes ahead of a text, and that word."""
    if not prefix:
        return model.start(), SENTENCE_START
    return read(model, prefix[:-1]).state, prefix[-1]


def hidden_states(model: LanguageModel, sentence: Sentence, options: Scoring) -> np.ndarray:
    """What the softmax sees before each word of one sentence, and at its end: float32 [words + 1, projection]."""
    return np.concatenate([model.hidden(state) for state in memories(model, sentence, options)])


def memories(
    model: LanguageModel, sentence: Sentence, options: Scoring, before: State | None = None
) -> Iterator[State]:
    """The memory that predicts each word of one sentence, and its end.

    `before` is the last of the sentence before, from which this one goes on unless it is fresh.
    """
    known = as_input(model, options)
    if sentence.fresh or before is None:
        state, first = _start(model, [known(word) for word in options.prefix])
    else:
        state, first = before, SENTENCE_START
    for word in (first, *map(known, sentence.words)):
        state = model.advance(state, [word])
        yield state


# Passages -------------------------------------------------------------------------------------


def measure_passages(model: LanguageModel, passages: Iterable[Passage], options: Scoring) -> Iterator[Measures]:
    """Measure the targets of passages, in order."""
    memory = model.start()
    for window in _windows(passages):
        found, memory = _measure_window(model, window, memory, options)
        begin = 0
        for passage in window:
            end = begin + len(passage.inputs)
            yield Measures(*(column[begin:end] for column in found))
            begin = end
