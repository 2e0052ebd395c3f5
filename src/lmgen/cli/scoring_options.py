"""What the commands that score share: options, the model, the sentences."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from lmgen.checkpoint import ModelFiles
from lmgen.cli.input_options import check_no_file, for_rows, tell_faults, tell_names
from lmgen.cli.model_options import ModelChoice, model_options
from lmgen.cli.options import OUTPUT, PARTS_OUTPUT, SPLITTING, Destination, Splitting, all_of, group
from lmgen.cli.progress import Watch
from lmgen.errors import UsageError
from lmgen.scoring import (
    BASES,
    COLUMN,
    CONTEXTS,
    OOV_INPUTS,
    REDUCTIONS,
    ROWS,
    Layout,
    Scoring,
    Sentence,
    read_texts,
    sentences_of,
    with_words,
)
from lmgen.text import KINDS, InputFormat, kind_of, lines_of

FILES = click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
TEXT = click.option("--text", metavar="TEXT", help="Sentences, one a line, instead of FILE.")
TABLE_COLUMN = click.option(
    "--column", default=COLUMN, show_default=True, help="Column of the text in a .csv, .tsv or .jsonl."
)
CONTEXT = click.option(
    "--context",
    type=click.Choice(CONTEXTS),
    help="Reset the LSTM state at each sentence, at blank lines, or never.  [default: as the model was trained]",
)
BASE = click.option(
    "--base",
    type=click.Choice(tuple(BASES)),
    default="2",
    show_default=True,
    help="Unit of surprisal: bits, nats or bans.",
)
REDUCE = click.option(
    "--reduce",
    type=click.Choice(REDUCTIONS),
    default="sum",
    show_default=True,
    help="How a sentence's token scores are reduced, `</S>` included.",
)
RENORMALIZE = click.option(
    "--renormalize/--no-renormalize",
    default=True,
    show_default=True,
    help="Leave out padding rows, which belong to no word.",
)
PREFIX = click.option("--prefix", default="", metavar="TEXT", help="Read this before each text; it is not scored.")
END = click.option("--no-end", is_flag=True, help="Do not score the end of each text: it is a fragment.")


def _layout(
    word_column: str | None,
    sentence_column: str | None,
    region_column: str | None,
    prefix_column: str | None,
    group: str | None,
) -> Layout:
    if bool(word_column) != bool(sentence_column):
        raise UsageError("rows that make sentences need both: --word-column and --sentence-column")
    if region_column and not sentence_column:
        raise UsageError(
            "--region-column is for rows that make sentences: name their --word-column and --sentence-column"
        )
    column = word_column or COLUMN
    return Layout(column, prefix=prefix_column, group=group, sentence=sentence_column, region=region_column)


LAYOUT = group(
    "layout",
    _layout,
    click.option("--word-column", metavar="COLUMN", help="Column of the words, where each row holds one word."),
    click.option(
        "--sentence-column",
        metavar="COLUMN",
        help="Column of the sentence's name, where each row holds one word.",
    ),
    click.option("--region-column", metavar="COLUMN", help="Column of the region, where each row holds one word."),
    click.option("--prefix-column", metavar="COLUMN", help="Column of a text to read before each; it is not scored."),
    click.option(
        "--group",
        metavar="COLUMN",
        help="Column of the passage: carry the LSTM state within each passage, reset it between.",
    ),
)
"""How rows hang together: a `Layout`."""

READING = all_of(
    (
        RENORMALIZE,
        click.option(
            "--oov-input",
            type=click.Choice(OOV_INPUTS),
            default="chars",
            show_default=True,
            help="How out-of-vocabulary words are read: by their characters, or as <UNK>; their score is that of <UNK> either way.",
        ),
        SPLITTING,
        click.option(
            "--rows", type=click.IntRange(1), default=ROWS, show_default=True, help="Number of texts read at once."
        ),
        model_options("float32"),
    )
)
"""How texts are read, and by which model: fields of `Reading`."""


def table_to(*others: str, folder: bool = False) -> Callable:
    """`--format` and `-o` of a command that writes rows: the group `to`, a `Destination`.

    Args:
      others: formats beside KINDS.
      folder: -o may name a folder, for parts.
    """
    form = click.option(
        "--format",
        "kind",
        type=click.Choice((*KINDS, *others)),
        help="Output format.  [default: by the suffix of -o; table on a terminal, else tsv]",
    )
    return group("to", _destination, form, PARTS_OUTPUT if folder else OUTPUT)


def _destination(kind: str | None, output: str) -> Destination:
    """In the format asked for, or the one that the file's suffix names, or the one that suits stdout."""
    path = Path(output)
    if kind is None and path.suffix.lower() == ".json":
        raise UsageError(f"{path}: rows are written as JSON lines, not as JSON: name it .jsonl, or give a --format")
    suffix = kind_of(path)
    if suffix == "parquet":
        if kind not in (None, "jsonl"):
            raise UsageError(f"{path}: Parquet has a form of its own: leave out --format {kind}")
        return Destination("jsonl", output)
    terminal = output == "-" and sys.stdout.isatty()
    return Destination(kind or (suffix if suffix in KINDS else "table" if terminal else "tsv"), output)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How texts are read, and by which model."""

    renormalize: bool
    oov_input: str
    splitting: Splitting
    rows: int
    model: ModelChoice

    def scoring(self, prefix: str = "", **fields: Any) -> Scoring:
        """How to score; `fields` are more of those of `Scoring`."""
        words = tuple(self.splitting.words(prefix))
        return Scoring(words, self.renormalize, self.oov_input, rows=self.rows, **fields)


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where sentences come from, and how words are made of them."""

    files: tuple[Path, ...]
    """`-` is stdin."""
    text: str | None = None
    column: str
    form: InputFormat
    splitting: Splitting
    layout: Layout = Layout()  # noqa: RUF009 (immutable)

    def sentences(
        self, context: str = "sentence", kind: str = "", columns: Sequence[str] = (), bars: bool = False
    ) -> Iterator[Sentence]:
        """Its sentences. Those without a word are left out, and their number is reported.

        Args:
          context: one of CONTEXTS.
          kind: in which rows will be written of them, if any are.
          columns: those that lmgen will add to theirs.
          bars: | stands between regions.
        """
        if bool(self.files) == (self.text is not None):
            raise UsageError("give a FILE (- for stdin) or a --text, and not both")
        column = self.layout.column if self.layout.sentence else self.column
        layout = replace(self.layout, column=column, split=self.splitting.words, context=context, bars=bars)
        if self.files:
            form = for_rows(self.form, self.files, kind, columns)
            found = tell_faults(read_texts(self.files, layout, form), form.faults)
        else:
            check_no_file(self.form)
            lines = enumerate(lines_of(self.text or ""), 1)
            found = sentences_of(
                (({layout.column: line}, f"line {number} of --text") for number, line in lines), layout
            )
        return with_words(tell_names(found, columns if kind in KINDS else ()), _tell_empty)

    def watch(self, output: str) -> Watch:
        """What shows progress on a terminal."""
        return Watch(self.files, self.form.encoding, output)


