"""The arithmetic of a softmax: most likely words, sums of exponentials, probabilities, entropy.

The logits of a row may be any float32 numbers; -inf rules a word out. At least one word is left in each row.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

RULED_OUT = np.float32(-np.inf)
NEGLIGIBLE = np.float32(-1e4)
"""Stands for -inf where it is multiplied by a share of 0."""
GROUP = 64
"""Words of which only the highest logit is compared at first, at most: there are thrice as many groups as words sought."""


def most_likely(logits: np.ndarray, k: int) -> np.ndarray:
    """The k highest logits, highest first, without a sort of all; of equal ones, the first comes first.

    Args:
      logits: float [words]; probabilities do as well.
      k: 0 <= k.

    Returns their places, int64 [k], or [words] if there are fewer.
    """
    near = highest(logits, k) if 0 < k < len(logits) else np.arange(len(logits))
    return near[np.argsort(-logits[near], kind="stable")][:k]


def highest(logits: np.ndarray, k: int) -> np.ndarray:
    """The k highest logits, and all that equal the last of them.

    Args:
      logits: float [words].
      k: 0 < k < words.

    Returns their places in ascending order, int64 [at least k].
    """
    group, bound = min(GROUP, len(logits) // (3 * k)), RULED_OUT
    if group > 1:  # at least k logits reach the k-th highest maximum of the groups
        groups = len(logits) // group
        maxima = logits[: groups * group].reshape(group, groups).max(0)  # ten times as fast as over neighbours
        bound = np.partition(maxima, -k)[-k]
    near = np.flatnonzero(logits >= bound)
    limit = np.partition(logits[near], -k)[-k]
    return near[logits[near] >= limit]


class Sums(NamedTuple):
    """Sums over the exponentials of rows of logits, float64 [rows] each. Let x be a logit less its row's `shift`."""

    shift: np.ndarray
    """The highest logit of the row, or a number near it, so that no exponential is too large."""
    total: np.ndarray
    """Sum of exp(x)."""
    moment: np.ndarray
    """Sum of x exp(x); NaN where it was not asked for."""

    @classmethod
    def of(cls, logits: np.ndarray, moment: bool = False) -> "Sums":
        """The sums of float [..., words], each [...].

        Args:
          moment: whether the entropy will be wanted, which takes a quarter more time.
        """
        shift, below = _below(logits)
        shares = np.exp(below, out=None if moment else below)
        total = shares.sum(-1, dtype=np.float64)
        products = np.einsum("...i,...i", shares, below) if moment else np.full_like(total, np.nan)
        if moment and np.isnan(products).any():  # a word that is ruled out: 0 times -inf
            products = np.einsum("...i,...i", shares, np.maximum(below, NEGLIGIBLE))
        return cls(shift[..., 0], total, products)

    @classmethod
    def joined(cls, parts: Sequence["Sums"]) -> "Sums":
        """The sums of whole rows from those of their parts, each of other words of the same rows."""
        shifts, totals, moments = (np.stack(field) for field in zip(*parts, strict=True))
        shift = shifts.max(0)
        lower = shifts - shift
        weights = np.exp(lower)
        return cls(shift, (totals * weights).sum(0), ((moments + lower * totals) * weights).sum(0))

    @property
    def log_total(self) -> np.ndarray:
        """Natural logarithm of the sum of exp(logit), float64 [...]: what a softmax takes away from each logit."""
        return self.shift + np.log(self.total)

    @property
    def entropy(self) -> np.ndarray:
        """Entropy of each row's softmax, in nats, float64 [...]; NaN without the moment."""
        return np.log(self.total) - self.moment / self.total


class Masses:
    """How much probability lies in words of some probability each, of rows whose logits come part after part.

    Args:
      limits: probabilities between which a bin lies, in rising order, without 0 and 1.
    """

    def __init__(self, limits: Sequence[float]) -> None:
        self._limits = np.log(limits)
        self._rows: list[np.ndarray] = []
        self._logits: list[np.ndarray] = []

    def add(self, logits: np.ndarray, log_total: np.ndarray) -> None:
        """Keep what may be above the lowest bin: few words are.

        Args:
          logits: the next, float32 [rows, some words].
          log_total: of those that came so far, which can only grow; float64 [rows].
        """
        least = (log_total + self._limits[0] - 1e-3).astype(np.float32)  # float64 would be compared at half the speed
        rows, places = np.divmod(
            np.flatnonzero(logits >= least[:, None]), logits.shape[1]
        )  # nonzero takes five times as long
        self._rows.append(rows)
        self._logits.append(logits[rows, places])

    def of(self, log_total: np.ndarray) -> np.ndarray:
        """Probability of the words of each bin together, float64 [rows, limits + 1]: each row sums to 1.

        Args:
          log_total: of all logits, float64 [rows].
        """
        rows, size = np.concatenate(self._rows), 1 + len(self._limits)
        logprobs = np.concatenate(self._logits) - log_total[rows]
        places = size * rows + np.searchsorted(self._limits, logprobs, "right")
        found = np.bincount(places, np.exp(logprobs), size * len(log_total)).reshape(-1, size)
        found[:, 0] = 1 - found[:, 1:].sum(1)  # the many that are hardly likely are never added up
        return found


def _below(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The highest of each row, [..., 1], and all logits less that."""
    highest = logits.max(-1, keepdims=True)
    return highest, logits - highest


def log_total(logits: np.ndarray) -> np.ndarray:
    """Natural logarithm of the sum of exp(logit) in each row, float64 [..., 1], from float [..., words]."""
    return Sums.of(logits).log_total[..., None]


def exponentials(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The highest logit h of each row, [..., 1], and exp(logit - h), [..., words]; both of the logits' dtype."""
    highest, below = _below(logits)
    return highest, np.exp(below, out=below)  # in place: at 800,000 words new memory takes as long as all else


def probabilities(logits: np.ndarray) -> np.ndarray:
    """The softmax of one row: float64 [words], from float [words]."""
    _, shares = exponentials(logits.astype(np.float64))
    shares /= shares.sum()
    return shares


def entropy(shares: np.ndarray) -> float:
    """Entropy in bits of a distribution: float [words], 0 <= each, all together 1."""
    some = shares[shares > 0]
    sums = Sums(np.zeros(()), some.sum(dtype=np.float64), some @ np.log(some))
    return float(sums.entropy) / math.log(2)


def log_probability(logits: np.ndarray, index: int) -> float:
    """Natural logarithm of the probability of the word at `index`, from one row of logits, float [words]."""
    return float(logits[index]) - log_total(logits).item()
