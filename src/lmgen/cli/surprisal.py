"""`lmgen surprisal`: how unexpected every word is."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import click

from lmgen.cli import scoring_options as shared
from lmgen.cli.board_options import BOARD, BoardChoice, open_board, tell_board
from lmgen.cli.input_options import INPUT
from lmgen.cli.options import Destination
from lmgen.errors import UsageError
from lmgen.model import LanguageModel
from lmgen.scoring import (
    BY,
    COLUMNS,
    UNITS,
    Evaluation,
    Scored,
    Scoring,
    part_rows,
    score_sentences,
    token_rows,
    write_kenlm,
    write_srilm,
    write_zoo,
)
from lmgen.text import Row, Vocabulary, open_rows, write_rows

if TYPE_CHECKING:
    from lmgen.board import Board

OTHERS = ("lm-zoo", "kenlm", "srilm")


@dataclass(frozen=True, kw_only=True)
class _Options(shared.ScoredTexts):
    base: str
    by: str | None
    punctuation: str
    columns: str | None
    to: Destination
    stats: bool
    board: BoardChoice

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.to.kind in OTHERS and (self.by or self.no_end):
            name = "--by" if self.by else "--no-end"
            raise UsageError(f"--format {self.to.kind} has a row for every token and end: leave out {name}")
        if self.punctuation == "own" and self.rows_by != "word":
            raise UsageError("--punctuation is for words: add --by word")
        if self.no_end and self.board.given is not None:
            raise UsageError("--board shows whole sentences: leave out --no-end")

    @property
    def rows_by(self) -> str:
        """What a row is."""
        return self.by or ("word" if self.to.kind == "table" and not self.columns else "token")

    @property
    def chosen_columns(self) -> list[str]:
        """Those that were asked for, or all. Raises UsageError for one that there is not."""
        known = BY.get(self.rows_by, COLUMNS)
        columns = [name.strip() for name in self.columns.split(",")] if self.columns else list(known)
        for name in columns:
            if name not in known:
                raise UsageError(f"there is no column {name!r}: choose from {','.join(known)}")
        return columns


@click.command(short_help="Print the surprisal of every word.")
@shared.FILES
@shared.TEXT
@shared.BASE
@click.option(
    "--by",
    type=click.Choice(("token", *BY)),
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
    help="Write only these columns; without rank and entropy it is faster.  [default: all]",
)
@shared.table_to(*OTHERS)
@shared.PREFIX
@shared.CONTEXT
@shared.END
@shared.TABLE_COLUMN
@shared.LAYOUT
@INPUT
@click.option("--stats", is_flag=True, help="Print base, counts and perplexity, on stderr.")
@BOARD
@shared.READING
def surprisal(**options) -> None:
    """Print the surprisal of every word of FILE: one row per word, the first and `</S>` included.

    FILE is text with a sentence on each line (`-`: stdin), or a .csv, .tsv or .jsonl with a column `text`,
    whose other columns are passed through; of several FILEs each row names its own. surprisal and entropy are
    in bits (see --base), logprob is the natural logarithm. The score of a word outside the vocabulary (oov) is
    that of <UNK>.

    \b
    Examples:
      lmgen surprisal --text "The horse raced past the barn fell."
      lmgen surprisal items.csv --column sentence --by word -o surprisals.csv
      lmgen surprisal news.txt --no-tokenize --format lm-zoo
      lmgen surprisal story.txt --context document --columns token,surprisal
      lmgen surprisal --text "The old man the boats." --board
    """
    asked = _Options(**options)
    files, kind, columns = asked.model.find(), asked.to.kind, asked.chosen_columns
    needed = () if kind in OTHERS else columns
    wanted = asked.scoring(asked.prefix, "rank" in needed, "entropy" in needed, not asked.no_end)
    bars = asked.by == "region" and not asked.layout.sentence
    sentences = asked.sentences(asked.context_of(files), kind, needed, bars)
    with asked.board.writer(files) as writer:
        model, evaluation = asked.model.open(files), Evaluation()
        board = asked.board.open(writer, model, many=True)
        try:
            with open_rows(asked.to.output) as out:
                scores = asked.watched(score_sentences(model, sentences, wanted), asked.to.output)
                scores = evaluation.count(scores)
                if board:
                    scores = _record(board, model, wanted, scores)
                if kind in OTHERS:
                    _write_other(kind, scores, model.vocabulary, " ".join(map(str, asked.files)) or "-", out)
                else:
                    write_rows(_rows(scores, asked, columns), out, kind, columns)
        finally:
            tell_board(board)
            if asked.stats:
                _tell(evaluation, asked.base)
    open_board(asked.board)


def _record(board: "Board", model: LanguageModel, wanted: Scoring, scores: Iterable[Scored]) -> Iterator[Scored]:
    from lmgen.board import record_scored

    return record_scored(board, model, wanted, scores)


def _rows(scores: Iterable[Scored], asked: _Options, columns: Sequence[str]) -> Iterator[Row]:
    if asked.rows_by == "token":
        return token_rows(scores, asked.base, columns)
    return part_rows(scores, asked.base, asked.rows_by, columns, asked.punctuation == "own")


def _write_other(kind: str, scores: Iterable[Scored], vocabulary: Vocabulary, name: str, out: IO[str]) -> None:
    """Write what another program would of a file of this name."""
    if kind == "lm-zoo":
        write_zoo(scores, vocabulary, out)
    elif kind == "kenlm":
        write_kenlm(scores, vocabulary, out)
    else:
        write_srilm(scores, name, out)


def _tell(evaluation: Evaluation, base: str) -> None:
    click.echo(f"base\t{base} ({UNITS[base]})", err=True)
    for name in ("sentences", "tokens", "oov"):
        click.echo(f"{name}\t{getattr(evaluation, name)}", err=True)
    if evaluation.tokens:
        click.echo(f"perplexity\t{evaluation.perplexity:.2f}", err=True)
