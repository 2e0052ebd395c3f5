"""Measures of one softmax: scalars, and its most likely words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmgen.softmax import Sums, highest, most_likely
from lmgen.text import UNKNOWN, Vocabulary

MASSES = (1, 10, 100, 1000)
NAMED = 20
"""Most likely words of a softmax that are shown."""


@dataclass(frozen=True)
class Column:
    """What was predicted for one word."""

    word: str
    """The one written."""
    share: float
    """Its probability."""
    words: Sequence[str]
    """The most likely, the most likely first; as many for every column."""
    shares: np.ndarray
    """Their probabilities, float32 [words]."""


def measure(logits: np.ndarray, word: str, logprob: float, vocabulary: Vocabulary) -> tuple[dict[str, float], Column]:
    """Scalars by their tags, surprisal and entropy in bits; and the most likely words.

    Args:
      logits: the model's own, float32 [softmax rows], all finite.
      word: the one that came.
      logprob: natural logarithm of its probability by these logits.
    """
    index, known = vocabulary.id(word), len(vocabulary)
    log_sum = float(logits[index]) - logprob
    shares = logits - np.float32(log_sum)
    np.exp(shares, out=shares)
    sums = Sums(np.array(log_sum), np.array(1.0), np.array(float(shares @ logits) - log_sum))
    best = highest(shares[:known], MASSES[-1]) if known > MASSES[-1] else np.arange(known)
    named = best[most_likely(shares[best], NAMED)]
    masses = _masses(np.append(shares[best], shares[known:]))
    values = {
        "word/surprisal": -logprob / math.log(2),
        "word/rank": 1 + np.count_nonzero(logits > logits[index]),
        "softmax/entropy": float(sums.entropy) / math.log(2),
        "softmax/unknown": float(shares[vocabulary.id(UNKNOWN)]),
        "softmax/no_word": float(shares[known:].sum()),
        **{f"softmax/top_{count}": mass for count, mass in zip(MASSES, masses, strict=True)},
    }
    words = [vocabulary.words[place] for place in named.tolist()]
    return values, Column(word, math.exp(logprob), words, shares[named])


def _masses(shares: np.ndarray) -> list[float]:
    """Probability of the 1, 10, 100 and 1,000 most likely together, from float32 [words], of any order."""
    sums = np.cumsum(np.sort(shares)[::-1], dtype=np.float64)
    return [float(sums[min(count, len(sums)) - 1]) for count in MASSES]
