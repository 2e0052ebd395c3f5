"""A softmax's logits: the most likely words, sums of exponentials, probabilities, entropy. Written here once for all."""

import numpy as np

RULED_OUT = np.float32(-np.inf)
BLOCK = 64


def most_likely(logits: np.ndarray, k: int) -> np.ndarray:
    """Places of the k highest logits, the highest first; of equal ones the first comes first. int64 [at most k].

    Args:
      logits: or anything that orders words, [words]. No more of them are sorted than must be.
    """
    near = highest(logits, k) if 0 < k < len(logits) else np.arange(len(logits))
    return near[np.argsort(-logits[near], kind="stable")][:k]


def highest(logits: np.ndarray, k: int) -> np.ndarray:
    """Places of the k highest of [words], 0 < k < words, and of all that equal the last of them, in order."""
    near = np.flatnonzero(logits >= _bound(logits, k))
    limit = np.partition(logits[near], -k)[-k]
    return near[logits[near] >= limit]


def _bound(logits: np.ndarray, k: int) -> np.float32:
    """A value that at least k logits reach: the k-th highest maximum of a block of words."""
    blocks = logits[: len(logits) // BLOCK * BLOCK].reshape(-1, BLOCK).max(1)
    return np.partition(blocks, -k)[-k] if len(blocks) >= k else RULED_OUT


def log_total(logits: np.ndarray) -> np.ndarray:
    """Ln of the sum of exponentials of each row, float64 [..., 1]: what the softmax divides by."""
    highest, shares = exponentials(logits)
    return highest + np.log(shares.sum(-1, dtype=np.float64, keepdims=True))


def exponentials(logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The highest of each row, [..., 1], and the exponentials of all less that, float32 as the logits."""
    highest = logits.max(-1, keepdims=True)
    shares = logits - highest
    return highest, np.exp(shares, out=shares)  # in place: at 800,000 words new memory takes as long as all else


def probabilities(logits: np.ndarray) -> np.ndarray:
    """The softmax of one row: float64 [words], from float32 [words]."""
    exponentials = np.exp(logits.astype(np.float64) - logits.max())
    return exponentials / exponentials.sum()


def entropy(shares: np.ndarray) -> float:
    """Of probabilities, [words], in bits."""
    some = shares[shares > 0]
    return float(-(some * np.log2(some)).sum())


def log_probability(logits: np.ndarray, index: int) -> float:
    """Ln of the softmax of one row, [words], at one place."""
    return float(logits[index]) - log_total(logits).item()
