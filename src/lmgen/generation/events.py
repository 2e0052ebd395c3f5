"""What producers send to consumers, and its count."""

import math
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Word:
    """A word was written."""

    prompt: int
    """The number of the prompt that it continues, from 0."""
    sample: int
    """In which of its continuations, from 0."""
    index: int
    """Its place in the continuation, from 0."""
    text: str
    """`</S>` only where a sentence ends and another is to follow."""
    logprob: float
    """ln of the word's probability in the model's own distribution, before constraints and samplers."""
    interval: tuple[float, float, float] = (0.0, 0.0, 1.0)
    """The uniform draw, and where the word's share begins and ends among the cumulated shares."""
    alternatives: tuple[tuple[str, float], ...] = ()
    """The most likely words in the model's own distribution with their probabilities, if asked for."""
    entropy: float | None = None
    """Of the model's own distribution, in bits, if asked for."""
    masked: float | None = None
    """The share of the distribution that constraints ruled out, if asked for."""


@dataclass(frozen=True, eq=False)
class Step:
    """A word, or the `</S>` of a sentence's end, was chosen; what is reported of it comes next.

    Not to be kept: its arrays are large.
    """

    prompt: int
    sample: int
    text: str
    logprob: float
    """By `logits`, in nats."""
    logits: np.ndarray
    """The model's own, float32 [softmax rows]."""
    allowed: np.ndarray
    """After constraints and samplers; -inf is ruled out."""
    state: tuple[np.ndarray, ...]
    """The memory that predicted it, of one row."""


@dataclass(frozen=True)
class Ended:
    """A continuation is complete."""

    prompt: int
    sample: int
    reason: str
    """`sentence`: the model wrote `</S>`; `length`: it has max_words words; `stop`: a stop text came."""
    logprob: float
    """ln of the probability of that `</S>`; 0 where there is none."""
    index: int = 0
    """Its place in the continuation, from 0, where there is one."""
    interval: tuple[float, float, float] | None = None
    """Of the draw that chose it, as a word's; None where nothing was drawn."""
    alternatives: tuple[tuple[str, float], ...] = ()
    """The most likely words there with their probabilities, if asked for and the model wrote `</S>`."""


class Statistics:
    """Speed and measures of a generation, counted as its words pass by; `began` is when the work started, by time.monotonic()."""

    def __init__(self, began: float) -> None:
        self._began, self._last = began, began
        self._first: float | None = None
        self._words: list[Word] = []

    def count(self, events: Iterable[Word | Ended]) -> Iterator[Word | Ended]:
        """Pass events on."""
        for event in events:
            self._last = time.monotonic()
            if isinstance(event, Word):
                self._first = self._first or self._last
                self._words.append(event)
            yield event

    def rows(self) -> list[tuple[str, str]]:
        """Names and values, for people."""
        words = self._words
        rows = [("words", f"{len(words)}"), ("words/s", f"{len(words) / max(self._last - self._began, 1e-9):.1f}")]
        if words:
            rows.append(("seconds to the first word", f"{(self._first or self._last) - self._began:.3f}"))
            rows.append(("surprisal, bits", _mean(-word.logprob / math.log(2) for word in words)))
            rows.append(("entropy, bits", _mean(word.entropy for word in words)))
            rows.append(("masked share", _mean(word.masked for word in words)))
        return rows


def _mean(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{sum(known) / len(known):.4f}" if known else "not measured"
