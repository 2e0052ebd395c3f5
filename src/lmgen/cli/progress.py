"""Progress of what takes long, on a terminal."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from lmgen.cli.console import stderr_console
from lmgen.text import Faults, kind_of, read_lines

Item = TypeVar("Item")
_LINES = ("text", "jsonl", "csv", "tsv")
"""Kinds of files in which a line is an item, most often."""


def with_progress(
    found: Iterable[Item], files: Sequence[Path], encoding: str, output: str, what: str = "sentences"
) -> Iterator[Item]:
    """Pass on what is made of files; on a terminal show on stderr how many there are, and the time left.

    Nothing is shown where the rows go to the terminal themselves.

    Args:
      output: where the rows go; `-` is stdout.
      what: is counted, one for each line of the files.
    """
    if not sys.stderr.isatty() or (output == "-" and sys.stdout.isatty()):
        yield from found
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(what), TimeRemainingColumn())
    with Progress(*columns, console=stderr_console(), transient=True) as progress:
        yield from progress.track(found, total=_lines(files, encoding))


def _lines(files: Sequence[Path], encoding: str) -> int | None:
    """How many lines there are to come, where that can be known and each is one: a pipe can be read only once."""
    if not files or not all(file.is_file() and kind_of(file) in _LINES for file in files):
        return None
    skipping = Faults("replace")  # whoever reads the lines says what is wrong with them
    return sum(1 for file in files for _ in read_lines(file, encoding, skipping))
