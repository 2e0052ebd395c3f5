"""`lmgen score`: sentences as wholes."""

from dataclasses import dataclass

import click

from lmgen.cli import scoring_options as shared
from lmgen.cli.input_options import INPUT
from lmgen.cli.parts import Written
from lmgen.cli.spread import WORKERS_AND_RUNS
from lmgen.scoring import SENTENCE_COLUMNS, Evaluation, SentenceWriter
from lmgen.workers import ScoreTexts


@dataclass(frozen=True, kw_only=True)
class _Score(Written):
    reduce: str
    base: str


@click.command("score")
@shared.FILES
@shared.TEXT
@shared.REDUCE
@shared.BASE
@shared.table_to(folder=True)
@shared.PREFIX
@shared.CONTEXT
@shared.END
@shared.TABLE_COLUMN
@shared.LAYOUT
@INPUT
@WORKERS_AND_RUNS
@shared.READING
def score_command(**options) -> None:
    """Score each sentence of FILE: a row with its tokens, OOV words, surprisal and logprob.

    FILE is as for `lmgen surprisal`. logprob is the natural logarithm of the probability of all words and the
    end, or with --reduce mean its mean.

    \b
    Examples:
      lmgen score --text "The cat sat on the mat."
      lmgen score sentences.txt --reduce mean --format csv
      lmgen score answers.csv --column answer --prefix "It was late."
    """
    asked = _Score(**options)
    files, kind = asked.model.find(), asked.to.kind
    sentences = asked.sentences(asked.context_of(files), kind, SENTENCE_COLUMNS)
    job = ScoreTexts(asked.scoring(asked.prefix, end=not asked.no_end), SentenceWriter(asked.base, asked.reduce, kind))
    asked.write(files, job, sentences, Evaluation())
