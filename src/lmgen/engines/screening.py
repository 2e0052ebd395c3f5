"""The few words that a choice in float32 can depend on, found with an int8 softmax and a bound on its error.

Let w and b be a word's row of the softmax matrix and its bias, q what int8 keeps of the row (a row of
int8 times a float32 scale, exactly), h the top layer's output and t what LiteRT's product sees of it:
h rounded to int8, with one scale. The word's logit is l = w.h + b, and the product gives m = fl(q.t + b). Then, by Cauchy and Schwarz,

    |l - (q.t + b)| = |(w - q).h + q.(h - t)| <= |w - q| |h| + |q| |h - t|.

The norms |w - q| and |q| are kept with the converted files, rounded up. t is not taken on trust: it is
measured at every word, as the product of h and the unit matrix, which int8 holds exactly.

What rounding adds, with u = 2**-24 and n numbers in h:

- LiteRT sums products of int8 in int32, exactly, and scales the sum by two float32 numbers: at most 4
  roundings of the sum, and one for the bias. t is no longer than 2 |h| for n <= 7,000 (each number loses
  at most one of 255 steps across a width of at most 2 |h|). So |m - (q.t + b)| <= 10 u |q| |h| + 2 u |m|.
- t is itself measured by such a product, of the unit matrix: each number is off by at most 6 u of what
  was multiplied, so |h - t| by at most 12 u |h|.
- A float32 sum of b and n products, in any order (XNNPACK begins with b), is off by at most
  n u (|w| |h| + |b|) / (1 - n u) (Higham 2002, section 3.1), where |w| <= |q| + |w - q| and
  |b| <= |m| + 2 |q| |h|, but for what is counted above.
- A word's own bias, added to l and m alike, and a temperature round once more each: 4 u of the result.

In all: |l - m| <= |w - q| |h| (1 + 2 n u) + |q| (|h - t| + (6 n + 32) u |h|) + (2 n + 8) u |m|.
"""

from dataclasses import dataclass

import numpy as np

UNIT = 2.0**-24
"""Half the distance of float32 numbers around 1: what rounding is off by at most, relative."""
FAR_BELOW = np.float32(-1e30)


@dataclass(frozen=True)
class Margins:
    """How far logits of one text can be from float32's."""

    norms: np.ndarray
    """|w - q| and |q| of each word, float32 [2, softmax rows]."""
    hidden: np.ndarray
    """h, float32 [projection]."""
    rounded: np.ndarray
    """t, float32 [projection]."""

    def of(self, words: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """How far the logits of some words can be from float32's, float64 [words].

        Args:
          words: softmax rows, int64 [words].
          logits: theirs, float32 [words].
        """
        by_lost, by_kept, by_logit = self._factors()
        return by_lost * self.norms[0, words] + by_kept * self.norms[1, words] + by_logit * np.abs(logits)

    def widest(self, highest: float) -> float:
        """A bound for all words whose logits are no farther from 0 than `highest` and the bound together."""
        by_lost, by_kept, by_logit = self._factors()
        most = by_lost * self.norms[0].max() + by_kept * self.norms[1].max() + by_logit * highest
        return most / (1 - by_logit)

    def bounds(self, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The lowest and the highest that each logit can be in float32: float32 [softmax rows] each, never too near.

        Args:
          logits: of all words, float32 [softmax rows]; for -inf the results are far below all else.
        """
        by_lost, by_kept, by_logit = self._factors()
        upward = 1 + 16 * UNIT  # more than the roundings of all that follows
        middle = np.maximum(logits, FAR_BELOW)
        bound = np.array([by_lost * upward, by_kept * upward], np.float32) @ self.norms
        bound += np.abs(middle) * np.float32((by_logit + 2 * UNIT) * upward)
        return middle - bound, middle + bound

    def _factors(self) -> tuple[float, float, float]:
        """What |w - q|, |q| and |m| are multiplied by."""
        h, n = self.hidden.astype(np.float64), len(self.hidden)
        length, lost = np.linalg.norm(h), np.linalg.norm(h - self.rounded)
        return length * (1 + 2 * n * UNIT), lost + (6 * n + 32) * UNIT * length, (2 * n + 8) * UNIT


def candidates(logits: np.ndarray, margins: Margins, limit: float) -> np.ndarray:
    """Places of all words whose logits can reach a limit in float32, and maybe of some more: int64, ascending.

    Args:
      logits: within `margins` of float32's, float32 [softmax rows]; -inf rules a word out.
      limit: -inf takes all words that are not ruled out.
    """
    if limit == -np.inf:
        return np.flatnonzero(logits > -np.inf)
    lowest = np.float32(limit - margins.widest(abs(limit)))
    near = np.flatnonzero(logits >= np.nextafter(lowest, np.float32(-np.inf)))
    return near[logits[near] + margins.of(near, logits[near]) >= limit]
