"""`lmgen embed` and `lmgen neighbours`: vectors of words and texts, and words near each other."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import click

from lmgen.checkpoint import ModelFiles
from lmgen.cli import scoring_options as shared
from lmgen.cli.input_options import INPUT
from lmgen.cli.model_options import ModelChoice, model_options
from lmgen.cli.options import OUTPUT, SPLITTING, Destination, group
from lmgen.cli.spread import WORKERS, Spread
from lmgen.embeddings import (
    FORMATS,
    POOLS,
    SPACES,
    Embedded,
    Labelled,
    WordSpace,
    embed_sentences,
    write_vectors,
)
from lmgen.errors import UsageError
from lmgen.model import SPELLED_WORDS, LanguageModel
from lmgen.scoring import ROWS, decimals
from lmgen.text import Row, joined, open_rows, read_lines, write_rows
from lmgen.workers import Embed

OF = ("word", "token", "sentence")
SPACE = click.option(
    "--space",
    type=click.Choice(SPACES),
    default="in",
    show_default=True,
    help="Word vectors: in, what the LSTM reads, for any spelling; out, rows of the softmax.",
)


def _destination(kind: str | None, output: str) -> Destination:
    suffix = FORMATS.get(Path(output.removesuffix(".gz")).suffix.lower(), "jsonl")
    if output == "-" and kind in ("npy", "npz"):
        raise UsageError(f"{kind} cannot be written to stdout: give -o a file's name")
    return Destination(kind or suffix, output)


@dataclass(frozen=True, kw_only=True)
class _Options(shared.Source):
    of: str
    pool: str
    layer: int | None
    space: str
    to: Destination
    rows: int
    model: ModelChoice
    spread: Spread

    def __post_init__(self) -> None:
        if self.of == "word" and self.layer is not None:
            raise UsageError("--layer is for tokens and sentences: a word's vector has none")
        if self.of != "sentence" and self.pool != "last":
            raise UsageError("--pool is for sentences: leave it out with --of word or token")
        if self.of != "word" and self.space != "in":
            raise UsageError("--space is for words: add --of word")
        if self.of == "word" and self.spread.several:
            raise UsageError("--workers and --ray share out sentences: leave them out with --of word")

    def of_words(self, model: LanguageModel) -> Iterator[Labelled]:
        """A vector for each distinct word."""
        sentences, space = self.watch(self.to.output)(self.sentences()), WordSpace(model, self.space)
        words = _distinct(word for sentence in sentences for word in sentence.words)
        while some := list(islice(words, SPELLED_WORDS)):
            for word, vector in zip(some, space.vectors(some), strict=True):
                yield Labelled({"word": word}, vector)

    def embedded(self, files: ModelFiles) -> Iterator[Embedded]:
        """Each sentence with its vectors."""
        sentences, watch = self.sentences(), self.watch(self.to.output)
        if not self.spread.several:
            yield from embed_sentences(self.model.open(files), watch(sentences), self.layer, self.rows)
            return
        task = self.spread.task(Embed(self.layer, self.rows), self.model, files)
        for _, found in self.spread.each(task, sentences, watch):
            yield from found

    def of_texts(self, files: ModelFiles) -> Iterator[Labelled]:
        """A vector for each sentence, or for each of its tokens."""
        for embedded in self.embedded(files):
            sentence = embedded.sentence
            own: Row = {"sentence_id": sentence.number}
            if self.of == "sentence":
                yield Labelled(joined(sentence.extra, {**own, "sentence": sentence.text}), embedded.pooled(self.pool))
            else:
                for place, token in enumerate(embedded.tokens):
                    labels = {**own, "token_id": place, "token": token}
                    yield Labelled(joined(sentence.extra, labels), embedded.vectors[place])


def _distinct(words: Iterable[str]) -> Iterator[str]:
    """Each once, in order."""
    seen = set[str]()
    for word in words:
        if word not in seen:
            seen.add(word)
            yield word


@click.command("embed")
@shared.FILES
@shared.TEXT
@click.option("--of", type=click.Choice(OF), default="sentence", show_default=True, help="What each vector stands for.")
@click.option(
    "--pool",
    type=click.Choice(POOLS),
    default="last",
    show_default=True,
    help="Vector of a sentence: the LSTM's output after its last word, or the mean over its words.",
)
@click.option("--layer", type=click.IntRange(0), help="LSTM layer, from 0.  [default: the top one]")
@SPACE
@group(
    "to",
    _destination,
    click.option(
        "--format",
        "kind",
        type=click.Choice(tuple(dict.fromkeys(FORMATS.values()))),
        help="Output format.  [default: by the suffix of -o, else jsonl]",
    ),
    OUTPUT,
)
@shared.TABLE_COLUMN
@INPUT
@SPLITTING
@click.option("--rows", type=click.IntRange(1), default=ROWS, show_default=True, help="Number of texts read at once.")
@WORKERS
@model_options("float32")
def embed_command(**options) -> None:
    """Write vectors of the sentences of FILE, of their tokens, or of the distinct words in them.

    A sentence or token has the output of an LSTM layer; a token's is that after it was read, <S> first. Formats:
    .npy (numbers alone), .npz (with labels), .jsonl, .tsv, and word2vec's text form (.txt, .vec) for words.

    \b
    Examples:
      lmgen embed sentences.txt -o sentences.npz
      lmgen embed items.csv --column sentence --of token --layer 0 -o tokens.jsonl
      lmgen embed words.txt --of word --space out -o words.vec
    """
    asked = _Options(**options)
    files = asked.model.find()
    found = asked.of_words(asked.model.open(files)) if asked.of == "word" else asked.of_texts(files)
    write_vectors(found, asked.to.output, asked.to.kind)


@dataclass(frozen=True, kw_only=True)
class _Nearness:
    words: tuple[str, ...]
    plus: tuple[str, ...]
    minus: tuple[str, ...]
    pairs: Path | None
    count: int
    space: str
    to: Destination
    model: ModelChoice

    def __post_init__(self) -> None:
        if bool(self.words) == bool(self.pairs):
            raise UsageError("give one WORD or more, or --pairs with a file, and not both")

    def near(self, space: WordSpace) -> Iterator[Row]:
        """A row for each word near one of `words`."""
        for word in self.words:
            for found in space.neighbours([word, *self.plus], self.minus, self.count):
                similarity = decimals(found.similarity)
                yield {"word": word, "rank": found.rank, "neighbour": found.word, "similarity": similarity}


@click.command("neighbours")
@click.argument("words", nargs=-1, metavar="[WORD]...")
@click.option("--plus", multiple=True, metavar="WORD", help="Add this word's vector to each WORD's.")
@click.option("--minus", multiple=True, metavar="WORD", help="Subtract this word's vector from each WORD's.")
@click.option(
    "--pairs",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Instead, the similarity of the two words in each line of FILE.",
)
@click.option("-k", "count", type=click.IntRange(1), default=10, show_default=True, help="Number of words to print.")
@SPACE
@shared.table_to()
@model_options("fast")
def neighbours(**options) -> None:
    """List the words nearest to each WORD: rank, word, and the cosine of the angle between the vectors.

    All words of the vocabulary are compared. The first call with --space in computes all their vectors and keeps
    them in the cache; with a large model that takes minutes.

    \b
    Examples:
      lmgen neighbours Paris walked
      lmgen neighbours king --minus man --plus woman --space out
      lmgen neighbours --pairs pairs.txt --format csv
    """
    asked = _Nearness(**options)
    given = _pairs(asked.pairs) if asked.pairs else []
    space = WordSpace(asked.model.open(asked.model.find()), asked.space)
    rows = _pair_rows(space, given) if asked.pairs else asked.near(space)
    with open_rows(asked.to.output) as out:
        write_rows(rows, out, asked.to.kind)


def _pair_rows(space: WordSpace, pairs: list[tuple[str, str]]) -> Iterator[Row]:
    for begin in range(0, len(pairs), ROWS):
        some = pairs[begin : begin + ROWS]
        for (first, second), similarity in zip(some, space.similarities(some), strict=True):
            yield {"word": first, "other": second, "similarity": decimals(similarity)}


def _pairs(path: Path) -> list[tuple[str, str]]:
    found = []
    for number, line in enumerate(read_lines(path), 1):
        words = line.split()
        if words and len(words) != 2:
            raise UsageError(f"{path}, line {number}: a pair is two words with a space between, not {line!r}")
        found += [(words[0], words[1])] if words else []
    return found
