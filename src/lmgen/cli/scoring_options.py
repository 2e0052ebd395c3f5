"""What the commands that score share: options, the model, the sentences."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from lmgen.checkpoint import ModelFiles
from lmgen.cli.input_options import check_no_file, for_rows, input_format, tell_names
from lmgen.cli.options import MODEL, SPLITTING, all_of, precision, splitter
from lmgen.errors import UsageError
from lmgen.scoring import (
    BASES,
    COLUMN,
    CONTEXTS,
    OOV_INPUTS,
    ROWS,
    Scoring,
    Sentence,
    read_texts,
    sentences_of,
    with_words,
)
from lmgen.text import KINDS, kind_of, lines_of

FILE = click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[FILE]")
TEXT = click.option("--text", metavar="TEXT", help="Take these sentences, a line each; no FILE.")
TABLE_COLUMN = click.option(
    "--column", default=COLUMN, show_default=True, help="Of the text in a .csv, .tsv or .jsonl."
)
CONTEXT = click.option(
    "--context",
    type=click.Choice(CONTEXTS),
    help="Empty the LSTM state at each sentence, at blank lines, or never.  [default: as the model was trained]",
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
        SPLITTING,
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


def context_of(files: ModelFiles, options: dict) -> str:
    """How far the LSTM state is carried: as a command's options say, or as the model was trained."""
    return options["context"] or files.context


def scoring(options: dict, rank: bool = False, entropy: bool = False) -> Scoring:
    """How to score, from a command's options."""
    prefix = tuple(splitter(options)(options.get("prefix", "")))
    return Scoring(prefix, options["renormalize"], options["oov_input"], rank, entropy, options["rows"])


def sentences(
    file: Path | None, text: str | None, options: dict, kind: str = "", columns: Sequence[str] = ()
) -> Iterator[Sentence]:
    """The sentences of FILE, of stdin for `-`, or of --text. Those without a word are left out, and their number is told.

    Args:
      kind: in which rows will be written of them, if any are.
      columns: those that lmgen will add to theirs.
    """
    split, context, form = splitter(options), options.get("context", "sentence"), input_format(options)
    if (file is None) == (text is None):
        raise UsageError("give a FILE (- for stdin) or a --text, and not both")
    if file is not None:
        found = read_texts(file, options["column"], split, context, for_rows(form, file, kind, columns))
    else:
        check_no_file(form)
        found = sentences_of(({COLUMN: line} for line in lines_of(text or "")), COLUMN, split, context)
    return with_words(tell_names(found, columns if kind in KINDS else ()), _tell_empty)


def _tell_empty(count: int) -> None:
    click.echo(f"{count:,} {'text without a word is' if count == 1 else 'texts without a word are'} left out", err=True)
