"""Perplexity, and how sure it is."""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from lmgen.scoring.score import Scored


class Evaluation:
    """Sums over scored sentences; any number of them takes no memory."""

    def __init__(self) -> None:
        self.sentences = self.tokens = self.oov = 0
        """Sentences; predictions, the sentences' ends included; those of words outside the vocabulary."""
        self.logprob = self.oov_logprob = 0.0
        """Natural logarithm of the probability of all predictions, and of those of words outside the vocabulary."""
        self._squares = np.zeros((2, 2))
        """Sums over sentences of the products of (logprob, tokens)."""

    def count(self, scores: Iterable[Scored]) -> Iterator[Scored]:
        """Pass scores on."""
        for scored in scores:
            self.add(scored)
            yield scored

    def add(self, scored: Scored) -> None:
        """Count one sentence."""
        self.add_sums(*sums_of(scored))

    def add_sums(self, logprob: float, tokens: float, oov: float, oov_logprob: float) -> None:
        """Count one sentence by what `sums_of` says of it."""
        self.sentences += 1
        self.tokens += int(tokens)
        self.oov += int(oov)
        self.logprob += logprob
        self.oov_logprob += oov_logprob
        self._squares += np.outer((logprob, tokens), (logprob, tokens))

    def add_all(self, sums: Iterable[tuple[float, int, int, float]]) -> None:
        """Count sentences by what `sums_of` says of each."""
        for one in sums:
            self.add_sums(*one)

    @property
    def words(self) -> int:
        """Predictions without the sentences' ends."""
        return self.tokens - self.sentences

    @property
    def nats(self) -> float:
        """Mean surprisal of a prediction, in nats."""
        return -self.logprob / self.tokens

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
        if self.sentences < 2:
            return None
        error = _error(self._squares, -self.nats, self.sentences, self.tokens)
        return _exp(self.nats - error), _exp(self.nats + error)


def sums_of(scored: Scored) -> tuple[float, int, int, float]:
    """Of a sentence: its log-probability, its predictions, those of words outside the vocabulary, their log-probability."""
    return (
        float(scored.logprobs.sum()),
        len(scored.tokens),
        int(scored.oov.sum()),
        float(scored.logprobs[scored.oov].sum()),
    )


class Comparison:
    """How much better one model predicts a text than another, over the words that both vocabularies have."""

    def __init__(self) -> None:
        self.sentences = self.tokens = self.left_out = 0
        """Sentences; predictions of what both models know; those of words that either vocabulary lacks."""
        self.logprob = 0.0
        """Natural logarithm of the probability of those predictions by the first model, less that by the second."""
        self._squares = np.zeros((2, 2))

    def add(self, one: Scored, other: Scored) -> None:
        """Count a sentence that both models scored."""
        known = ~(one.oov | other.oov)
        total, tokens = float((one.logprobs - other.logprobs)[known].sum()), int(known.sum())
        self.sentences += 1
        self.tokens += tokens
        self.left_out += len(known) - tokens
        self.logprob += total
        self._squares += np.outer((total, tokens), (total, tokens))

    @property
    def nats(self) -> float:
        """Mean difference of a prediction, in nats: above 0 where the first model is better; NaN without predictions."""
        return self.logprob / self.tokens if self.tokens else math.nan

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of `nats`, by the spread of the sentences' differences; None for fewer than two."""
        if self.sentences < 2 or not self.tokens:
            return None
        error = _error(self._squares, self.nats, self.sentences, self.tokens)
        return self.nats - error, self.nats + error


def _error(squares: np.ndarray, mean: float, sentences: int, tokens: int) -> float:
    """Half the 95 % interval of a mean over tokens, by the spread of sentences.

    A ratio's standard error (Cochran 1977): words of a sentence depend on each other, sentences do not.

    Args:
      squares: sums over sentences of the products of (sum, tokens).
    """
    ratio = np.array([1.0, -mean])
    spread = max(0.0, float(ratio @ squares @ ratio))  # of sum - mean * tokens, whose mean is 0
    return 1.96 * math.sqrt(spread * sentences / (sentences - 1)) / tokens


def _exp(nats: float) -> float:
    return math.exp(nats) if nats < 700 else math.inf
