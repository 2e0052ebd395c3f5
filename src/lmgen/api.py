"""The Python API: the command line's verbs, on a loaded model."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from lmgen.display import Samples
from lmgen.embeddings import POOLS, WordSpace, embed_sentences
from lmgen.engines import EngineOptions
from lmgen.errors import UsageError
from lmgen.export import load_converted
from lmgen.generation import Word, changed, continuation, defaults, generate_from, split_options
from lmgen.items import Choices, Item, choose_sentences
from lmgen.model import Context, LanguageModel, read
from lmgen.scoring import (
    BASES,
    BY,
    COLUMN,
    CONTEXTS,
    Distribution,
    Layout,
    NextWords,
    Scoring,
    Sentence,
    Surprisals,
    as_input,
    next_candidates,
    next_words,
    part_rows,
    reduced,
    score_sentences,
    sentences_of,
    suffix_logprobs,
    token_rows,
    with_words,
)
from lmgen.store import DEFAULT_MODEL, find
from lmgen.text import SENTENCE_START, lines_of, split_words

Texts = str | Iterable[str]
"""Sentences: a text with one a line, or one after the other."""


def load(
    model: str = DEFAULT_MODEL,
    scoring: Scoring = Scoring(),  # noqa: B008 (immutable)
    tokenized: bool = False,
    **options: Any,
) -> "LM":
    """Load a model as `lmgen complete` does: on converted files, which are made where there are none yet.

    Args:
      model: a name that `lmgen models list` shows, or a folder in the released layout.
      scoring: how texts are read and scored.
      tokenized: texts given to it are words with spaces between already.
      options: fields of `lmgen.engines.EngineOptions`: precision="float32" for the reference's numbers, engine, …
    """
    try:
        wanted = EngineOptions(**options)
    except TypeError:
        known = ", ".join(field.name for field in fields(EngineOptions))
        raise UsageError(f"lmgen.load knows model, scoring, tokenized, {known}, not {', '.join(options)}") from None
    return LM(load_converted(find(model), wanted), scoring, tokenized, (model, wanted))


class LM:
    """A language model with the verbs of the command line.

    Args:
      model: on any engine.
      scoring: how texts are read and scored, for all calls.
      tokenized: texts are words with spaces between already.
      source: the name and options it was loaded by, to load it again in another process.

    Any number of threads may use it.
    """

    def __init__(
        self,
        model: LanguageModel,
        scoring: Scoring = Scoring(),  # noqa: B008 (immutable)
        tokenized: bool = False,
        source: tuple[str, EngineOptions] | None = None,
    ) -> None:
        self.model, self.scoring, self._tokenized, self._source = model, scoring, tokenized, source
        self._split = split_words(tokenized, scoring.whole)

    @property
    def precision(self) -> str:
        """Of every number it gives: `fast`, `exact` or `float32`."""
        return self.model.precision

    def __repr__(self) -> str:
        return f"<LM {self.model.files.folder.name}, {self.precision}>"

    def __reduce__(self) -> tuple[Callable[..., "LM"], tuple[object, ...]]:
        """Pickled by the name it was loaded by: it is loaded again."""
        if self._source is None:
            raise UsageError("only a model that lmgen.load gave can be pickled: it is loaded again by its name")
        return _load_again, (*self._source, self.scoring, self._tokenized)

    def surprisal(
        self, texts: Texts, base: str | int = "2", context: str | None = None, by: str = "token"
    ) -> Surprisals:
        """How unexpected every word is: the rows of `lmgen surprisal`, as dictionaries. Texts without a word have none.

        A list, which a notebook shows as coloured text.

        Args:
          by: what a row is: a `token`, a `word` as it stands in the text, or a `region`, where | stands between regions.
          base: `2`, `e` or `10`: surprisal and entropy are in bits, nats or bans.
          context: the LSTM state is emptied at each `sentence`, at blank lines (`document`), or never (`stream`);
            by default as the model was trained.
        """
        context = context or self.model.files.context
        base = str(base)
        if base not in BASES:
            raise UsageError(f"base must be one of {', '.join(BASES)}, not {base!r}")
        if context not in CONTEXTS:
            raise UsageError(f"context must be one of {', '.join(CONTEXTS)}, not {context!r}")
        if by not in ("token", *BY):
            raise UsageError(f"by must be one of token, {', '.join(BY)}, not {by!r}")
        sentences = with_words(self._sentences(texts, context, bars=by == "region"))
        if by in BY:
            return Surprisals(part_rows(score_sentences(self.model, sentences, self.scoring), base, by, BY[by]), base)
        scoring = replace(self.scoring, rank=True, entropy=True)
        return Surprisals(token_rows(score_sentences(self.model, sentences, scoring), base), base)

    def score(self, texts: Texts, reduce: str = "sum") -> np.ndarray:
        """The natural logarithm of each sentence's probability, its end included: float64 [sentences].

        NaN stands for a text without a word, which `lmgen score` leaves out.

        Args:
          reduce: `sum`, or `mean` per token.
        """
        if reduce not in ("sum", "mean"):
            raise UsageError(f"reduce must be sum or mean, not {reduce!r}")
        empty: list[int] = []
        sentences = with_words(self._sentences(texts, "sentence"), empty.append)
        found = [
            (scored.sentence.number - 1, reduced(scored, reduce))
            for scored in score_sentences(self.model, sentences, self.scoring)
        ]
        scores = np.full(len(found) + sum(empty), np.nan)
        for place, score in found:
            scores[place] = score
        return scores

    def choose(
        self,
        items: Iterable[Sequence[str]],
        answers: Iterable[int | None] | None = None,
        prefixes: Iterable[str] | None = None,
        reduce: str = "sum",
    ) -> Choices:
        """The most likely of each item's sentences, as `lmgen choose` has it: a list with an `accuracy`.

        Args:
          items: two sentences or more each.
          answers: the place of the right one of each item, from 0; None where it is not known.
          prefixes: a text for each item, which is read before each of its sentences and is not scored.
          reduce: `sum` compares log-probabilities of whole sentences, `mean` those per token.
        """
        if reduce not in ("sum", "mean"):
            raise UsageError(f"reduce must be sum or mean, not {reduce!r}")
        found = self._items(list(items), answers, prefixes)
        return Choices(choose_sentences(self.model, found, self.scoring, reduce))

    def _items(
        self, items: list[Sequence[str]], answers: Iterable[int | None] | None, prefixes: Iterable[str] | None
    ) -> Iterator[Item]:
        right = [None] * len(items) if answers is None else [None if one is None else int(one) for one in answers]
        before = [""] * len(items) if prefixes is None else list(prefixes)
        if not len(items) == len(right) == len(before):
            raise UsageError(
                f"{len(items)} items, {len(right)} answers and {len(before)} prefixes: give one to each item"
            )
        for item, answer, prefix in zip(items, right, before, strict=True):
            if isinstance(item, str):
                raise UsageError(f"an item is a list of sentences, not a text: {item!r}")
            yield Item(list(map(self._split, item)), answer, prefix=self._split(prefix))

    def distribution(self, prefix: str = "") -> Distribution:
        """All that may come after a prefix: probabilities, entropy, shares. A notebook shows the most likely words."""
        return next_words(self.model, self._read(prefix), self.scoring.renormalize)

    def next(self, prefix: str = "", k: int | None = 20) -> NextWords:
        """The k most likely next words, the most likely first, None for all: a list, which a notebook shows as a table."""
        return self.distribution(prefix).best(k)

    def words_probs(self, prefix: str, words: Sequence[str], suffix: str = "") -> np.ndarray:
        """The probability of each word after a prefix, times that of the suffix after it: float64 [words].

        A word of several tokens (`can't`, `ice cream`) has the product of their probabilities; the probability of one
        outside the vocabulary is that of `<UNK>`.
        """
        if isinstance(words, str):
            raise UsageError(f"words are given as a list: [{words!r}]")
        context, after = self._read(prefix), self._split(suffix)
        distribution = next_words(self.model, context, self.scoring.renormalize)
        tokens = {word: [word] if word in self.model.vocabulary else self._split(word) or [word] for word in words}
        entries = next_candidates(self.model, context, distribution, tokens, self.scoring)
        probs = np.array([entry.prob for entry in entries])
        found = probs * np.exp(suffix_logprobs(self.model, context, tokens.values(), after, self.scoring))
        places = {word: place for place, word in enumerate(tokens)}
        return found[[places[word] for word in words]]

    def embed(self, texts: Texts, pool: str = "last", layer: int | None = None) -> np.ndarray:
        """A vector for every text that has a word: the LSTM's output, float32 [texts, projection].

        Args:
          pool: `last`, after the last word, or the `mean` over the words.
          layer: of the LSTM, from 0; without it the top one.
        """
        if pool not in POOLS:
            raise UsageError(f"pool must be one of {', '.join(POOLS)}, not {pool!r}")
        sentences = with_words(self._sentences(texts, "sentence"))
        found = [one.pooled(pool) for one in embed_sentences(self.model, sentences, layer, self.scoring.rows)]
        return np.stack(found) if found else np.empty((0, self.model.vectors([SENTENCE_START]).shape[1]), np.float32)

    def words(self, space: str = "in") -> WordSpace:
        """All words as vectors: `in`, from their characters, or `out`, rows of the softmax; with their neighbours."""
        return WordSpace(self.model, space)

    def sample(self, prefix: str = "", **options) -> Samples:
        """Continue a prefix: a list of texts, each with the prefix as it was given.

        Args:
          options: fields of `Generation`, `Sampling` and `Constraints`: samples=3, temperature=0.7, seed=1, …
        """
        changes, unknown = split_options(options)
        for name in unknown:
            raise UsageError(f"there is no option {name!r}: see lmgen.generation.Generation")
        context, wanted = self._read(prefix), changed(defaults(self.model.files), changes)
        written: list[list[str]] = [[] for _ in range(wanted.samples)]
        for event in generate_from(self.model, context, wanted):
            if isinstance(event, Word):
                written[event.sample].append(event.text)
        before = self._split(prefix)
        return Samples(prefix.rstrip() + continuation(before, words) for words in written)

    def _read(self, text: str) -> Context:
        return read(self.model, list(map(as_input(self.model, self.scoring), self._split(text))))

    def _sentences(self, texts: Texts, context: str, bars: bool = False) -> Iterator[Sentence]:
        if hasattr(texts, "columns"):
            raise UsageError("a table is not a list of texts: give one of its columns")
        lines = lines_of(texts) if isinstance(texts, str) else texts
        records = (({COLUMN: line}, f"text {number}") for number, line in enumerate(lines, 1))
        return sentences_of(records, Layout(split=self._split, context=context, bars=bars))


def _load_again(model: str, options: EngineOptions, scoring: Scoring, tokenized: bool) -> LM:
    return LM(load_converted(find(model), options), scoring, tokenized, (model, options))
