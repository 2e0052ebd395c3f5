"""Perplexity, and how sure it is."""

import math
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import numpy as np

from lmgen.scoring.score import Scored


class Mean:
    """A sum over the tokens of sentences, and its mean; any number of them takes no memory."""

    def __init__(self) -> None:
        self.sentences = self.tokens = 0
        self.sum = 0.0
        self._squares = np.zeros((2, 2))
        """Sums over sentences of the products of (sum, tokens)."""

    def add(self, total: float, tokens: int) -> None:
        """Count one sentence: the sum over its tokens, and their number."""
        self.sentences += 1
        self.tokens += tokens
        self.sum += total
        self._squares += np.outer((total, tokens), (total, tokens))

    @property
    def value(self) -> float:
        """Of a token; NaN without tokens."""
        return self.sum / self.tokens if self.tokens else math.nan

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of `value`, by the spread of sentences; None for fewer than two.

        A ratio's standard error (Cochran 1977): words of a sentence depend on each other, sentences do not.
        """
        if self.sentences < 2 or not self.tokens:
            return None
        ratio = np.array([1.0, -self.value])
        spread = max(0.0, float(ratio @ self._squares @ ratio))  # of sum - value * tokens, whose mean is 0
        error = 1.96 * math.sqrt(spread * self.sentences / (self.sentences - 1)) / self.tokens
        return self.value - error, self.value + error


class Evaluation:
    """Sums over scored sentences."""

    def __init__(self) -> None:
        self._logprobs = Mean()
        self.oov = 0
        """Predictions of words outside the vocabulary."""
        self.oov_logprob = 0.0
        """Natural logarithm of the probability of those."""

    def count(self, scores: Iterable[Scored]) -> Iterator[Scored]:
        """Pass scores on."""
        for scored in scores:
            self.add(scored)
            yield scored

    def add(self, scored: Scored) -> None:
        """Count one sentence."""
        self.add_all([sums_of(scored)])

    def add_all(self, sums: Iterable[tuple[float, int, int, float]]) -> None:
        """Count sentences by what `sums_of` says of each."""
        for logprob, tokens, oov, oov_logprob in sums:
            self._logprobs.add(logprob, tokens)
            self.oov += oov
            self.oov_logprob += oov_logprob

    @property
    def sentences(self) -> int:
        """How many were counted."""
        return self._logprobs.sentences

    @property
    def tokens(self) -> int:
        """Predictions, the sentences' ends included."""
        return self._logprobs.tokens

    @property
    def words(self) -> int:
        """Predictions without the sentences' ends."""
        return self.tokens - self.sentences

    @property
    def logprob(self) -> float:
        """Natural logarithm of the probability of all predictions."""
        return self._logprobs.sum

    @property
    def nats(self) -> float:
        """Mean surprisal of a prediction, in nats."""
        return -self._logprobs.value

    @property
    def perplexity(self) -> float:
        """Over all predictions; the target of a word outside the vocabulary is `<UNK>`."""
        return _exp(self.nats)

    @property
    def known_perplexity(self) -> float:
        """Over the predictions of words of the vocabulary and of ends."""
        return _exp((self.oov_logprob - self.logprob) / (self.tokens - self.oov))

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the perplexity, by the spread of sentences; None for fewer than two."""
        found = self._logprobs.interval
        return found and (_exp(-found[1]), _exp(-found[0]))


def sums_of(scored: Scored) -> tuple[float, int, int, float]:
    """Of a sentence: its log-probability, its predictions, those of words outside the vocabulary, their log-probability."""
    return (
        float(scored.logprobs.sum()),
        len(scored.tokens),
        int(scored.oov.sum()),
        float(scored.logprobs[scored.oov].sum()),
    )


BINS = (1e-4, 1e-3, 1e-2, *(tenth / 10 for tenth in range(1, 10)))
"""Probabilities between bins: most words are hardly likely, so those below a tenth have several bins."""


class Calibration:
    """Whether what is predicted with some probability comes as often; sums over scored sentences."""

    needs: ClassVar[dict[str, Any]] = {"limits": BINS, "top": 1}
    """Fields of `Scoring` that it takes."""

    def __init__(self) -> None:
        self.tokens = 0
        self.predicted, self.top_predicted = np.zeros((2, len(BINS) + 1))
        """The probabilities of all words of each bin together; those of each distribution's most likely word."""
        self.observed, self.top_observed = np.zeros((2, len(BINS) + 1), np.int64)
        """How many of those words came; a word outside the vocabulary is `<UNK>`."""

    def count(self, scores: Iterable[Scored]) -> Iterator[Scored]:
        """Pass scores on."""
        for scored in scores:
            self.add(scored)
            yield scored

    def add(self, scored: Scored) -> None:
        """Count one sentence."""
        best = scored.measures.best[:, 0]
        came = best["id"] == scored.ids
        self.tokens += len(scored.tokens)
        self.predicted += scored.measures.masses.sum(0)
        self.observed += _binned(scored.logprobs)
        self.top_predicted += _binned(best["logprob"], np.exp(best["logprob"]))
        self.top_observed += _binned(best["logprob"][came])

    @property
    def error(self) -> float:
        """Expected calibration error of the most likely words, 0 to 1, in ten bins of equal width (Guo et al. 2017)."""
        gaps = self.top_predicted - self.top_observed
        tenths = [gaps[:-9].sum(), *gaps[-9:]]
        return float(np.abs(tenths).sum()) / self.tokens


def _binned(logprobs: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """How many there are in each bin, int64 [bins], or the sum of their weights, float64 [bins]."""
    return np.bincount(np.searchsorted(np.log(BINS), logprobs, "right"), weights, len(BINS) + 1)


class Comparison:
    """How much better one model predicts a text than another: what its log-probabilities are above the other's, in nats."""

    def __init__(self) -> None:
        self.shared = Mean()
        """Over the predictions of words that both vocabularies have, and of ends: above 0 where the first is better."""
        self.all = Mean()
        """Over all predictions: a word that a vocabulary lacks has the probability of `<UNK>` in its model."""

    def count(self, scores: Iterable[Scored], others: Iterable[Scored]) -> Iterator[Scored]:
        """Pass scores on, of which the other model has others, of the same sentences."""
        for one, other in zip(scores, others, strict=True):
            self.add(one, other)
            yield one

    def add(self, one: Scored, other: Scored) -> None:
        """Count a sentence that both models scored."""
        better, known = one.logprobs - other.logprobs, ~(one.oov | other.oov)
        self.all.add(float(better.sum()), len(better))
        self.shared.add(float(better[known].sum()), int(known.sum()))


def _exp(nats: float) -> float:
    return math.exp(nats) if nats < 700 else math.inf
