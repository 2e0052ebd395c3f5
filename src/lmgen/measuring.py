"""What one softmax tells."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmgen.vocabulary import UNKNOWN, Vocabulary

MASSES = (1, 10, 100, 1000)
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
    index = vocabulary.id(word)
    log_sum = float(logits[index]) - logprob
    shares = logits - np.float32(log_sum)
    np.exp(shares, out=shares)
    likeliest = _likeliest(shares[: len(vocabulary)], LIKELIEST).tolist()
    values = {
        "word/surprisal": -logprob / math.log(2),
        "word/rank": 1 + np.count_nonzero(logits > logits[index]),
        "softmax/entropy": (log_sum - float(shares @ logits)) / math.log(2),
        "softmax/unknown": float(shares[vocabulary.id(UNKNOWN)]),
        "softmax/no_word": float(shares[len(vocabulary) :].sum()),
        **{f"softmax/top_{count}": mass for count, mass in zip(MASSES, _masses(shares), strict=True)},
    }
    words = [vocabulary.word(place) for place in likeliest]
    return values, Column(word, math.exp(logprob), words, shares[likeliest])


def _likeliest(shares: np.ndarray, count: int) -> np.ndarray:
    """Places of the `count` highest shares, by falling share."""
    places = _places_of_most(shares, count)
    return places[np.argsort(-shares[places], kind="stable")][:count]


def _masses(shares: np.ndarray) -> list[float]:
    """What the 1, 10, 100, … likeliest have together."""
    some = shares[_places_of_most(shares, MASSES[-1])]
    ordered = np.partition(some, [-count for count in MASSES if count <= len(some)])
    return [float(ordered[-count:].sum(dtype=np.float64)) for count in MASSES]


def _places_of_most(shares: np.ndarray, count: int) -> np.ndarray:
    """Places of at least the `count` highest shares, mostly of few others: a way not to sort all."""
    for fewer in (1e-2, 1e-4):
        places = np.flatnonzero(shares > fewer / count)
        if len(places) >= count:
            return places
    return np.arange(len(shares))
