"""`lmgen score` and `lmgen choose`: sentences as wholes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from lmgen.cli import scoring_options as shared
from lmgen.cli.input_options import INPUT, check_no_file, for_rows, tell_faults, tell_names
from lmgen.cli.options import Destination
from lmgen.cli.progress import with_progress
from lmgen.errors import UsageError
from lmgen.scoring import (
    BLIMP,
    CHOICE_COLUMNS,
    SENTENCE_COLUMNS,
    Chosen,
    Item,
    choice_rows,
    choose_sentences,
    read_items,
    score_sentences,
    sentence_rows,
)
from lmgen.text import InputFormat, open_output, write_rows


@dataclass(frozen=True, kw_only=True)
class _Score(shared.ScoredTexts):
    reduce: str
    base: str
    to: Destination


@click.command("score", short_help="Score whole sentences.")
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
    with open_output(asked.to.output) as out:
        scores = asked.watched(score_sentences(model, sentences, wanted), asked.to.output)
        write_rows(sentence_rows(scores, asked.base, asked.reduce), out, kind, SENTENCE_COLUMNS)


@dataclass(frozen=True, kw_only=True)
class _Choose(shared.Reading):
    given: tuple[str, ...]
    file: Path | None
    candidates: str
    answer: str | None
    form: InputFormat
    reduce: str
    base: str
    to: Destination
    prefix: str


@click.command(short_help="Choose the more likely sentence.")
@click.argument("given", nargs=-1, metavar="[SENTENCE]...")
@click.option(
    "-f", "--file", type=click.Path(path_type=Path), help="Choose in every row of a .jsonl, .csv or .tsv instead."
)
@click.option(
    "--candidates",
    default=",".join(BLIMP),
    show_default=True,
    metavar="A,B,…",
    help="Columns of the sentences to choose from; the first is right.",
)
@click.option(
    "--answer",
    metavar="COLUMN",
    help="Column of the right answer: the name of its column, its number from 1, or its text.",
)
@INPUT
@shared.REDUCE
@shared.BASE
@shared.table_to()
@shared.PREFIX
@shared.READING
def choose(**options) -> None:
    """Choose the most likely of SENTENCEs, or in every item of a --file: minimal pairs and multiple choice.

    A row per item: the best and its number, log_ratio (its score above the second's, in units of --base), the
    first token in which those two part, and whether the best is right. BLiMP's files can be used as they are.
    Accuracy is printed on stderr.

    \b
    Examples:
      lmgen choose "The keys are here." "The keys is here."
      lmgen choose -f anaphor_number_agreement.jsonl
      lmgen choose -f questions.csv --candidates a,b,c,d --answer correct
    """
    asked = _Choose(**options)
    if bool(asked.given) == bool(asked.file) or len(asked.given) == 1:
        raise UsageError("give two SENTENCEs or more, or a --file with items")
    wanted, items = asked.scoring(asked.prefix), _items(asked)
    counted: list[bool] = []
    model = asked.model.open(asked.model.find())
    with open_output(asked.to.output) as out:
        files = [asked.file] if asked.file else []
        made = choose_sentences(model, items, wanted, asked.reduce)
        chosen = _counted(with_progress(made, files, asked.form.encoding, asked.to.output, "items"), counted)
        write_rows(choice_rows(chosen, asked.base), out, asked.to.kind, CHOICE_COLUMNS)
    if counted:
        click.echo(f"accuracy {sum(counted) / len(counted):.4f} ({sum(counted):,} of {len(counted):,})", err=True)


def _items(asked: _Choose) -> Iterable[Item]:
    split = asked.splitting.words
    if not asked.file:
        check_no_file(asked.form)
        return [Item(list(map(split, asked.given)))]
    candidates = asked.candidates.split(",")
    if len(set(candidates)) < 2:
        raise UsageError("--candidates takes two columns or more, with commas")
    form = for_rows(asked.form, [asked.file], asked.to.kind, CHOICE_COLUMNS)
    items = tell_faults(read_items(asked.file, candidates, asked.answer, split, form), form.faults)
    return tell_names(items, CHOICE_COLUMNS)


def _counted(chosen: Iterable[Chosen], counted: list[bool]) -> Iterator[Chosen]:
    for one in chosen:
        if one.correct is not None:
            counted.append(one.correct)
        yield one
