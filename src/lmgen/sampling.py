"""Logits to a choice, by composed functions.

A processor takes logits, float32 [softmax rows], and returns new ones; -inf rules a word out. They
work in one order: forbidden words, temperature, top-k, top-p.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lmgen.errors import UsageError
from lmgen.vocabulary import SENTENCE_START, UNKNOWN, Vocabulary

Processor = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Sampling:
    """How the next word is chosen."""

    temperature: float = 1.0
    """Logits are divided by it; 0 always takes the likeliest word. 0 <= temperature."""
    top_k: int = 0
    """Only the k likeliest words; 0 for all. 0 <= top_k."""
    top_p: float = 1.0
    """Only the likeliest words that together reach this probability (Holtzman et al. 2020). 0 < top_p <= 1."""

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < np.inf:
            raise UsageError(f"temperature must be 0 or more, not {self.temperature}")
        if self.top_k < 0:
            raise UsageError(f"top-k must be 0 (for all words) or more, not {self.top_k}")
        if not 0 < self.top_p <= 1:
            raise UsageError(f"top-p must be above 0 and at most 1, not {self.top_p}")


def processors(options: Sampling, vocabulary: Vocabulary) -> list[Processor]:
    """What the options ask for, in order; `<UNK>`, `<S>` and rows without a word are always ruled out."""
    wanted: list[Processor] = [forbid(vocabulary)]
    if options.temperature not in (0, 1):
        wanted.append(lambda logits: logits / np.float32(options.temperature))
    if options.top_k:
        wanted.append(lambda logits: top_k(logits, options.top_k))
    if options.top_p < 1:
        wanted.append(lambda logits: top_p(logits, options.top_p))
    return wanted


def forbid(vocabulary: Vocabulary) -> Processor:
    """Rule out what is not to be written: `<UNK>`, `<S>`, and rows that belong to no word."""
    never = [vocabulary.id(SENTENCE_START), vocabulary.id(UNKNOWN)]

    def process(logits: np.ndarray) -> np.ndarray:
        logits = logits.copy()
        logits[never] = -np.inf
        logits[len(vocabulary) :] = -np.inf
        return logits

    return process


def top_k(logits: np.ndarray, k: int) -> np.ndarray:
    """Rule out all but the k highest; of equals at the limit, all stay."""
    if k >= len(logits):
        return logits
    limit = np.partition(logits, -k)[-k]
    return np.where(logits >= limit, logits, -np.inf)


def top_p(logits: np.ndarray, p: float) -> np.ndarray:
    """Rule out all but the fewest highest whose probabilities sum to at least p."""
    order = np.argsort(-logits, kind="stable")
    reached = np.cumsum(probabilities(logits)[order])
    kept = order[: np.searchsorted(reached, p) + 1]
    chosen = np.full_like(logits, -np.inf)
    chosen[kept] = logits[kept]
    return chosen


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Softmax, in float64."""
    exponentials = np.exp(logits.astype(np.float64) - logits.max())
    return exponentials / exponentials.sum()


def log_probability(logits: np.ndarray, index: int) -> float:
    """Ln of the softmax at one place."""
    highest = float(logits.max())
    return float(logits[index]) - highest - float(np.log(np.exp(logits.astype(np.float64) - highest).sum()))


def choose(logits: np.ndarray, temperature: float, rng: np.random.Generator) -> int:
    """The likeliest word at temperature 0, else a draw: where one uniform number falls among the cumulated shares."""
    if temperature == 0:
        return int(logits.argmax())
    cumulated = np.cumsum(probabilities(logits))
    return int(np.searchsorted(cumulated, rng.random() * cumulated[-1], side="right"))
