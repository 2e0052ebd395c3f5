"""Score texts: every word's log-probability, its rank, and the entropy where it stands.

Rows of many texts advance together, those of like length side by side; every h is gathered, and the
softmax runs once per block of positions, from which only what is wanted is computed.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, repeat
from typing import Any

import numpy as np

from lmgen.errors import UsageError
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
    prefix: Sequence[str] = ()
    """Words that are read before it, after those of `Scoring.prefix`, and are not scored; `</S>` may be among them."""
    text: str = ""
    """What the user wrote, of which the words were made."""
    regions: Sequence[tuple[int, int]] = ()
    """(start, end) of each region of the text, in code points."""
    rows: Sequence[dict[str, Any]] = ()
    """Columns of each region, if every region was a row of the user's."""
    place: str = ""
    """Where it stands, for messages: `FILE, line 3`."""


@dataclass(frozen=True)
class Scored:
    """A sentence and its scores."""

    sentence: Sentence
    tokens: tuple[str, ...]
    """Its words, and `</S>` unless the end is not scored."""
    ids: np.ndarray
    """Of the tokens, int64 [tokens]; that of `<UNK>` for words outside the vocabulary."""
    oov: np.ndarray
    """Which tokens are outside the vocabulary, bool [tokens]: their scores are those of `<UNK>`."""
    measures: Measures

    @property
    def logprobs(self) -> np.ndarray:
        """Natural logarithm of each token's probability, float64 [tokens]."""
        return self.measures.logprobs


REDUCTIONS = ("sum", "mean")
"""How the scores of a sentence's tokens become one."""


def check_reduction(reduce: str) -> None:
    """Raise UsageError if it is none of REDUCTIONS."""
    if reduce not in REDUCTIONS:
        raise UsageError(f"reduce must be {' or '.join(REDUCTIONS)}, not {reduce!r}")


def reduced(scored: Scored, reduce: str) -> float:
    """The `sum` of a sentence's log-probabilities, its `</S>` included, or their `mean`, in nats."""
    return float(scored.logprobs.sum() if reduce == "sum" else scored.logprobs.mean())


def reduced_all(scores: Iterable[Scored], reduce: str, empty: list[int]) -> Iterator[float]:
    """A score for each sentence, in order, NaN for those without a word, which were not scored.

    Args:
      empty: when all are read, it holds how many those are.
    """
    found = last = 0
    for scored in scores:
        yield from repeat(math.nan, scored.sentence.number - 1 - last)
        yield reduced(scored, reduce)
        found, last = found + 1, scored.sentence.number
    yield from repeat(math.nan, sum(empty) + found - last)


def score_sentences(
    model: LanguageModel,
    sentences: Iterable[Sentence],
    options: Scoring = Scoring(),  # noqa: B008 (immutable)
) -> Iterator[Scored]:
    """Score sentences, in order; no more than WINDOW words of them are in memory, or one sentence.

    The first word is predicted after `<S>` (and the prefix), the last prediction is `</S>`. Where ends are not scored,
    a sentence that is not fresh continues the one before.
    """
    vocabulary, known = model.vocabulary, as_input(model, options)
    start, first = _start(model, [known(word) for word in options.prefix])
    waiting: deque[tuple[Sentence, np.ndarray, int]] = deque()

    def passages() -> Iterator[Passage]:
        last = SENTENCE_START
        for number, sentence in enumerate(sentences):
            whole = (*sentence.prefix, *sentence.words, *([SENTENCE_END] if options.end else []))
            ids, parts = np.array([vocabulary.id(word) for word in whole]), _parts(whole)
            waiting.append((sentence, ids, len(parts)))
            before: tuple[State | None, str] = (start, first) if sentence.fresh or not number else (None, last)
            for part in parts:
                inputs = [before[1], *map(known, whole[part][:-1])]
                yield Passage(inputs, ids[part], before[0])
                before = (None if sentence.carried else model.start(), SENTENCE_START)
            last = SENTENCE_START if options.end else known(whole[-1])

    measured = measure_passages(model, passages(), options)
    for measures in measured:
        sentence, ids, parts = waiting.popleft()
        measures = Measures.joined([measures, *islice(measured, parts - 1)]).after(len(sentence.prefix))
        tokens = (*sentence.words, *([SENTENCE_END] if options.end else []))
        oov = np.array([word not in vocabulary for word in tokens])
        yield Scored(sentence, tokens, ids[len(sentence.prefix) :], oov, measures)


def _parts(tokens: Sequence[str]) -> list[slice]:
    """Where each sentence stands among tokens, its `</S>` included; the last may have none."""
    begins = [0, *(place + 1 for place, token in enumerate(tokens) if token == SENTENCE_END)]
    return [slice(begin, end) for begin, end in zip(begins, [*begins[1:], len(tokens)], strict=True) if begin < end]


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
    """The LSTM state that predicts each word of one sentence, and then its end: float32 [1, …] per layer.

    Args:
      before: the last of the sentence before, one row; it is read on from there, unless this sentence is fresh.
    """
    known = as_input(model, options)
    if sentence.fresh or before is None:
        state, first = _start(model, [known(word) for word in options.prefix])
    else:
        state, first = before, SENTENCE_START
    for place, word in enumerate((first, *map(known, (*sentence.prefix, *sentence.words)))):
        if word == SENTENCE_END:
            state, word = state if sentence.carried else model.start(), SENTENCE_START
        state = model.advance(state, [word])
        if place >= len(sentence.prefix):
            yield state
