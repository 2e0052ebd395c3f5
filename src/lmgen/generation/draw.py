"""A draw of one word from logits."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lmgen.softmax import RULED_OUT, exponentials

BLOCK = 1024
LEAST_LEFT = 1e-20
"""Shares, of the most likely word's, that must be left for a draw when some were ruled out; else all are computed again."""
TRIES = 1000
"""Rejected draws after which to settle all logits is no more work."""


@dataclass(frozen=True)
class Choice:
    """A word's row, and the draw that chose it: `low` <= `draw` < `high`, all in [0, 1]."""

    index: int
    draw: float
    low: float
    high: float


def choose(logits: np.ndarray, temperature: float, rng: np.random.Generator) -> Choice:
    """The most likely word at temperature 0, else a draw, from logits, float32 [softmax rows]. 0 <= temperature."""
    if temperature == 0:
        return Choice(int(logits.argmax()), 0.0, 0.0, 1.0)
    return CategoricalDraw(logits).draw(rng)


def choose_except(logits: np.ndarray, ruled_out: np.ndarray, rng: np.random.Generator) -> tuple[Choice, float]:
    """A draw from all words but few, and the natural logarithm of its probability among all.

    The exponentials are summed once for both, which takes half as long.

    Args:
      logits: float32 [softmax rows].
      ruled_out: places of the few, int [places].
    """
    drawn = CategoricalDraw(logits)
    log_total = drawn.log_total
    drawn.remove(ruled_out)
    if drawn.total < LEAST_LEFT:
        others = logits.copy()
        others[ruled_out] = RULED_OUT
        drawn = CategoricalDraw(others)
    choice = drawn.draw(rng)
    return choice, float(logits[choice.index]) - log_total


def choose_below(
    ceiling: np.ndarray,
    settle: Callable[[np.ndarray], np.ndarray],
    temperature: float,
    rng: np.random.Generator,
    keeps: Callable[[int], bool] | None = None,
) -> Choice | None:
    """A draw from logits of which a ceiling is known: exactly theirs, by rejection (von Neumann 1951).

    A word is drawn as if the ceiling were the logits, and taken with the share that its logit leaves of it.

    Args:
      ceiling: float32 [softmax rows].
      settle: the logits of words, given by their places; none is above the ceiling.
      keeps: whether a draw may take a word; any without it.

    Returns None where so many draws were rejected that all logits had better be settled.
    """
    drawn = CategoricalDraw(ceiling / np.float32(temperature))
    for _ in range(TRIES):
        choice = drawn.draw(rng)
        [logit] = settle(np.array([choice.index]))
        taken = rng.random() < np.exp((logit - ceiling[choice.index]) / temperature)
        if taken and (keeps is None or keeps(choice.index)):
            return choice
    return None


def among(choice: Choice, logits: np.ndarray) -> Choice:
    """The same word with its interval among these logits, and the draw as far inside it as it was.

    Args:
      logits: float32 [softmax rows].
    """
    low, high = CategoricalDraw(logits).interval(choice.index)
    inside = (choice.draw - choice.low) / (choice.high - choice.low)
    return Choice(choice.index, low + inside * (high - low), low, high)


class CategoricalDraw:
    """Words to be drawn by their logits: one uniform number falls among the cumulated shares.

    They are summed by blocks, and cumulated only inside the block that was hit.
    """

    def __init__(self, logits: np.ndarray) -> None:
        [highest], self._shares = exponentials(logits)
        self._sums = _block_sums(self._shares)
        self.log_total = float(highest + np.log(self.total))
        """Ln of the sum of all exponentials, whatever is removed."""

    @property
    def total(self) -> float:
        """The sum of what is left, in shares of the most likely word."""
        return float(self._sums.sum())

    def remove(self, places: np.ndarray) -> None:
        self._shares[places] = 0
        for block in set((places // BLOCK).tolist()):
            self._sums[block] = self._block(block).sum(dtype=np.float64)

    def draw(self, rng: np.random.Generator) -> Choice:
        draw, blocks = rng.random(), np.cumsum(self._sums)
        total = blocks[-1]
        block = _hit(blocks, draw * total)
        place = block * BLOCK + _hit(self._inside(blocks, block)[1:], draw * total)
        return Choice(place, draw, *self.interval(place))

    def interval(self, place: int) -> tuple[float, float]:
        """Which draws hit a place: low <= draw < high."""
        blocks = np.cumsum(self._sums)
        low, high = self._inside(blocks, place // BLOCK)[place % BLOCK :][:2] / blocks[-1]
        return float(low), float(high)

    def _inside(self, blocks: np.ndarray, block: int) -> np.ndarray:
        """The sums before, and after each place of, a block: float64 [places + 1]."""
        before = blocks[block - 1] if block else 0.0
        return np.concatenate([[before], before + np.cumsum(self._block(block), dtype=np.float64)])

    def _block(self, number: int) -> np.ndarray:
        return self._shares[number * BLOCK : (number + 1) * BLOCK]


def _hit(cumulated: np.ndarray, point: float) -> int:
    """Where a point falls, rounding apart: the first place whose sum is above it, or that has the last sum."""
    return min(int(np.searchsorted(cumulated, point, side="right")), int(np.searchsorted(cumulated, cumulated[-1])))


def _block_sums(shares: np.ndarray) -> np.ndarray:
    """The sum of every BLOCK of shares, float64; the last block may be shorter."""
    whole = len(shares) // BLOCK * BLOCK
    sums = shares[:whole].reshape(-1, BLOCK).sum(1, dtype=np.float64)
    return np.append(sums, shares[whole:].sum(dtype=np.float64)) if whole < len(shares) else sums
