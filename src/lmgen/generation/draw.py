"""A draw of one word from logits, or from bounds of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lmgen.generation.samplers import top_p
from lmgen.softmax import RULED_OUT, exponentials, highest

BLOCK = 1024
LEAST_LEFT = 1e-20
"""Shares, of the most likely word's, that must be left for a draw when some were ruled out; else all are computed again."""
TRIES = 1000
"""Rejected draws after which to settle all logits is no more work."""
SETTLED = (0, 1_000, 8_000)
"""Most likely words that are settled before a word is judged again; after the last, all are."""
ROUNDING = 1e-5
"""More than sums of float32 exponentials are off by, relative."""


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


class Nucleus:
    """Decides which words top-p keeps (Holtzman et al. 2020), of logits of which only bounds are known at first.

    Words are in order of their logits. Let B be the sum of the exponentials before a word and R that of the rest, its own
    among them. Top-p keeps the word if B < p (B + R), that is if (1 - p) B < p R. Bounds of logits are bounds of B and R.

    Args:
      bounds: the lowest and the highest that logits can be, float32 [softmax rows] each.
      settle: the logits of words, given by their places.
      temperature: divides the logits. 0 < temperature.
      p: 0 < p < 1.
    """

    def __init__(
        self,
        bounds: tuple[np.ndarray, np.ndarray],
        settle: Callable[[np.ndarray], np.ndarray],
        temperature: float,
        p: float,
    ) -> None:
        low, high = bounds
        self._low, self._high, self._settle = low, high.copy(), settle
        self._temperature, self._p = np.float32(temperature), p
        self._top = self._high.max()

    def keeps(self, word: int) -> bool:
        """Whether a word, given by its place, is kept."""
        self._fix(np.array([word]))
        for count in SETTLED:
            if count < len(self._high):
                self._fix(highest(self._high, count) if count else np.empty(0, np.int64))
                if (kept := self._judged(word)) is not None:
                    return kept
        self._fix(np.arange(len(self._high)))
        return bool(top_p(self._high / self._temperature, self._p)[word] > RULED_OUT)

    def _fix(self, words: np.ndarray) -> None:
        """Settle words whose bounds differ."""
        words = words[self._low[words] < self._high[words]]
        if len(words):
            self._low[words] = self._high[words] = self._settle(words)

    def _judged(self, word: int) -> bool | None:
        """Whether a settled word is kept; None if the bounds do not say."""
        logit, above = self._high[word], self._high >= self._high[word]
        before = self._sum(self._high[above]) - self._sum(logit)
        rest = self._sum(self._low[~above]) + self._sum(logit)
        if (1 - self._p) * before * (1 + ROUNDING) < self._p * rest:
            return True
        above = self._low > logit
        before, rest = self._sum(self._low[above]), self._sum(self._high[~above])
        return False if (1 - self._p) * before > self._p * rest * (1 + ROUNDING) else None

    def _sum(self, logits: np.ndarray) -> float:
        """Of exponentials, in shares of the highest."""
        return float(np.exp((logits - self._top) / self._temperature).sum(dtype=np.float64))


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
        """Words that are not to be drawn, by their places: int [words]."""
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
