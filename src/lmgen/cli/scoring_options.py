"""What the commands that score share: options, the model, the sentences."""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from lmgen.cli.options import MODEL, all_of, precision
from lmgen.errors import UsageError
from lmgen.scoring import BASES, COLUMN, CONTEXTS, OOV_INPUTS, ROWS, Scoring, Sentence, read_texts, sentences_of
from lmgen.text import KINDS, kind_of, split_words

FILE = click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[FILE]")
TEXT = click.option("--text", metavar="TEXT", help="Take these sentences, a line each; no FILE.")
TABLE_COLUMN = click.option(
    "--column", default=COLUMN, show_default=True, help="Of the text in a .csv, .tsv or .jsonl."
)
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
    suffix = kind_of(Path(options["output"]))
    terminal = options["output"] == "-" and sys.stdout.isatty()
    return options["kind"] or (suffix if suffix != "text" else "table" if terminal else "tsv")


def scoring(options: dict, rank: bool = False, entropy: bool = False) -> Scoring:
    """How to score, from a command's options."""
    prefix = tuple(split_words(options["tokenized"])(options.get("prefix", "")))
    return Scoring(prefix, options["renormalize"], options["oov_input"], rank, entropy, options["rows"])


def sentences(file: Path | None, text: str | None, options: dict) -> Iterator[Sentence]:
    """The sentences of FILE, of stdin for `-`, or of --text."""
    split, context = split_words(options["tokenized"]), options.get("context", "sentence")
    if text is not None and file is None:
        return sentences_of(({COLUMN: line} for line in text.split("\n")), COLUMN, split, context)
    if file is not None and text is None:
        return read_texts(file, options["column"], split, context)
    raise UsageError("give a FILE (- for stdin) or a --text, and not both")
