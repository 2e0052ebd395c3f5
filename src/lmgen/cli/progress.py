"""How far a command has come, on stderr where somebody is watching."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from lmgen.cli.console import stderr_console

Done = TypeVar("Done")


def somebody_watches(output: str = "") -> bool:
    """Whether progress is shown: stderr is a terminal, and no rows come up on one; `output` is `-` if they go to stdout."""
    return stderr_console().is_terminal and not (output == "-" and sys.stdout.isatty())


def with_progress(done: Iterable[Done], total: int | None, unit: str, shown: bool) -> Iterator[Done]:
    """Pass on what is done; show how much that is, and the time left where the total is known."""
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(unit), TimeRemainingColumn())
    with Progress(*columns, console=stderr_console(), disable=not shown, transient=True) as progress:
        yield from progress.track(done, total=total)