@dataclass(frozen=True, kw_only=True)
class ScoredTexts(Reading, Source):
    """Texts, what is read before each, and how far the LSTM state is carried."""

    prefix: str = ""
    context: str | None
    no_end: bool = False

    def __post_init__(self) -> None:
        carried = "--group" if self.layout.group else f"--context {self.context}"
        if self.layout.group and self.context:
            raise UsageError("--group says where the LSTM state is emptied: leave out --context")
        if self.layout.prefix and self.prefix:
            raise UsageError("give a --prefix or a --prefix-column, not both")
        if self.layout.prefix and (self.layout.group or self.context not in (None, "sentence")):
            raise UsageError(f"a text with a prefix of its own starts afresh: leave out {carried}")

    def context_of(self, files: ModelFiles) -> str:
        """How far the LSTM state is carried: as asked, or as the model was trained."""
        return self.context or files.context

    def check_cut(self, context: str) -> None:
        """Raise UsageError if the texts cannot be cut into shards."""
        if context == "stream" and not self.layout.group:
            raise UsageError(
                "all is one text in --context stream, and cannot be shared out: give --context sentence or document"
            )


def _tell_empty(count: int) -> None:
    click.echo(f"{count:,} {'text without a word is' if count == 1 else 'texts without a word are'} left out", err=True)
