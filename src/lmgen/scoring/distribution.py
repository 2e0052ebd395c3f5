"""The exact distribution of the next word: every word of the vocabulary has its probability."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice

import numpy as np

from lmgen.display import Shown, ShownList, escaped, note, table
from lmgen.errors import UsageError
from lmgen.model import Context, LanguageModel
from lmgen.scoring.measure import Passage, Scoring, as_input, measure_passages
from lmgen.softmax import entropy, most_likely, probabilities
from lmgen.text import SENTENCE_END, UNKNOWN, Row, Vocabulary

SHOWN = 20
"""Words of a distribution that are shown."""


@dataclass(frozen=True)
class NextWord:
    """A word, or some that belong together, that may come next."""

    word: str
    rank: int | None
    """1 for the most likely word; None for more than one token."""
    prob: float
    """0 <= prob <= 1; of several tokens, the product."""
    cumulative: float | None
    """Probability of all words up to this rank, itself included; None for more than one token."""
    oov: bool = False
    """It is outside the vocabulary, or a token of it is: rank and probability are those of `<UNK>`."""

    @property
    def logprob(self) -> float:
        """Natural logarithm of the probability; -inf for 0."""
        return math.log(self.prob) if self.prob > 0 else -math.inf


BAR = "rgba(70, 130, 230, 0.35)"
"""The colour of a probability's bar."""


class NextWords(ShownList[NextWord]):
    """Words that may come next, as a table with bars in a notebook."""

    def rows(self) -> Iterator[Row]:
        return map(asdict, self)

    def html(self, most: int | None = None) -> str:
        longest = max((entry.prob for entry in self), default=0.0) or 1.0
        lines = (_line(entry, entry.prob / longest) for entry in islice(self, most))
        return f"{table(('rank', 'word', 'probability', 'cumulative'), lines)}{note(self._rest(most))}"


def _line(entry: NextWord, share: float) -> str:
    """A word's line of the table, with a bar that fills a share of its cell."""
    bits = -entry.logprob / math.log(2)
    title = f"{entry.word}: {bits:.2f} bits, rank {entry.rank:,}{', outside the vocabulary' if entry.oov else ''}"
    bar = f'<div style="background-color: {BAR}; width: {share:.1%}; padding: 0 0.15em">{entry.prob:.4g}</div>'
    cells = (f"{entry.rank:,}", escaped(entry.word), bar, f"{entry.cumulative:.4f}")
    styles = ("text-align: right", "text-align: left", "text-align: left; min-width: 14em", "text-align: right")
    inner = "".join(f'<td style="{style}">{cell}</td>' for style, cell in zip(styles, cells, strict=True))
    return f'<tr title="{escaped(title)}">{inner}</tr>'


class Distribution(Shown):
    """Probabilities of the next word. A notebook shows the most likely ones.

    Args:
      logits: of one text, float32 [softmax rows].
      renormalize: leave the softmax rows without a word out of the distribution, so that words' probabilities sum to 1.
    """

    def __init__(self, logits: np.ndarray, vocabulary: Vocabulary, renormalize: bool = True) -> None:
        self.vocabulary = vocabulary
        shares = probabilities(logits)
        words = shares[: len(vocabulary)]
        self.wordless = float(shares[len(vocabulary) :].sum())
        """Probability of all softmax rows that belong to no word, before they are left out."""
        self.probs = words / words.sum() if renormalize else words
        """Probability of each word of the vocabulary, float64 [words]."""
        shown = self.probs if renormalize else shares
        self.entropy = entropy(shown) * math.log(2)
        """Entropy in nats: of the words, or of all softmax rows if they are not left out."""

    def rows(self) -> Iterator[Row]:
        """Every word, the most likely first."""
        return self.best().rows()

    def html(self, most: int | None = None) -> str:
        """The `most` most likely words, None for all, and the entropy."""
        listed = self.best(most)
        return f"{note(self._summary())}{listed.html()}"

    def _count(self) -> int:
        return len(self.probs)

    def _repr_html_(self) -> str:
        return self.html(SHOWN)

    def __repr__(self) -> str:
        return f"{self._summary()}\n{self.best(SHOWN)!r}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Distribution):
            return NotImplemented
        same = np.array_equal(self.probs, other.probs) and self.entropy == other.entropy
        return same and self.vocabulary.lines.data == other.vocabulary.lines.data

    __hash__ = None  # type: ignore[assignment]

    def _summary(self) -> str:
        return f"entropy {self.entropy / math.log(2):.2f} bits over {len(self.probs):,} words; the most likely:"

    @property
    def unknown(self) -> float:
        """Probability of a word outside the vocabulary, `<UNK>`."""
        return float(self.probs[self.vocabulary.id(UNKNOWN)])

    def best(self, count: int | None = None, among: np.ndarray | None = None) -> NextWords:
        """The most likely words, the most likely first; of equal ones, the first of the vocabulary comes first.

        Args:
          count: how many; None for all. 0 <= count.
          among: which words may be listed, bool [words]; None for all. Ranks are those among all words.
        """
        ids = np.arange(len(self.probs)) if among is None else np.flatnonzero(among)
        ids = ids[most_likely(self.probs[ids], len(ids) if count is None else count)]
        return self._entries(ids.tolist(), map(self.vocabulary.word, ids.tolist()))

    def starting_with(self, letters: str) -> np.ndarray:
        """Which words start with these letters, bool [words]."""
        return np.fromiter((word.startswith(letters) for word in self.vocabulary.words), bool, len(self.probs))

    def of(self, words: Iterable[str]) -> NextWords:
        """Given words, in their order."""
        given = list(words)
        return self._entries(list(map(self.vocabulary.id, given)), given)

    def _entries(self, ids: list[int], words: Iterable[str]) -> NextWords:
        """Words by their ids. Only words at least as likely as the least likely of them are sorted."""
        if not ids:
            return NextWords()
        order = most_likely(self.probs, int(np.count_nonzero(self.probs >= self.probs[ids].min())))
        ranks = np.zeros(len(self.probs), np.int64)
        ranks[order] = np.arange(len(order))
        cumulative = np.cumsum(self.probs[order])
        return NextWords(
            NextWord(word, rank + 1, float(self.probs[index]), float(cumulative[rank]), word not in self.vocabulary)
            for index, rank, word in zip(ids, ranks[ids].tolist(), words, strict=True)
        )


