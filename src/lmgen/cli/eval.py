"""`lmgen eval`: the perplexity of a text."""

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import tee
from pathlib import Path
from typing import IO, Any

import click

from lmgen.checkpoint import ModelFiles
from lmgen.cli import scoring_options as shared
from lmgen.cli.eval_facts import Found, calibration_facts, difference, draw, facts_of, told
from lmgen.cli.input_options import INPUT
from lmgen.cli.model_options import ModelChoice
from lmgen.cli.options import OUTPUT, complete_file, complete_local
from lmgen.cli.parts import stream_parts
from lmgen.cli.spread import WORKERS, Spread
from lmgen.errors import UsageError
from lmgen.model import LanguageModel
from lmgen.scoring import (
    SENTENCE_COLUMNS,
    Calibration,
    Comparison,
    NoRows,
    Scored,
    Scoring,
    Sentence,
    SentenceWriter,
    score_sentences,
)
from lmgen.text import KINDS, Vocabulary, check_output, open_output, write_rows
from lmgen.workers import ScoreTexts

MEMORY = {
    "sentence": "emptied at each sentence",
    "document": "emptied at blank lines",
    "stream": "never emptied",
}


@dataclass(frozen=True, kw_only=True)
class _Options(shared.ScoredTexts):
    per_sentence: bool
    calibration: bool
    picture: str | None
    against: str | None
    kind: str | None
    output: str
    spread: Spread

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.spread.several and (
            name := "--against" if self.against else "--calibration" if self.calibration else ""
        ):
            raise UsageError(f"{name} is for one process: leave out --workers and --ray")
        if self.per_sentence and self.calibration:
            raise UsageError("--per-sentence and --calibration have rows of their own: give one")
        if self.picture and not self.calibration:
            raise UsageError("--picture draws the bins of --calibration: give that too")
        if self.picture and not self.picture.lower().endswith(".png"):
            raise UsageError(f"{self.picture}: a picture is written as .png: give --picture such a name")
        rows, kind = self.per_sentence or self.calibration, self.written
        if kind in KINDS and not rows:
            raise UsageError(f"--format {kind} does only go with --per-sentence or --calibration")
        if self.per_sentence and kind not in KINDS:
            raise UsageError(f"--format {kind} does not go with --per-sentence")

    @property
    def written(self) -> str:
        """The format of what is written."""
        return self.kind or ("tsv" if self.per_sentence else "text")

    @property
    def measured(self) -> Scoring:
        """How the model scores."""
        return self.scoring(**(Calibration.needs if self.calibration else {}))

    @property
    def other(self) -> ModelChoice | None:
        """The model to compare with, on the same engine."""
        return replace(self.model, name=self.against) if self.against else None


@click.command("eval")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@shared.CONTEXT
@click.option("--per-sentence", is_flag=True, help="Write a row for every sentence; the sum goes to stderr.")
@click.option(
    "--against",
    metavar="MODEL|FOLDER",
    shell_complete=complete_local,
    help="Compare with this model: the difference per word, over the words of both vocabularies and over all.",
)
@click.option(
    "--calibration",
    is_flag=True,
    help="Count in bins of probability how many words should come and how many did, and the expected calibration error.",
)
@click.option(
    "--picture",
    metavar="FILE.png",
    shell_complete=complete_file,
    callback=lambda _context, _parameter, path: path and check_output(path),
    help="Draw the bins of --calibration in a file.",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(("text", "json", *KINDS)),
    help="Output format: of the result (text, json), or of the rows of --per-sentence or --calibration.  "
    "[default: text; tsv with --per-sentence]",
)
@OUTPUT
@shared.TABLE_COLUMN
@INPUT
@WORKERS
@shared.READING
def evaluate(**options) -> None:
    """Measure the perplexity of FILEs (`-`: stdin), a sentence on each line, over all words and sentence ends.

    Perplexities can be compared only over the same words, OOV words and memory: all are printed. The interval
    is that of the mean over sentences.

    \b
    Examples:
      lmgen eval news.txt
      lmgen eval news.en.heldout-00000-of-00050 --no-tokenize
      lmgen eval story.txt --context document --format json
      lmgen eval news.txt --per-sentence > sentences.tsv
      lmgen eval news.txt -m models/news --against mini
      lmgen eval news.txt --calibration --picture bins.png
    """
    asked = _Options(**options)
    files = asked.model.find()
    found = Found(
        comparison=Comparison() if asked.against else None, calibration=Calibration() if asked.calibration else None
    )
    with open_output(asked.output) as out:
        _measure(asked, files, found, out)
        if not found.evaluation.tokens:
            raise UsageError(f"{' '.join(map(str, asked.files))} has no words: there is nothing to measure")
        if found.calibration and asked.picture:  # before the rows, whose reader may go
            draw(found.calibration, asked.picture)
        _write(asked, _facts(asked, files, found), out)


