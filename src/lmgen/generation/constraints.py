"""Which words may be written: exact, because the vocabulary is words."""

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lmgen.errors import UsageError
from lmgen.text import SENTENCE_END, SENTENCE_START, UNKNOWN, Vocabulary, unknown_word, words_of

NEVER = (SENTENCE_START, UNKNOWN)
"""Not to be written, whatever else is allowed; nor are softmax rows without a word."""
LARGEST_BIAS = 1e6
FEW = 1 / 20
"""Share of the softmax rows up to which to rule them out is less work than to shift all."""


@dataclass(frozen=True)
class Constraints:
    """What may be written, by word. A PATTERN is a word, `@FILE` with one word a line, or `/regex/`."""

    ban: tuple[str, ...] = ()
    """Patterns of words never to be written."""
    allow: tuple[str, ...] = ()
    """Patterns of the only words to be written (and `</S>`); nothing for all."""
    bias: tuple[str, ...] = ()
    """`WORD=X`: X, in nats, is added to the word's logit."""
    starts_with: str = ""
    """The first word of a continuation begins so."""
    min_words: int = 0
    """No sentence ends before so many words. 0 <= min_words."""
    ignore_end: bool = False
    """`</S>` is never written."""

    def __post_init__(self) -> None:
        if self.min_words < 0:
            raise UsageError(f"min-words must be 0 or more, not {self.min_words}")


class Limits:
    """Constraints compiled for a vocabulary: what is added to the logits, float32 [softmax rows]."""

    def __init__(self, wanted: Constraints, vocabulary: Vocabulary, rows: int) -> None:
        self._min_words, self._end = wanted.min_words, vocabulary.id(SENTENCE_END)
        always = np.zeros(rows, np.float32)
        if wanted.allow:
            always[:] = -np.inf
            always[matching(wanted.allow, vocabulary)] = 0
            always[self._end] = 0
        for text in wanted.bias:
            word, value = _parse_bias(text)
            always[_id(word, vocabulary)] += value
        always[[vocabulary.id(word) for word in NEVER]] = -np.inf
        always[len(vocabulary) :] = -np.inf
        always[matching(wanted.ban, vocabulary)] = -np.inf
        if wanted.ignore_end:
            always[self._end] = -np.inf
        first = always
        if wanted.starts_with:
            begins = [word.startswith(wanted.starts_with) for word in vocabulary.words]
            allowed = np.pad(np.array(begins), (0, rows - len(begins)))
            first = np.where(allowed, always, np.float32(-np.inf))
        if not np.isfinite(first).any():
            raise UsageError("these constraints leave no word to write: relax --allow, --ban or --starts-with")
        self._shifts = [first, always]
        if self._min_words:
            self._shifts += [self._without_end(first), self._without_end(always)]
        self._ruled_out = [_few_ruled_out(shift) for shift in self._shifts]

    def shift(self, index: int, length: int | None = None) -> np.ndarray:
        """What to add to the logits of a word: float32 [softmax rows]; -inf rules a word out.

        Args:
          index: its place in the continuation, from 0.
          length: how many words its sentence has in the continuation so far; None where it is the first one.
        """
        return self._shifts[self._stage(index, length)]

    def ruled_out(self, index: int, length: int | None = None) -> np.ndarray | None:
        """Places of all that is ruled out for that word, int [places], if nothing else is shifted and they are few."""
        return self._ruled_out[self._stage(index, length)]

    def _stage(self, index: int, length: int | None) -> int:
        return min(index, 1) + 2 * ((index if length is None else length) < self._min_words)

    def _without_end(self, shift: np.ndarray) -> np.ndarray:
        """The same, but that the sentence does not end, if any other word may be written."""
        others = shift.copy()
        others[self._end] = -np.inf
        return others if np.isfinite(others).any() else shift


def _few_ruled_out(shift: np.ndarray) -> np.ndarray | None:
    changed = np.flatnonzero(shift)
    few = len(changed) <= FEW * len(shift) and np.isneginf(shift[changed]).all()
    return changed if few else None


def _parse_bias(text: str) -> tuple[str, float]:
    word, _, value = text.rpartition("=")
    with contextlib.suppress(ValueError):
        if word and abs(float(value)) <= LARGEST_BIAS:
            return word, float(value)
    raise UsageError(
        f"a bias is WORD=X, such as cat=+1.5 or the=-2, X from {-LARGEST_BIAS:g} to {LARGEST_BIAS:g}, not {text!r}"
    )


def _id(word: str, vocabulary: Vocabulary) -> int:
    if word not in vocabulary:
        raise UsageError(unknown_word(word, vocabulary))
    return vocabulary.id(word)


def matching(patterns: Iterable[str], vocabulary: Vocabulary) -> list[int]:
    """Ids of all words that patterns name; files may hold words that are not in the vocabulary."""
    ids: list[int] = []
    for pattern in patterns:
        if pattern.startswith("@") and len(pattern) > 1:
            ids.extend(vocabulary.id(word) for word in words_of(Path(pattern[1:])) if word in vocabulary)
        elif len(pattern) > 2 and pattern[0] == pattern[-1] == "/":
            found = _compile(pattern[1:-1])
            ids.extend(index for index, word in enumerate(vocabulary.words) if found.search(word))
        else:
            ids.append(_id(pattern, vocabulary))
    return ids


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise UsageError(f"/{pattern}/ is not a regular expression: {error}") from error
