"""What one softmax tells."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmgen.text import UNKNOWN, Vocabulary

MASSES = (1, 10, 100, 1000)
FEWER = [4.0**-power for power in range(1, 12)]
LIKELIEST = 20
"""Words of a softmax that are named."""


@dataclass(frozen=True)
class Column:
    """What was predicted for one word."""

    word: str
    """The one written."""
    share: float
    """Its probability."""
    words: Sequence[str]
    """The likeliest, the likeliest first; as many for every column."""
    shares: np.ndarray
    """Their probabilities."""


def measure(logits: np.ndarray, word: str, logprob: float, vocabulary: Vocabulary) -> tuple[dict[str, float], Column]:
    """Scalars by their tags, and the likeliest words.

    Args:
      logits: the model's own, float32 [softmax rows].
      word: the one that came.
      logprob: its log-probability by these logits, in nats.
    """
    index, known = vocabulary.id(word), len(vocabulary)
    log_sum = float(logits[index]) - logprob
    shares = logits - np.float32(log_sum)
    np.exp(shares, out=shares)
    places = _places_of_most(shares[:known], MASSES[-1])
    likeliest = _likeliest(shares, places)
    masses = _masses(np.append(shares[places], shares[known:]))
    values = {
        "word/surprisal": -logprob / math.log(2),
        "word/rank": 1 + np.count_nonzero(logits > logits[index]),
        "softmax/entropy": (log_sum - float(shares @ logits)) / math.log(2),
        "softmax/unknown": float(shares[vocabulary.id(UNKNOWN)]),
        "softmax/no_word": float(shares[known:].sum()),
        **{f"softmax/top_{count}": mass for count, mass in zip(MASSES, masses, strict=True)},
    }
    words = [vocabulary.words[place] for place in likeliest.tolist()]
    return values, Column(word, math.exp(logprob), words, shares[likeliest])


def _places_of_most(shares: np.ndarray, count: int) -> np.ndarray:
    """Places of at least the `count` highest shares, in order, mostly of few others: a way not to sort all."""
    for fewer in FEWER:
        most = shares > fewer / count
        if np.count_nonzero(most) >= count:
            return np.flatnonzero(most)
    return np.arange(len(shares))


def _likeliest(shares: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The LIKELIEST of some places, or all if they are fewer, by falling share."""
    near = places[_places_of_most(shares[places], LIKELIEST)]
    return near[np.argsort(-shares[near], kind="stable")][:LIKELIEST]


def _masses(shares: np.ndarray) -> list[float]:
    """What the 1, 10, 100, … highest have together."""
    count = min(MASSES[-1], len(shares))
    highest = np.sort(np.partition(shares, -count)[-count:])[::-1]
    sums = np.cumsum(highest, dtype=np.float64)
    return [float(sums[min(count, len(sums)) - 1]) for count in MASSES]
