"""What the commands that score share: options, the model, the sentences."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import click

from lmgen.cli.options import MODEL, all_of, precision
from lmgen.errors import UsageError
from lmgen.scoring import (
    BASES,
    COLUMN,
    CONTEXTS,
    OOV_INPUTS,
    ROWS,
    Item,
    Scoring,
    Sentence,
    read_texts,
    sentences_of,
    with_words,
)
from lmgen.text import INPUT_KINDS, KINDS, InputFormat, kind_of, lines_of, names_of, own_name, split_words

WithColumns = TypeVar("WithColumns", Sentence, Item)

FILE = click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[FILE]")
TEXT = click.option("--text", metavar="TEXT", help="Take these sentences, a line each; no FILE.")
TABLE_COLUMN = click.option(
    "--column", default=COLUMN, show_default=True, help="Of the text in a .csv, .tsv or .jsonl."
)
INPUT = all_of(
    (
        click.option(
            "--input-format",
            type=click.Choice(INPUT_KINDS),
            help="Of FILE.  [default: by its suffix; text from stdin]",
        ),
        click.option("--encoding", default=InputFormat.encoding, show_default=True, metavar="NAME", help="Of FILE."),
        click.option(
            "--delimiter",
            metavar="X",
            help="Between the cells of a .csv or .tsv.  [default: a comma; a tab]",
        ),
    )
)
"""How the file of texts is written: `input_format`."""
TOKENIZED = click.option(
    "--no-tokenize", "tokenized", is_flag=True, help="Texts are words with spaces between already."
)
CONTEXT = click.option(
    "--context",
    type=click.Choice(CONTEXTS),
    default="sentence",
    show_default=True,
    help="Empty the memory at each sentence, at blank lines, or never.",
)
BASE = click.option(
    "--base", type=click.Choice(tuple(BASES)), default="2", show_default=True, help="Of surprisal: bits, nats or bans."
)
REDUCE = click.option(
    "--reduce",
    type=click.Choice(("sum", "mean")),
    default="sum",
    show_default=True,
    help="Of the scores of a sentence's tokens, `</S>` included.",
)
RENORMALIZE = click.option(
    "--renormalize/--no-renormalize", default=True, show_default=True, help="Leave out softmax rows without a word."
)
PREFIX = click.option("--prefix", default="", metavar="TEXT", help="Read this before each text; it is not scored.")
READING = all_of(
    (
        RENORMALIZE,
        click.option(
            "--oov-input",
            type=click.Choice(OOV_INPUTS),
            default="chars",
            show_default=True,
            help="Read unknown words by their letters, or as <UNK>; their score is that of <UNK> either way.",
        ),
        TOKENIZED,
        click.option("--rows", type=click.IntRange(1), default=ROWS, show_default=True, help="Texts read at once."),
        precision("float32"),
        MODEL,
    )
)
"""How texts are read, and by which model."""


def table_format(*others: str):
    """`--format`, of a command that writes rows."""
    return click.option(
        "--format",
        "kind",
        type=click.Choice((*KINDS, *others)),
        help="Of the output.  [default: by the suffix of -o; table on a terminal, else tsv]",
    )


def chosen_format(options: dict) -> str:
    """The format asked for, or that of the output file's suffix, or that which suits stdout."""
    path = Path(options["output"])
    if options["kind"] is None and path.suffix.lower() == ".json":
        raise UsageError(f"{path}: rows are written as JSON lines, not as JSON: name it .jsonl, or give a --format")
    suffix = kind_of(path)
    terminal = options["output"] == "-" and sys.stdout.isatty()
    return options["kind"] or (suffix if suffix != "text" else "table" if terminal else "tsv")


def scoring(options: dict, rank: bool = False, entropy: bool = False) -> Scoring:
    """How to score, from a command's options."""
    prefix = tuple(split_words(options["tokenized"])(options.get("prefix", "")))
    return Scoring(prefix, options["renormalize"], options["oov_input"], rank, entropy, options["rows"])


def input_format(options: dict) -> InputFormat:
    """How the file of texts is written, from a command's options."""
    return InputFormat(options["input_format"], options["encoding"], options["delimiter"])


def sentences(
    file: Path | None, text: str | None, options: dict, kind: str = "", columns: Sequence[str] = ()
) -> Iterator[Sentence]:
    """The sentences of FILE, of stdin for `-`, or of --text. Those without a word are left out, and their number is told.

    Args:
      kind: in which rows will be written of them, if any are.
      columns: those that lmgen will add to theirs.
    """
    split, context, form = split_words(options["tokenized"]), options.get("context", "sentence"), input_format(options)
    if (file is None) == (text is None):
        raise UsageError("give a FILE (- for stdin) or a --text, and not both")
    if file is not None:
        found = read_texts(file, options["column"], split, context, for_rows(form, file, kind, columns))
    else:
        check_no_file(form)
        found = sentences_of(({COLUMN: line} for line in lines_of(text or "")), COLUMN, split, context)
    return with_words(tell_names(found, columns if kind in KINDS else ()), _tell_empty)


def check_no_file(form: InputFormat) -> None:
    """Raise UsageError where it is told how a file is written and there is none."""
    if form != InputFormat():
        raise UsageError("--input-format, --encoding and --delimiter tell of a file, and none is given: leave them out")


def for_rows(form: InputFormat, file: Path, kind: str, columns: Sequence[str]) -> InputFormat:
    """How to read a file of which rows will be written: one of objects is read twice, as a table has one heading.

    In JSON lines only names that are also among `columns` are evened out: lmgen's columns have one name in all rows.
    """
    if kind not in KINDS or form.kind_of(file) != "jsonl" or not file.is_file():
        return form
    return replace(form, names=tuple(name for name in names_of(file, form) if kind != "jsonl" or name in columns))


def tell_names(found: Iterable[WithColumns], columns: Sequence[str]) -> Iterator[WithColumns]:
    """Pass on what has columns of the user's; tell once which of lmgen's own `columns` get another name beside them."""
    told: set[str] = set()
    for one in found:
        if new := [name for name in columns if name in one.extra and name not in told]:
            told.update(new)
            ours = ", ".join(own_name(name, one.extra) for name in new)
            click.echo(f"columns of yours stay as they are: {', '.join(new)}; lmgen's are {ours}", err=True)
        yield one


def _tell_empty(count: int) -> None:
    click.echo(f"{count:,} {'text without a word is' if count == 1 else 'texts without a word are'} left out", err=True)
