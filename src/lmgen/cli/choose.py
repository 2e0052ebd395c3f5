"""`lmgen choose`: minimal pairs and multiple choice."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import click

from lmgen.cli import scoring_options as shared
from lmgen.cli.input_options import INPUT, check_no_file, for_rows, tell_faults, tell_names
from lmgen.cli.options import Destination, complete_file, group
from lmgen.cli.progress import Watch
from lmgen.errors import UsageError
from lmgen.items import (
    BLIMP,
    CHOICE_COLUMNS,
    SUMMARY_COLUMNS,
    Candidates,
    Chosen,
    Item,
    Tally,
    choice_rows,
    choose_sentences,
    item_files,
    read_items,
)
from lmgen.scoring import FILE_COLUMN
from lmgen.text import (
    KINDS,
    TABLES,
    InputFormat,
    Row,
    check_output,
    kind_of,
    open_rows,
    visible,
    write_rows,
)

BY = (FILE_COLUMN, "UID", "field")
"""Columns by which accuracy is given, where items have them: BLiMP's sets and fields."""


def _candidates(
    candidates: str, choices: str | None, answer: str | None, label: str | None, prefix_column: str | None
) -> Candidates:
    columns = [name.strip() for name in candidates.split(",")]
    return Candidates(columns=columns, choices=choices, answer=answer, label=label, prefix=prefix_column)


CANDIDATES = group(
    "candidates",
    _candidates,
    click.option(
        "--candidates",
        default=",".join(BLIMP),
        show_default=True,
        metavar="A,B,…",
        help="Columns of the sentences to choose from; the first is right.",
    ),
    click.option(
        "--choices", metavar="COLUMN", help="Column of a list of sentences to choose from, instead of --candidates."
    ),
    click.option(
        "--answer",
        metavar="COLUMN",
        help="Column of the right answer: the name of its column or choice, its number from 1, or its text.",
    ),
    click.option("--label", metavar="COLUMN", help="Column of the right answer's place, from 0."),
    click.option(
        "--prefix-column", metavar="COLUMN", help="Column of a text to read before each sentence; it is not scored."
    ),
)
"""Where an item's sentences are: `Candidates`."""


@dataclass(frozen=True, kw_only=True)
class _Options(shared.Reading):
    given: tuple[str, ...]
    file: tuple[Path, ...]
    candidates: Candidates
    form: InputFormat
    by: tuple[str, ...]
    summary: str | None
    reduce: str
    base: str
    to: Destination
    prefix: str

    def __post_init__(self) -> None:
        if self.prefix and self.candidates.prefix:
            raise UsageError("give a --prefix or a --prefix-column, not both")

    @property
    def files(self) -> list[Path]:
        """Those with items: named with -f, or instead of sentences."""
        named = [Path(text) for text in self.given if _is_file(text)]
        if len(named) < len(self.given) and (named or self.file):
            raise UsageError("give SENTENCEs or FILEs, not both")
        return item_files([*self.file, *named])


def _is_file(text: str) -> bool:
    """Whether an argument is a file of items or a folder of them, and no sentence."""
    path = Path(text)
    try:
        return path.is_dir() or (path.is_file() and kind_of(path) in TABLES)
    except OSError:  # it is too long for a file's name
        return False


@click.command()
@click.argument("given", nargs=-1, metavar="[SENTENCE|FILE]...", shell_complete=complete_file)
@click.option(
    "-f", "--file", multiple=True, type=click.Path(path_type=Path), help="A FILE of any name; - is stdin. Repeatable."
)
@CANDIDATES
@click.option("--by", multiple=True, metavar="COLUMN", help="Print the accuracy by this column too. Repeatable.")
@click.option(
    "--summary",
    metavar="FILE",
    shell_complete=complete_file,
    callback=lambda _context, _parameter, path: path and check_output(path),
    help="Write the accuracies to a file, in the format of its suffix.",
)
@INPUT
@shared.REDUCE
@shared.BASE
@shared.table_to()
@shared.PREFIX
@shared.READING
def choose(**options) -> None:
    """Choose the most likely of SENTENCEs, or in every item of FILEs: minimal pairs and multiple choice.

    A FILE is a .jsonl, .csv or .tsv, or a folder of them; BLiMP's can be used as they are. A row per item: the
    number of the best sentence, scores (the logarithm of each sentence's probability, in units of --base),
    log_ratio (the best score minus the second), the first token in which those two part, and whether the best is
    right. Accuracies with their 95 % intervals are printed on stderr, by file, BLiMP's UID and field too.

    \b
    Examples:
      lmgen choose "The keys are here." "The keys is here."
      lmgen choose blimp/ -o choices.tsv --summary accuracy.tsv
      lmgen choose hellaswag.jsonl --choices endings --label label --prefix-column ctx
      lmgen choose questions.csv --candidates a,b,c,d --answer correct --by topic
    """
    asked = _Options(**options)
    files = asked.files
    if not files and len(asked.given) < 2:
        raise UsageError("give two SENTENCEs or more, or a FILE with items")
    wanted, tally = asked.scoring(asked.prefix), Tally((*BY, *(name for name in asked.by if name not in BY)))
    items, model = _items(asked, files), asked.model.open(asked.model.find())
    with open_rows(asked.to.output) as out:
        chosen = choose_sentences(model, items, wanted, asked.reduce)
        chosen = Watch(files, asked.form.encoding, asked.to.output)(chosen, "items")
        chosen = _counted(chosen, tally, asked.by)
        write_rows(choice_rows(chosen, asked.base), out, asked.to.kind, CHOICE_COLUMNS)
    _report(tally, asked.summary)


def _items(asked: _Options, files: list[Path]) -> Iterable[Item]:
    candidates = replace(asked.candidates, split=asked.splitting.words)
    if not files:
        check_no_file(asked.form)
        return [Item(list(map(asked.splitting.words, asked.given)))]
    form = for_rows(asked.form, files, asked.to.kind, CHOICE_COLUMNS)
    return tell_names(tell_faults(read_items(files, candidates, form), form.faults), CHOICE_COLUMNS)


def _counted(chosen: Iterable[Chosen], tally: Tally, by: tuple[str, ...]) -> Iterator[Chosen]:
    for one in chosen:
        columns = one.item.extra
        if missing := [name for name in by if name not in columns]:
            raise UsageError(f"--by: items have no column {missing[0]!r}, only {', '.join(columns) or 'none'}")
        if one.correct is not None:
            tally.add(one.correct, columns)
        yield one


def _report(tally: Tally, summary: str | None) -> None:
    """Accuracies on stderr, for people, and in a file."""
    if summary:
        kind = kind_of(Path(summary))
        with open_rows(summary) as out:
            kind = "jsonl" if kind == "parquet" else kind if kind in KINDS else "tsv"
            write_rows(tally.rows(), out, kind, SUMMARY_COLUMNS)
    if not tally.all.items:
        return
    if any(len(groups) > 1 for groups in tally.groups.values()):
        _print_table(list(tally.rows())[:-1])
    click.echo(f"accuracy {tally.all}", err=True)


def _print_table(rows: list[Row]) -> None:
    width = max(len(row["value"]) for row in rows)
    for row in rows:
        shares = "{accuracy:.4f}  {low:.4f} to {high:.4f}".format(**row)
        line = f"{row['by']:<5}  {row['value']:<{width}}  {shares}  {row['correct']:,} of {row['items']:,}"
        click.echo(visible(line), err=True)