def _measure(asked: _Options, files: ModelFiles, found: Found, out: IO[str]) -> None:
    """Count what was asked for, and write rows of sentences if they were."""
    context = asked.context_of(files)
    sentences = asked.sentences(context, asked.written if asked.per_sentence else "", SENTENCE_COLUMNS)
    job = ScoreTexts(asked.measured, SentenceWriter("2", "sum", asked.written) if asked.per_sentence else NoRows())
    if asked.spread.several:
        asked.check_cut(context)
        task = asked.spread.task(job, asked.model, files)
        for part in stream_parts(asked.spread.each(task, sentences, asked.watch(asked.output)), job, out):
            found.evaluation.add_all(part.sums)
    else:
        model = asked.model.open(files)
        scores = asked.watch(asked.output)(_scores(asked, model, sentences, found))
        job.write(found.evaluation.count(scores), model.vocabulary, out)


def _scores(asked: _Options, model: LanguageModel, sentences: Iterator[Sentence], found: Found) -> Iterable[Scored]:
    """The model's scores, counted; if there is another model, it scores each sentence too."""
    theirs: Iterator[Sentence] = iter(())
    if choice := asked.other:
        sentences, theirs = tee(sentences)
    scores: Iterable[Scored] = score_sentences(model, sentences, asked.measured)
    if found.calibration:
        scores = found.calibration.count(scores)
    if choice and found.comparison:
        other = choice.open(choice.find())
        scores = found.comparison.count(scores, score_sentences(other, theirs, asked.scoring()))
    return scores


def _write(asked: _Options, facts: dict[str, Any], out: IO[str]) -> None:
    """Facts in the format asked for; where rows are written, facts are on stderr."""
    bins = facts["calibration"]["bins"] if asked.calibration else []
    if asked.written == "json":
        out.write(json.dumps(facts, ensure_ascii=False) + "\n")
        return
    click.echo(told(facts), out if asked.written == "text" else sys.stderr)
    if bins:
        write_rows(bins, out, "table" if asked.written == "text" else asked.written)


def _facts(asked: _Options, files: ModelFiles, found: Found) -> dict[str, Any]:
    """All that is said of the text."""
    facts = {"model": asked.model.name, "vocabulary": len(Vocabulary.load(files.vocabulary))}
    facts |= {**facts_of(found.evaluation), "protocol": _protocol(asked, asked.context_of(files))}
    if asked.against and found.comparison:
        facts["against"] = difference(found.comparison, asked.against)
    if found.calibration:
        facts["calibration"] = calibration_facts(found.calibration)
    return facts


def _protocol(asked: _Options, context: str) -> str:
    """What was predicted from what, in words."""
    return "; ".join(
        (
            "every word and sentence end is predicted, the first after <S>",
            f"the memory is {MEMORY[context]}",
            "an OOV word is <UNK> as a target and read "
            + ("by its spelling" if asked.oov_input == "chars" else "as <UNK>"),
            f"softmax rows without a word are {'left out' if asked.renormalize else 'counted in'}",
            *(["special tokens are read by their spelling"] if asked.model.engine.spelled_marks else []),
            "words as they stand" if asked.splitting.tokenized else "text tokenised by Moses' rules",
        )
    )
