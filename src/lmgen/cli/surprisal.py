"""`lmgen surprisal`: how unexpected every word is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from lmgen.checkpoint import ModelFiles
from lmgen.cli import scoring_options as shared
from lmgen.cli.board_options import BOARD, BoardChoice, open_board, tell_board
from lmgen.cli.input_options import INPUT
from lmgen.cli.parts import Written
from lmgen.cli.spread import WORKERS_AND_RUNS
from lmgen.errors import UsageError
from lmgen.model import LanguageModel
from lmgen.scoring import (
    ALL,
    COLUMNS,
    OTHERS,
    UNITS,
    Evaluation,
    OtherWriter,
    Rows,
    RowWriter,
    Scored,
    Scoring,
    Sentence,
    score_sentences,
)
from lmgen.text import open_rows
from lmgen.workers import ScoreTexts

if TYPE_CHECKING:
    from lmgen.board import Board


@dataclass(frozen=True, kw_only=True)
class _Options(Written):
    base: str
    by: str | None
    punctuation: str
    columns: str | None
    lag: int
    top: int
    stats: bool
    board: BoardChoice

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.to.kind in OTHERS and (self.by or self.no_end):
            name = "--by" if self.by else "--no-end"
            raise UsageError(f"--format {self.to.kind} has a row for every token and end: leave out {name}")
        if self.to.kind in OTHERS and (self.lag or self.top):
            raise UsageError(
                f"--format {self.to.kind} has columns of its own: leave out {'--lag' if self.lag else '--top'}"
            )
        if self.punctuation == "own" and self.made.by != "word":
            raise UsageError("--punctuation is for words: add --by word")
        if self.no_end and self.board.given is not None:
            raise UsageError("--board shows whole sentences: leave out --no-end")
        if self.board.given is not None and self.in_parts:
            raise UsageError("--board is written by this process alone: leave out --workers, --ray and --resume")
        if self.stats and self.spread.resume:
            raise UsageError("--stats counts what one run scores: leave it out, or --resume")

    @property
    def job(self) -> ScoreTexts:
        """How texts are scored and written."""
        if self.to.kind in OTHERS:
            write: OtherWriter | RowWriter = OtherWriter(self.to.kind, " ".join(map(str, self.files)) or "-")
            return ScoreTexts(self.scoring(self.prefix), write)
        scoring = self.scoring(self.prefix, end=not self.no_end, **self.made.needs())
        return ScoreTexts(scoring, RowWriter(self.made, self.to.kind))

    @property
    def made(self) -> Rows:
        """What rows hold. Raises UsageError for a column that there is not."""
        columns = [name.strip() for name in (self.columns or "").split(",") if name.strip()]
        short = self.to.kind == "table" and not columns
        by = self.by or ("word" if short else "token")
        return Rows(self.base, by, columns, self.punctuation == "own", self.lag, self.top)


@click.command()
@shared.FILES
@shared.TEXT
@shared.BASE
@click.option(
    "--by",
    type=click.Choice(tuple(COLUMNS)),
    help="What a row is: a token, a word as it stands in FILE, or a region; | stands between regions.  "
    "[default: word in a table, else token]",
)
@click.option(
    "--punctuation",
    type=click.Choice(("word", "own")),
    default="word",
    show_default=True,
    help="With --by word: count punctuation to the word that it is written with, or give it rows of its own.",
)
@click.option(
    "--columns",
    metavar="A,B,…",
    help=f"Write only these columns, or `{ALL}`; without rank and entropies it is faster.  [default: those of the row]",
)
@click.option(
    "--lag",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Add the surprisals of the N rows before, of the same sentence: surprisal_lag1, …",
)
@click.option(
    "--top",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Add the N most likely words in place of each, and their probabilities: top1, top1_prob, …",
)
@shared.table_to(*OTHERS, folder=True)
@shared.PREFIX
@shared.CONTEXT
@shared.END
@shared.TABLE_COLUMN
@shared.LAYOUT
@INPUT
@click.option("--stats", is_flag=True, help="Print base, counts and perplexity, on stderr.")
@BOARD
@WORKERS_AND_RUNS
@shared.READING
def surprisal(**options) -> None:
    """Print the surprisal of every word of FILE: one row per word, the first and `</S>` included.

    FILE is text with a sentence on each line (`-`: stdin), or a .csv, .tsv or .jsonl with a column `text`,
    whose other columns are passed through; of several FILEs each row names its own. surprisal and entropies are
    in bits (see --base), logprob is the natural logarithm. The score of a word outside the vocabulary (oov) is
    that of <UNK>. More columns: entropy_after, entropy_reduction; of words and regions also prob, rank, entropy.

    \b
    Examples:
      lmgen surprisal --text "The horse raced past the barn fell."
      lmgen surprisal items.csv --column sentence --by word -o surprisals.csv
      lmgen surprisal items.csv --by word --columns word,surprisal,entropy_reduction --lag 2 --top 3
      lmgen surprisal news.txt --no-tokenize --format lm-zoo
      lmgen surprisal story.txt --context document --columns token,surprisal
      lmgen surprisal --text "The old man the boats." --board
    """
    asked = _Options(**options)
    files, job, evaluation = asked.model.find(), asked.job, Evaluation()
    columns = () if asked.to.kind in OTHERS else asked.made.names
    bars = asked.by == "region" and not asked.layout.sentence
    sentences = asked.sentences(asked.context_of(files), asked.to.kind, columns, bars)
    try:
        if asked.board.given is None:
            asked.write(files, job, sentences, evaluation)
        else:
            _write_with_board(asked, files, sentences, evaluation)
    finally:
        if asked.stats:
            _tell(evaluation, asked.base)
    open_board(asked.board)


def _write_with_board(
    asked: _Options, files: ModelFiles, sentences: Iterable[Sentence], evaluation: Evaluation
) -> None:
    with asked.board.writer(files) as writer:
        model, job = asked.model.open(files), asked.job
        board = asked.board.open(writer, model, many=True)
        try:
            with open_rows(asked.to.output) as out:
                scores = asked.watch(asked.to.output)(score_sentences(model, sentences, job.scoring))
                scores = evaluation.count(scores)
                if board:
                    scores = _record(board, model, job.scoring, scores)
                job.write(scores, model.vocabulary, out)
        finally:
            tell_board(board)


def _record(board: "Board", model: LanguageModel, wanted: Scoring, scores: Iterable[Scored]) -> Iterator[Scored]:
    from lmgen.board import record_scored

    return record_scored(board, model, wanted, scores)


def _tell(evaluation: Evaluation, base: str) -> None:
    click.echo(f"base\t{base} ({UNITS[base]})", err=True)
    for name in ("sentences", "tokens", "oov"):
        click.echo(f"{name}\t{getattr(evaluation, name)}", err=True)
    if evaluation.tokens:
        click.echo(f"perplexity\t{evaluation.perplexity:.2f}", err=True)
