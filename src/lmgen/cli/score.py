"""`lmgen score`: sentences as wholes."""

from dataclasses import dataclass

import click

from lmgen.cli import scoring_options as shared
from lmgen.cli.input_options import INPUT
from lmgen.cli.options import Destination
from lmgen.scoring import SENTENCE_COLUMNS, score_sentences, sentence_rows
from lmgen.text import open_rows, write_rows


@dataclass(frozen=True, kw_only=True)
class _Score(shared.ScoredTexts):
    reduce: str
    base: str
    to: Destination


@click.command("score")
@shared.FILES
@shared.TEXT
@shared.REDUCE
@shared.BASE
@shared.table_to()
@shared.PREFIX
@shared.CONTEXT
@shared.END
@shared.TABLE_COLUMN
@shared.LAYOUT
@INPUT
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
    wanted, model = asked.scoring(asked.prefix, end=not asked.no_end), asked.model.open(files)
    with open_rows(asked.to.output) as out:
        scores = asked.watched(score_sentences(model, sentences, wanted), asked.to.output)
        write_rows(sentence_rows(scores, asked.base, asked.reduce), out, kind, SENTENCE_COLUMNS)
