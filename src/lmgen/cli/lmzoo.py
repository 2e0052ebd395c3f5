"""`lmgen tokenize`, `unkify`, `predictions` and `spec`: what lm-zoo asks of a model besides surprisals."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from lmgen.checkpoint import ModelFiles
from lmgen.cli import scoring_options as shared
from lmgen.cli.input_options import INPUT
from lmgen.cli.model_options import MODEL_NAME
from lmgen.cli.options import OUTPUT, SPLITTING
from lmgen.cli.spread import WORKERS, Spread
from lmgen.errors import UsageError
from lmgen.scoring import Predictions, predicted, specification, write_predictions, zoo_tokens
from lmgen.store import find
from lmgen.text import Vocabulary, check_output, clean, open_output, whole_file
from lmgen.workers import Predict

SHARD = 64 << 20
"""Bytes of distributions that a worker makes at once, about."""


@dataclass(frozen=True, kw_only=True)
class _Tokens(shared.Source):
    model: str
    output: str


@dataclass(frozen=True, kw_only=True)
class _Predictions(shared.Reading, shared.Source):
    prefix: str
    output: Path
    spread: Spread

    def alone(self, files: ModelFiles, _words: int) -> Iterator[Predictions]:
        """Sentences and their distributions, by this process."""
        model, wanted = self.model.open(files), self.scoring(self.prefix)
        for sentence in self.watch(str(self.output))(self.sentences()):
            yield sentence, predicted(model, sentence, wanted)

    def shared_out(self, files: ModelFiles, words: int) -> Iterator[Predictions]:
        """The same by several; a shard's distributions are to fit into memory."""
        task = self.spread.task(Predict(self.scoring(self.prefix)), self.model, files)
        largest, watch = max(1, SHARD // (4 * words)), self.watch(str(self.output))
        for shard, found in self.spread.each(task, self.sentences(), watch, largest=largest):
            yield from zip(shard.sentences, found, strict=True)


@click.command("tokenize")
@shared.FILES
@shared.TEXT
@click.option("--plain", is_flag=True, help="Words alone: without special tokens, unknown words as they are.")
@OUTPUT
@shared.TABLE_COLUMN
@INPUT
@SPLITTING
@MODEL_NAME
def tokenize_command(plain: bool, **options) -> None:
    """Split the sentences of FILE into tokens, a sentence a line, between <S> and </S>, unknown words as <UNK>.

    Lines without a word are passed over. It needs no more of a model than its vocabulary.

    \b
    Examples:
      lmgen tokenize --text "Don't panic, Zaphod."
      lmgen tokenize raw.txt --plain > words.txt
    """
    _write_lines(_Tokens(**options), lambda words, known: words if plain else zoo_tokens(words, known))


@click.command()
@shared.FILES
@shared.TEXT
@OUTPUT
@shared.TABLE_COLUMN
@INPUT
@SPLITTING
@MODEL_NAME
def unkify(**options) -> None:
    """Write 1 for each token of FILE that is outside the vocabulary and 0 for others, as many as `tokenize` writes.

    \b
    Examples:
      lmgen unkify --text "Don't panic, Zaphod."
      lmgen unkify raw.txt -o unknown.txt
    """
    _write_lines(_Tokens(**options), lambda words, known: ["0", *("01"[word not in known] for word in words), "0"])


def _write_lines(asked: _Tokens, line: Callable) -> None:
    sentences = asked.sentences()
    vocabulary = Vocabulary.load(find(asked.model).vocabulary)
    with open_output(asked.output) as out:
        for sentence in sentences:
            out.write(clean(" ".join(line(sentence.words, vocabulary))) + "\n")


@click.command()
@shared.FILES
@shared.TEXT
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="HDF5 file to write.")
@shared.PREFIX
@shared.TABLE_COLUMN
@INPUT
@WORKERS
@shared.READING
def predictions(**options) -> None:
    """Write the distribution over all words at every token of FILE, in HDF5 as lm-zoo does.

    /sentence/I/predictions [tokens, words] holds natural logarithms, with a uniform row for <S>;
    /sentence/I/tokens the ids, I from 0; /vocabulary the words. A token takes 4 bytes per word before
    compression: 3.2 MB with 800,000 words.

    \b
    Examples:
      lmgen predictions sentences.txt -o predictions.hdf5
      lmgen predictions --text "I love you." -o love.hdf5
    """
    asked = _Predictions(**options)
    if check_output(str(asked.output)) == "-":
        raise UsageError("HDF5 cannot be written to stdout: give -o a file's name")
    files = asked.model.find()
    vocabulary = Vocabulary.load(files.vocabulary)
    found = (asked.shared_out if asked.spread.several else asked.alone)(files, len(vocabulary))
    with whole_file(asked.output, keep=True) as partial:
        count = write_predictions(found, vocabulary, partial)
    click.echo(f"{asked.output}: {count:,} tokens of {len(vocabulary):,} words", err=True)


@click.command()
@MODEL_NAME
def spec(model: str) -> None:
    """Print lm-zoo's specification of a model, in JSON: vocabulary, tokeniser, features.

    \b
    Examples:
      lmgen spec | jq .tokenizer
      lmgen spec -m models/news
    """
    files = find(model)
    click.echo(json.dumps(specification(files, Vocabulary.load(files.vocabulary)), ensure_ascii=False))
