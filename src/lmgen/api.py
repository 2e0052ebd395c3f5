"""The Python API: the command line's verbs, on a loaded model."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from lmgen.display import Samples
from lmgen.embeddings import POOLS, WordSpace, embed_sentences, stacked
from lmgen.engines import EngineOptions, load as load_model
from lmgen.errors import UsageError
from lmgen.export import convert_model
from lmgen.generation import Word, changed, continuation, defaults, generate_from, split_options
from lmgen.given import (
    PREFIX,
    Given,
    Indexed,
    Items,
    Listed,
    RowOptions,
    Texts,
    asked_rows,
    index_name,
    indexed,
    is_streamed,
    records_of,
)
from lmgen.items import BLIMP, Choices, choose_sentences
from lmgen.model import Context, LanguageModel, read
from lmgen.scoring import (
    COLUMN,
    CONTEXTS,
    Distribution,
    Layout,
    NextWords,
    Scoring,
    Sentence,
    Surprisals,
    as_input,
    candidate_tokens,
    check_reduction,
    next_candidates,
    next_words,
    reduced_all,
    score_rows,
    score_sentences,
    sentences_of,
    suffix_logprobs,
    with_words,
)
from lmgen.store import DEFAULT_MODEL, find
from lmgen.text import Row, split_words

if TYPE_CHECKING:
    import pandas
    from numpy.typing import NDArray
    from typing_extensions import Unpack

    Numbers = NDArray[np.float64]
    Vectors = NDArray[np.float32]


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
    return LM(load_model(find(model), wanted, convert_model), scoring, tokenized, (model, options))


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
        source: tuple[str, dict[str, Any]] | None = None,
    ) -> None:
        self.model, self.scoring, self._tokenized, self._source = model, scoring, tokenized, source

    @property
    def _split(self) -> Callable[[str], list[str]]:
        return split_words(self._tokenized, self.scoring.whole)

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
        return partial(load, self._source[0], self.scoring, self._tokenized, **self._source[1]), ()

    @overload
    def surprisal(  # type: ignore[overload-overlap]
        self,
        texts: Iterator[str],
        base: str | int = ...,
        context: str | None = ...,
        by: str = ...,
        **rows: "Unpack[RowOptions]",
    ) -> Iterator[Row]: ...

    @overload
    def surprisal(
        self,
        texts: Texts | Indexed,
        base: str | int = ...,
        context: str | None = ...,
        by: str = ...,
        **rows: "Unpack[RowOptions]",
    ) -> Surprisals: ...

    def surprisal(
        self,
        texts: Texts | Indexed,
        base: str | int = "2",
        context: str | None = None,
        by: str = "token",
        **rows: "Unpack[RowOptions]",
    ) -> Surprisals | Iterator[Row]:
        """How unexpected every word is: the rows of `lmgen surprisal`, as dictionaries. Texts without a word have none.

        A list, which a notebook shows as coloured text; of a generator, an iterator of rows, each made as it is asked for.
        Rows of a DataFrame have its columns too, and `to_pandas` has its index.

        Args:
          by: what a row is: a `token`, a `word` as it stands in the text, or a `region`, where | stands between regions.
          base: `2`, `e` or `10`: surprisal and entropies are in bits, nats or bans.
          context: the LSTM state is emptied at each `sentence`, at blank lines (`document`), or never (`stream`);
            by default as the model was trained.
          rows: fields of `RowOptions`: columns=["word", "entropy_reduction"], lag=3, top=5, prefixes=[…], …
        """
        wanted, column, prefixes = asked_rows(str(base), by, rows)
        if (context := context or self.model.files.context) not in CONTEXTS:
            raise UsageError(f"context must be one of {', '.join(CONTEXTS)}, not {context!r}")
        layout = Layout(column, context=context, bars=by == "region")
        sentences = with_words(self._sentences(texts, layout, prefixes))
        scores = score_sentences(self.model, sentences, replace(self.scoring, **wanted.needs()))
        found = score_rows(scores, wanted, self.model.vocabulary)
        return found if is_streamed(texts) else Surprisals(found, wanted.base, index_name(texts))

    @overload
    def score(  # type: ignore[overload-overlap]
        self, texts: Iterator[str], reduce: str = ..., prefixes: Iterable[str] | None = ..., column: str = ...
    ) -> Iterator[float]: ...

    @overload
    def score(
        self, texts: Indexed, reduce: str = ..., prefixes: Iterable[str] | None = ..., column: str = ...
    ) -> "pandas.Series[float]": ...

    @overload
    def score(
        self, texts: Texts, reduce: str = ..., prefixes: Iterable[str] | None = ..., column: str = ...
    ) -> "Numbers": ...

    def score(
        self, texts: Texts | Indexed, reduce: str = "sum", prefixes: Iterable[str] | None = None, column: str = COLUMN
    ) -> "Iterator[float] | pandas.Series[float] | Numbers":
        """The natural logarithm of each sentence's probability, its end included: float64 [sentences].

        NaN stands for a text without a word, which `lmgen score` leaves out. A Series or DataFrame gets a Series with its
        index, a generator an iterator of numbers, each computed as it is asked for.

        Args:
          reduce: `sum`, or `mean` per token.
          prefixes: a text for each of the texts, which is read before it and is not scored.
          column: of the texts in a DataFrame.
        """
        check_reduction(reduce)
        empty, sentences = list[int](), self._sentences(texts, Layout(column), prefixes)
        scores = score_sentences(self.model, with_words(sentences, empty.append), self.scoring)
        found = reduced_all(scores, reduce, empty)
        return found if is_streamed(texts) else indexed(np.array(list(found), np.float64), texts)

    @overload
    def choose(
        self,
        items: Indexed,
        answers: Given = ...,
        prefixes: Given = ...,
        reduce: str = ...,
        columns: Sequence[str] = ...,
    ) -> "pandas.DataFrame": ...

    @overload
    def choose(
        self,
        items: Listed,
        answers: Given = ...,
        prefixes: Given = ...,
        reduce: str = ...,
        columns: Sequence[str] = ...,
    ) -> Choices: ...

    def choose(
        self,
        items: Listed | Indexed,
        answers: Given = None,
        prefixes: Given = None,
        reduce: str = "sum",
        columns: Sequence[str] = BLIMP,
    ) -> "Choices | pandas.DataFrame":
        """The most likely of each item's sentences, as `lmgen choose` has it: a list with an `accuracy`.

        A DataFrame or a Series of lists gets a DataFrame with its index and columns, and those of `Chosen`.

        Args:
          items: two sentences or more each.
          answers: the place of the right one of each item, from 0; None where it is not known. Of a DataFrame also the
            name of their column; without it the first of `columns` is right.
          prefixes: a text for each item, which is read before each of its sentences and is not scored; or their column.
          reduce: `sum` compares log-probabilities of whole sentences, `mean` those per token.
          columns: of the sentences in a DataFrame.
        """
        check_reduction(reduce)
        given = Items(items, columns, answers, prefixes)
        return given.with_index(choose_sentences(self.model, given.read(self._split), self.scoring, reduce))

    def distribution(self, prefix: str = "") -> Distribution:
        """All that may come after a prefix: probabilities, entropy, shares. A notebook shows the most likely words."""
        return next_words(self.model, self._read(prefix), self.scoring.renormalize)

    @overload
    def next(self, prefix: str = ..., k: int | None = ...) -> NextWords: ...  # type: ignore[overload-overlap]

    @overload
    def next(self, prefix: Iterable[str], k: int | None = ...) -> Iterator[NextWords]: ...

    def next(self, prefix: str | Iterable[str] = "", k: int | None = 20) -> NextWords | Iterator[NextWords]:
        """The k most likely next words, the most likely first, None for all: a list, which a notebook shows as a table.

        Of several prefixes, an iterator with a list for each.
        """
        if isinstance(prefix, str):
            return self.distribution(prefix).best(k)
        return (self.distribution(one).best(k) for one in prefix)

    def words_probs(self, prefix: str, words: Sequence[str], suffix: str = "") -> np.ndarray:
        """The probability of each word after a prefix, times that of the suffix after it: float64 [words].

        A word of several tokens (`can't`, `ice cream`) has the product of their probabilities; the probability of one
        outside the vocabulary is that of `<UNK>`.
        """
        if isinstance(words, str):
            raise UsageError(f"words are given as a list: [{words!r}]")
        context, after = self._read(prefix), self._split(suffix)
        distribution = next_words(self.model, context, self.scoring.renormalize)
        tokens = {word: candidate_tokens(word, self.model.vocabulary, self._split) for word in words}
        probs = [entry.prob for entry in next_candidates(self.model, context, distribution, tokens, self.scoring)]
        found = probs * np.exp(suffix_logprobs(self.model, context, tokens.values(), after, self.scoring))
        places = {word: place for place, word in enumerate(tokens)}
        return found[[places[word] for word in words]]

    @overload
    def embed(  # type: ignore[overload-overlap]
        self, texts: Iterator[str], pool: str = ..., layer: int | None = ..., column: str = ...
    ) -> "Iterator[Vectors]": ...

    @overload
    def embed(
        self, texts: Indexed, pool: str = ..., layer: int | None = ..., column: str = ...
    ) -> "pandas.DataFrame": ...

    @overload
    def embed(self, texts: Texts, pool: str = ..., layer: int | None = ..., column: str = ...) -> "Vectors": ...

    def embed(
        self, texts: Texts | Indexed, pool: str = "last", layer: int | None = None, column: str = COLUMN
    ) -> "Iterator[Vectors] | pandas.DataFrame | Vectors":
        """A vector for every text that has a word: the LSTM's output, float32 [texts, projection].

        A Series or DataFrame gets a DataFrame with its index, a generator an iterator of vectors.

        Args:
          column: of the texts in a DataFrame.
          pool: `last`, after the last word, or the `mean` over the words.
          layer: of the LSTM, from 0; without it the top one.
        """
        if pool not in POOLS:
            raise UsageError(f"pool must be one of {', '.join(POOLS)}, not {pool!r}")
        sentences = with_words(self._sentences(texts, Layout(column)))
        embedded = embed_sentences(self.model, sentences, layer, self.scoring.rows)
        if is_streamed(texts):
            return (one.pooled(pool) for one in embedded)
        vectors, numbers = stacked(self.model, embedded, pool)
        return indexed(vectors, texts, [number - 1 for number in numbers])

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
        written = [list[str]() for _ in range(wanted.samples)]
        for event in generate_from(self.model, context, wanted):
            if isinstance(event, Word):
                written[event.sample].append(event.text)
        before = self._split(prefix)
        return Samples(prefix.rstrip() + continuation(before, words) for words in written)

    def _read(self, text: str) -> Context:
        return read(self.model, list(map(as_input(self.model, self.scoring), self._split(text))))

    def _sentences(
        self, texts: Texts | Indexed, layout: Layout, prefixes: Iterable[str] | None = None
    ) -> Iterator[Sentence]:
        records = records_of(texts, layout.column, prefixes)
        return sentences_of(records, replace(layout, split=self._split, prefix=None if prefixes is None else PREFIX))
