"""The words that top-p keeps, of logits of which only bounds are known at first.

Words are in order of their logits. Let B be the sum of the exponentials before a word and R that of the rest, its own among
them. Top-p keeps the word if B < p (B + R), that is if (1 - p) B < p R. Bounds of the logits are bounds of B and R.
"""

from collections.abc import Callable

import numpy as np

from lmgen.generation.samplers import top_p
from lmgen.softmax import RULED_OUT, highest

SETTLED = (0, 1_000, 8_000)
"""Most likely words that are settled before a word is judged again; after the last, all are."""
ROUNDING = 1e-5
"""More than sums of float32 exponentials are off by, relative."""


class Nucleus:
    """Decides whether words are among the fewest that reach a probability together (Holtzman et al. 2020).

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
