"""Score texts: every word's log-probability, its rank, and the entropy where it stands.

Rows of many texts advance together, those of like length side by side; every h is gathered, and the
softmax runs once per block of positions, from which only what is wanted is computed.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from lmgen.model import LanguageModel, State, read, to_read
from lmgen.scoring.measure import Measures, Passage, Scoring, as_input, measure_passages
from lmgen.text import SENTENCE_END, SENTENCE_START

CONTEXTS = ("sentence", "document", "stream")


@dataclass(frozen=True)
class Sentence:
    """Words to score, and the end after them."""

    words: Sequence[str]
    fresh: bool = True
    """Whether the state is emptied before it; else it is that after the sentence before."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Columns of its own, passed through to the output."""
    number: int = 1
    """Its place in the input, from 1; texts without a word count."""
    carried: bool = False
    """Whether the state is carried over a `</S>` among the words; else it is emptied there too."""


@dataclass(frozen=True)
class Scored:
    """A sentence and its scores."""

    sentence: Sentence
    tokens: tuple[str, ...]
    """Its words and `</S>`."""
    ids: np.ndarray
    """Of the tokens, int64 [tokens]; that of `<UNK>` for words outside the vocabulary."""
    oov: np.ndarray
    """Which tokens are outside the vocabulary, bool [tokens]: their scores are those of `<UNK>`."""
    measures: Measures

    @property
    def logprobs(self) -> np.ndarray:
        """Natural logarithm of each token's probability, float64 [tokens]."""
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
            tokens = (*sentence.words, SENTENCE_END)
            ids = np.array([vocabulary.id(word) for word in tokens])
            waiting.append((sentence, tokens, ids))
            before: tuple[State | None, str] = (
                (start, first) if sentence.fresh or not number else (None, SENTENCE_START)
            )
            for part in _parts(tokens):
                inputs = [before[1], *map(known, tokens[part][:-1])]
                yield Passage(inputs, ids[part], before[0])
                before = (None if sentence.carried else model.start(), SENTENCE_START)

    measured = measure_passages(model, passages(), options)
    for measures in measured:
        sentence, tokens, ids = waiting.popleft()
        measures = Measures.joined([measures, *islice(measured, sentence.words.count(SENTENCE_END))])
        yield Scored(sentence, tokens, ids, np.array([word not in vocabulary for word in tokens]), measures)


def _parts(tokens: Sequence[str]) -> Iterator[slice]:
    """Where each sentence stands among tokens, its `</S>` included."""
    begin = 0
    for place, token in enumerate(tokens):
        if token == SENTENCE_END:
            yield slice(begin, place + 1)
            begin = place + 1


def _start(model: LanguageModel, prefix: Sequence[str]) -> tuple[State, str]:
    """The memory before the last word that comes ahead of a text, and that word."""
    if not prefix:
        return model.start(), SENTENCE_START
    state, [word] = to_read(model, read(model, prefix[:-1]).state, prefix[-1:])
    return state, word


def hidden_states(model: LanguageModel, sentence: Sentence, options: Scoring) -> np.ndarray:
    """The top layer's h before each word of one sentence and before its end: float32 [words + 1, projection]."""
    return np.concatenate([model.hidden(state) for state in memories(model, sentence, options)])


def memories(
    model: LanguageModel, sentence: Sentence, options: Scoring, before: State | None = None
) -> Iterator[State]:
    """The LSTM state that predicts each word of one sentence, and then its end: a `State` of one row each.

    Args:
      before: the last of the sentence before, one row; it is read on from there, unless this sentence is fresh.
    """
    known = as_input(model, options)
    if sentence.fresh or before is None:
        state, first = _start(model, [known(word) for word in options.prefix])
    else:
        state, first = before, SENTENCE_START
    for word in (first, *map(known, sentence.words)):
        if word == SENTENCE_END:
            state, word = state if sentence.carried else model.start(), SENTENCE_START
        state = model.advance(state, [word])
        yield state
