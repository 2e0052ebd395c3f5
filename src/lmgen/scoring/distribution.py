"""The exact distribution of the next word: every word of the vocabulary has its probability."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lmgen.model import Context, LanguageModel
from lmgen.scoring.measure import Passage, Scoring, as_input
from lmgen.scoring.score import measure_passages
from lmgen.text import UNKNOWN, Vocabulary


@dataclass(frozen=True)
class NextWord:
    """A word that may come next."""

    word: str
    rank: int
    """1 for the likeliest."""
    prob: float
    cumulative: float
    """Probability of the words up to this rank."""
    oov: bool = False
    """It is outside the vocabulary: rank and probability are those of `<UNK>`."""

    @property
    def logprob(self) -> float:
        """Ln of the probability."""
        return math.log(self.prob) if self.prob > 0 else -math.inf


class Distribution:
    """What may come next.

    Args:
      logits: of one text, float32 [softmax rows].
      renormalize: leave the softmax rows without a word out of the distribution.
    """

    def __init__(self, logits: np.ndarray, vocabulary: Vocabulary, renormalize: bool = True) -> None:
        self.vocabulary = vocabulary
        shares = np.exp(logits.astype(np.float64) - logits.max())
        shares /= shares.sum()
        words = shares[: len(vocabulary)]
        self.wordless = float(shares[len(vocabulary) :].sum())
        """Share of the whole softmax in rows that belong to no word."""
        self.probs = words / words.sum() if renormalize else words
        """Of each word of the vocabulary, float64 [words]."""
        shown = self.probs if renormalize else shares
        self.entropy = float(-(shown[shown > 0] * np.log(shown[shown > 0])).sum())
        """In nats."""

    @property
    def unknown(self) -> float:
        """Probability of a word outside the vocabulary, `<UNK>`."""
        return float(self.probs[self.vocabulary.id(UNKNOWN)])

    @cached_property
    def _order(self) -> np.ndarray:
        """Ids, the likeliest first."""
        return np.argsort(-self.probs, kind="stable")

    @cached_property
    def _ranks(self) -> np.ndarray:
        """Of each id, from 0."""
        ranks = np.empty_like(self._order)
        ranks[self._order] = np.arange(len(ranks))
        return ranks

    @cached_property
    def _cumulative(self) -> np.ndarray:
        """Probability of the words up to each rank."""
        return np.cumsum(self.probs[self._order])

    def best(self, count: int | None = None, among: np.ndarray | None = None) -> list[NextWord]:
        """The likeliest words, the likeliest first.

        Args:
          count: how many; None for all.
          among: which words may be listed, bool [words]; None for all. Ranks are those among all words.
        """
        ids = self._order if among is None else self._order[among[self._order]]
        return [self._entry(index, self.vocabulary.word(index)) for index in ids[:count].tolist()]

    def of(self, words: Iterable[str]) -> list[NextWord]:
        """Given words, in their order."""
        return [self._entry(self.vocabulary.id(word), word) for word in words]

    def _entry(self, index: int, word: str) -> NextWord:
        rank = int(self._ranks[index])
        oov = word not in self.vocabulary
        return NextWord(word, rank + 1, float(self.probs[index]), float(self._cumulative[rank]), oov)


def next_words(model: LanguageModel, context: Context, renormalize: bool = True) -> Distribution:
    """The distribution of the word after a text."""
    return Distribution(model.logits(context.state)[0], model.vocabulary, renormalize)


def suffix_logprobs(
    model: LanguageModel, context: Context, words: Sequence[str], suffix: Sequence[str], options: Scoring
) -> np.ndarray:
    """Ln of the probability that `suffix` follows, after the text and each of `words`: float64 [words]."""
    known = as_input(model, options)
    targets = np.array([model.vocabulary.id(word) for word in suffix], np.int64)
    rest = [known(word) for word in suffix[:-1]]
    passages = (Passage([known(word), *rest][: len(suffix)], targets, context.state) for word in words)
    return np.array([found.logprobs.sum() for found in measure_passages(model, passages, options)])
