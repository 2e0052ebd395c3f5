"""`lmgen surprisal`: how unexpected every word is."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import click

from lmgen.cli import scoring_options as shared
from lmgen.cli.board_options import BOARD, BoardChoice, tell_board
from lmgen.cli.input_options import INPUT
from lmgen.cli.options import Destination
from lmgen.errors import UsageError
from lmgen.model import LanguageModel
from lmgen.scoring import (
    COLUMNS,
    UNITS,
    Evaluation,
    Scored,
    Scoring,
    score_sentences,
    token_rows,
    write_kenlm,
    write_srilm,
    write_zoo,
)
from lmgen.text import Vocabulary, open_output, write_rows

if TYPE_CHECKING:
    from lmgen.board import Board

OTHERS = ("lm-zoo", "kenlm", "srilm")


@dataclass(frozen=True, kw_only=True)
class _Options(shared.ScoredTexts):
    base: str
    columns: str
    to: Destination
    stats: bool
    board: BoardChoice


@click.command(short_help="Tell how unexpected every word is.")
@shared.FILE
@shared.TEXT
@shared.BASE
@click.option(
    "--columns",
    default=",".join(COLUMNS),
    show_default=True,
    metavar="A,B,…",
    help="Write only these; without rank and entropy it is faster.",
)
@shared.table_to(*OTHERS)
@shared.PREFIX
@shared.CONTEXT
@shared.TABLE_COLUMN
@INPUT
@click.option("--stats", is_flag=True, help="Print base, counts and perplexity, on stderr.")
@BOARD
@shared.READING
def surprisal(**options) -> None:
    """Tell how unexpected every word of FILE is: one row per word, the first and `</S>` included.

    FILE is text with a sentence on each line (`-`: stdin), or a .csv, .tsv or .jsonl with a column `text`,
    whose other columns are passed through. surprisal and entropy are in bits (see --base), logprob is the
    natural logarithm. The score of a word outside the vocabulary (oov) is that of <UNK>.

    \b
    Examples:
      lmgen surprisal --text "The horse raced past the barn fell."
      lmgen surprisal items.csv --column sentence --format csv -o surprisals.csv
      lmgen surprisal news.txt --no-tokenize --format lm-zoo
      lmgen surprisal story.txt --context document --columns token,surprisal
      lmgen surprisal --text "The old man the boats." --board
    """
    asked = _Options(**options)
    files, kind, columns = asked.model.find(), asked.to.kind, _columns(asked.columns)
    needed = () if kind in OTHERS else columns
    wanted = asked.scoring(asked.prefix, "rank" in needed, "entropy" in needed)
    sentences = asked.sentences(asked.context_of(files), kind, needed)
    with asked.board.writer(files) as writer:
        model, evaluation = asked.model.open(files), Evaluation()
        board = asked.board.open(writer, model, many=True)
        try:
            with open_output(asked.to.output) as out:
                scores = evaluation.count(score_sentences(model, sentences, wanted))
                if board:
                    scores = _record(board, model, wanted, scores)
                if kind in OTHERS:
                    _write_other(kind, scores, model.vocabulary, str(asked.file or "-"), out)
                else:
                    write_rows(token_rows(scores, asked.base, columns), out, kind, columns)
        finally:
            tell_board(board)
            if asked.stats:
                _tell(evaluation, asked.base)


def _record(board: "Board", model: LanguageModel, wanted: Scoring, scores: Iterable[Scored]) -> Iterator[Scored]:
    from lmgen.board import record_scored

    return record_scored(board, model, wanted, scores)


def _columns(text: str) -> list[str]:
    columns = [name.strip() for name in text.split(",")]
    for name in columns:
        if name not in COLUMNS:
            raise UsageError(f"there is no column {name!r}: choose from {','.join(COLUMNS)}")
    return columns


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
