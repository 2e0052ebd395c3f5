"""Samplers: plain functions that reshape the distribution of the next word.

Each takes logits, float32 [softmax rows], and returns new ones; -inf rules a word out. What it gets is
never changed in place. None sorts more of the vocabulary than it must: at 800,000 words a full sort
would cost more than the softmax.
"""

from collections.abc import Callable, Sequence

import numpy as np

from lmgen.softmax import RULED_OUT, exponentials, highest, log_total

NEGLIGIBLE = np.float32(-1e4)
"""Stands for -inf where it is to be multiplied by a share of 0."""
BINS, REACHES = 1024, (6, 12, 24, np.inf)
"""Of `_most_likely`: how many bins, and how far below the highest key it looks, in nats."""

Sampler = Callable[[Sequence[int], np.ndarray], np.ndarray]
"""(history, logits) -> logits. The history holds the ids of all words so far, the prefix's too."""


def temperature(logits: np.ndarray, value: float) -> np.ndarray:
    """Divide the logits: below 1 likely words gain, above 1 unlikely ones."""
    return logits / np.float32(value)


def top_k(logits: np.ndarray, k: int) -> np.ndarray:
    """Keep the k highest; of equals at the limit, all stay (Fan et al. 2018)."""
    return keep(logits, highest(logits, k)) if k < len(logits) else logits


def top_p(logits: np.ndarray, p: float) -> np.ndarray:
    """Keep the fewest words whose probabilities reach p (Holtzman et al. 2020)."""
    _, shares = exponentials(logits)
    return keep(logits, _most_likely(logits, shares, p * shares.sum(dtype=np.float64)))


def min_p(logits: np.ndarray, p: float) -> np.ndarray:
    """Keep words at least p times as likely as the most likely (Nguyen et al. 2024)."""
    return _keep_from(logits, logits.max() + np.float32(np.log(p)))


def typical(logits: np.ndarray, p: float) -> np.ndarray:
    """Keep the words whose surprisal is nearest the entropy, as few as reach p (Meister et al. 2023)."""
    nearness = logits - logits.max()
    np.maximum(nearness, NEGLIGIBLE, out=nearness)
    shares = np.exp(nearness)
    total = shares.sum(dtype=np.float64)
    nearness -= np.float32(np.dot(shares, nearness) / total)  # minus the entropy, but for ln(total), which cancels
    np.negative(np.abs(nearness, out=nearness), out=nearness)
    return keep(logits, _most_likely(nearness, shares, p * total))


def top_n_sigma(logits: np.ndarray, n: float) -> np.ndarray:
    """Keep logits within n standard deviations of the highest (Tang et al. 2024)."""
    highest, present = logits.max(), logits > RULED_OUT
    below = np.where(present, highest - logits, 0)
    count = np.count_nonzero(present)
    mean = below.sum(dtype=np.float64) / count
    spread = np.sqrt(max(0.0, (below * below).sum(dtype=np.float64) / count - mean**2))
    return _keep_from(logits, highest - np.float32(n * spread))


def repetition_penalty(recent: Sequence[int], logits: np.ndarray, penalty: float) -> np.ndarray:
    """Divide positive logits of recent words by the penalty and multiply negative ones (Keskar et al. 2019)."""
    words = np.unique(np.asarray(recent, np.int64))
    changed = logits.copy()
    found = logits[words]
    changed[words] = np.where(found > 0, found / penalty, found * penalty)
    return changed


def presence_and_frequency(recent: Sequence[int], logits: np.ndarray, presence: float, frequency: float) -> np.ndarray:
    """Subtract `presence` from the logits of recent words, and `frequency` for every time they came."""
    words, counts = np.unique(np.asarray(recent, np.int64), return_counts=True)
    changed = logits.copy()
    changed[words] -= (presence + frequency * counts).astype(np.float32)
    return changed


def no_repeat_ngram(history: Sequence[int], logits: np.ndarray, size: int, end: int | None = None) -> np.ndarray:
    """Rule out words that would repeat a sequence of `size` words (Paulus et al. 2018).

    Args:
      end: the id of `</S>`, which is never ruled out: any number of sentences may end with the same words.
    """
    if len(history) < size:
        return logits
    windows = np.lib.stride_tricks.sliding_window_view(np.asarray(history, np.int64), size)
    begun = windows[:, : size - 1] == np.asarray(history[len(history) - size + 1 :])
    changed = logits.copy()
    changed[windows[begun.all(1), -1]] = RULED_OUT
    if end is not None:
        changed[end] = logits[end]
    return changed


class Mirostat:
    """Hold the surprisal of what is written near `tau` bits (Basu et al. 2021, version 2).

    Words more surprising than a bound are ruled out; the bound, at first 2 tau, moves by `eta` times
    what the last word missed tau by. One for each sample, since it remembers the bound.
    """

    def __init__(self, tau: float, eta: float) -> None:
        self._tau, self._eta, self._bound = tau, eta, 2 * tau
        self._length, self._kept = 0, np.empty(0, np.float32)

    def __call__(self, history: Sequence[int], logits: np.ndarray) -> np.ndarray:
        if len(self._kept) and len(history) > self._length:
            self._learn(history[-1])
        limit = np.float32(log_total(logits).item() - self._bound * np.log(2))
        self._length, self._kept = len(history), _keep_from(logits, min(logits.max(), limit))
        return self._kept

    def _learn(self, word: int) -> None:
        """Move the bound by what the word's surprisal, in bits, missed tau by."""
        possible = self._kept[self._kept > RULED_OUT]  # few: to sum them all would cost as much as a sampler
        observed = (log_total(possible).item() - float(self._kept[word])) / np.log(2)
        if np.isfinite(observed):
            self._bound -= self._eta * (observed - self._tau)


def keep(logits: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """The logits at the places `kept`; the rest is ruled out."""
    changed = np.full_like(logits, RULED_OUT)
    changed[kept] = logits[kept]
    return changed


def _keep_from(logits: np.ndarray, limit: np.float32) -> np.ndarray:
    """The logits that reach a limit; the rest is ruled out."""
    return keep(logits, np.flatnonzero(logits >= limit))


def _most_likely(keys: np.ndarray, shares: np.ndarray, wanted: float) -> np.ndarray:
    """Places of the fewest entries, by falling key, whose shares reach `wanted` together.

    Entries near the highest key are counted into bins by their distance to it, and only the bin in
    which p is reached is sorted; how near is widened until they suffice.
    """
    highest = keys.max()
    for reach in REACHES:
        near = np.flatnonzero(keys >= highest - np.float32(reach))
        weights = shares[near]
        if weights.sum(dtype=np.float64) >= wanted:
            break
    distance = (highest - keys[near]) * np.float32(BINS / min(reach, REACHES[-2]))
    bins = np.minimum(distance, BINS - 1).astype(np.int32)
    reached = np.cumsum(np.bincount(bins, weights=weights, minlength=BINS))
    edge = min(int(np.searchsorted(reached, wanted)), BINS - 1)
    last = np.flatnonzero(bins == edge)
    last = last[np.argsort(-keys[near[last]], kind="stable")]
    sums = (reached[edge - 1] if edge else 0.0) + np.cumsum(weights[last], dtype=np.float64)
    return np.concatenate([near[bins < edge], near[last[: np.searchsorted(sums, wanted) + 1]]])