def next_words(model: LanguageModel, context: Context, renormalize: bool = True) -> Distribution:
    """The distribution of the word after a text."""
    return Distribution(model.logits(context.state)[0], model.vocabulary, renormalize)


def candidate_tokens(candidate: str, vocabulary: Vocabulary, split: Callable[[str], list[str]]) -> list[str]:
    """What a candidate is read as: itself, if it is a word of the vocabulary."""
    return [candidate] if candidate in vocabulary else split(candidate) or [candidate]


def next_candidates(
    model: LanguageModel,
    context: Context,
    distribution: Distribution,
    candidates: Mapping[str, Sequence[str]],
    options: Scoring,
) -> list[NextWord]:
    """What was asked for, in its order; several tokens have the product of their probabilities.

    Args:
      candidates: what is to be listed, and its tokens, one or more.
    """
    entries = distribution.of(tokens[0] for tokens in candidates.values())
    rest = _following(model, context, [(tokens[:1], tokens[1:]) for tokens in candidates.values()], options)
    return [
        replace(first, word=name)
        if len(tokens) == 1
        else NextWord(
            name, None, first.prob * math.exp(more), None, any(token not in model.vocabulary for token in tokens)
        )
        for (name, tokens), first, more in zip(candidates.items(), entries, rest.tolist(), strict=True)
    ]


def suffix_logprobs(
    model: LanguageModel,
    context: Context,
    candidates: Iterable[Sequence[str]],
    suffix: Sequence[str],
    options: Scoring,
) -> np.ndarray:
    """Natural logarithm of the probability that `suffix` follows the text and each candidate: float64 [candidates].

    Args:
      candidates: tokens, one or more of each.
    """
    if SENTENCE_END in suffix[:-1]:
        raise UsageError("what follows must be of one sentence: leave out what comes after its end")
    return _following(model, context, [(tokens, suffix) for tokens in candidates], options)


def _following(
    model: LanguageModel, context: Context, pairs: Sequence[tuple[Sequence[str], Sequence[str]]], options: Scoring
) -> np.ndarray:
    """Natural logarithm of the probability of the second tokens after the text and the first ones: float64 [pairs]."""
    known = as_input(model, options)
    found, places = np.zeros(len(pairs)), [place for place, (_, after) in enumerate(pairs) if after]

    def passages() -> Iterator[Passage]:
        for before, after in (pairs[place] for place in places):
            tokens = [*before, *after]
            targets = np.array([model.vocabulary.id(token) for token in tokens[1:]], np.int64)
            yield Passage(list(map(known, tokens[:-1])), targets, context.state)

    for place, measures in zip(places, measure_passages(model, passages(), options), strict=True):
        found[place] = measures.logprobs[len(pairs[place][0]) - 1 :].sum()
    return found
