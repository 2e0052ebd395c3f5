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
        total, tokens = float(scored.logprobs.sum()), len(scored.tokens)
        self.sentences += 1
        self.tokens += tokens
        self.oov += int(scored.oov.sum())
        self.logprob += total
        self.oov_logprob += float(scored.logprobs[scored.oov].sum())
        self._squares += np.outer((total, tokens), (total, tokens))

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
        """95 % interval of the perplexity, by the spread of sentences; None for fewer than two.

        A ratio's standard error (Cochran 1977): words of a sentence depend on each other, sentences do not.
        """
        if self.sentences < 2:
            return None
        ratio = np.array([1.0, self.nats])
        spread = max(0.0, float(ratio @ self._squares @ ratio))  # of logprob + nats * tokens, whose mean is 0
        error = 1.96 * math.sqrt(spread * self.sentences / (self.sentences - 1)) / self.tokens
        return _exp(self.nats - error), _exp(self.nats + error)


def _exp(nats: float) -> float:
    return math.exp(nats) if nats < 700 else math.inf
